// SPDX-License-Identifier: MIT
#include "wire/cache_control.h"

#include <algorithm>
#include <optional>

#include "core/http_date.h"
#include "core/text.h"
#include "wire/text_scan.h"

namespace pester::wire {

namespace {

using core::part;

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Digits only, of any number; 0 for anything else.
std::optional<uint32_t> read_seconds(std::string_view text) {
  if (text.empty()) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = std::min<uint64_t>(value * 10 + static_cast<uint64_t>(c - '0'), CacheControl::kSecondsMax);
  }
  return static_cast<uint32_t>(value);
}

uint32_t add_seconds(uint32_t a, uint32_t b) {
  return static_cast<uint32_t>(std::min<uint64_t>(uint64_t{a} + b, CacheControl::kSecondsMax));
}

// A directive with its argument, from the front of `rest`; what is quoted may hold commas.
struct Directive {
  std::string_view name, argument;
};
bool take_directive(std::string_view* rest, Directive* out) {
  *out = {};
  size_t at = 0;
  while (at < rest->size() && is_token_byte((*rest)[at])) ++at;
  out->name = part(*rest, 0, at);
  bool well = at != 0;
  if (at < rest->size() && (*rest)[at] == '=') {
    const bool is_quoted = at + 1 < rest->size() && (*rest)[at + 1] == '"';
    const size_t from = at + (is_quoted ? 2 : 1);
    at = from;
    if (is_quoted) {
      while (at < rest->size() && (*rest)[at] != '"') at += (*rest)[at] == '\\' ? 2 : 1;
      well &= at < rest->size();
      out->argument = part(*rest, from, at - from);
      ++at;
    } else {
      while (at < rest->size() && is_token_byte((*rest)[at])) ++at;
      out->argument = part(*rest, from, at - from);
    }
  }
  *rest = part(*rest, at);
  return well;
}

void lower(uint32_t seconds, uint32_t* least) {
  *least = std::min(*least, seconds);
}

void add(const Directive& directive, CacheControl* out) {
  const auto is = [&directive](std::string_view name) {
    return equals_ignoring_case(directive.name, name);
  };
  if (is("no-store")) {
    out->no_store = true;
  } else if (is("no-cache")) {
    out->no_cache = true;
  } else if (is("private")) {
    out->is_private = true;
  } else if (is("must-revalidate") || is("proxy-revalidate") || is("s-maxage")) {
    out->must_revalidate = true;
  } else if (is("max-age")) {
    lower(read_seconds(directive.argument).value_or(0), &out->max_age_s);
  } else if (is("stale-if-error")) {
    lower(read_seconds(directive.argument).value_or(0), &out->stale_if_error_s);
  }
}

}  // namespace

void read_cache_control(std::string_view value, CacheControl* out) {
  for (std::string_view rest = value;;) {
    while (!rest.empty() && (is_blank(rest.front()) || rest.front() == ',')) rest.remove_prefix(1);
    if (rest.empty()) return;
    Directive directive;
    const bool well = take_directive(&rest, &directive);
    add(directive, out);
    while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
    if (!well || (!rest.empty() && rest.front() != ',')) {  // who knows what else it wants to say
      out->is_malformed = true;
      return;
    }
  }
}

Keeping read_keeping(const ResponseHead& head, int64_t wall_s, uint32_t took_s) {
  CacheControl control;
  bool sets_cookie = false;
  bool varies = false;
  for (size_t i = 0; i < head.received_count(); ++i) {
    const std::string_view name = head.received_name(i);
    const std::string_view value = without_blanks(head.received_value(i));
    if (equals_ignoring_case(name, "cache-control")) {
      read_cache_control(value, &control);
    } else if (equals_ignoring_case(name, "set-cookie")) {
      sets_cookie = true;
    } else if (equals_ignoring_case(name, "vary")) {
      varies |= value.find('*') != std::string_view::npos;
    }
  }
  Keeping keeping;
  keeping.may_share =
      !control.no_store && !control.is_private && !control.is_malformed && !sets_cookie && !varies;
  keeping.may_keep = keeping.may_share && !control.no_cache && !control.must_revalidate;
  const std::optional<int64_t> date = core::parse_http_date(head.find("date"), wall_s);
  const std::string_view age_text = head.find("age");
  const uint32_t age = read_seconds(without_blanks(part(age_text, 0, age_text.find(',')))).value_or(0);
  const int64_t apparent = date ? std::clamp<int64_t>(wall_s - *date, 0, CacheControl::kSecondsMax) : 0;
  keeping.age_s = std::max(static_cast<uint32_t>(apparent), add_seconds(age, took_s));
  if (control.stale_if_error_s == CacheControl::kNone) return keeping;
  uint32_t fresh_s = control.max_age_s;
  if (fresh_s == CacheControl::kNone) {
    const std::optional<int64_t> expires = core::parse_http_date(head.find("expires"), wall_s);
    const bool known = expires && date;
    fresh_s =
        known
            ? static_cast<uint32_t>(std::clamp<int64_t>(*expires - *date, 0, CacheControl::kSecondsMax))
            : 0;
  }
  keeping.most_s = add_seconds(fresh_s, control.stale_if_error_s);
  return keeping;
}

}  // namespace pester::wire

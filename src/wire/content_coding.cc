// SPDX-License-Identifier: MIT
#include "wire/content_coding.h"

#include <algorithm>

#include "core/text.h"
#include "wire/text_scan.h"

namespace pester::wire {

namespace {

struct Name {
  std::string_view lower;
  Coding coding;
};

// "x-gzip" is gzip (RFC 9110 §8.4.1.3).
constexpr Name kNames[] = {
    {"gzip", Coding::gzip}, {"x-gzip", Coding::gzip}, {"deflate", Coding::deflate},
#ifdef PESTER_HAVE_BROTLI
    {"br", Coding::brotli},
#endif
#ifdef PESTER_HAVE_ZSTD
    {"zstd", Coding::zstd},
#endif
};

constexpr std::string_view kEncoding = "content-encoding";
constexpr std::string_view kLength = "content-length";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

const Name* find_name(std::string_view text) {
  for (const Name& name : kNames) {
    if (equals_ignoring_case(text, name.lower)) return &name;
  }
  return nullptr;
}

// One field's list. False: it has a coding that is not known. Those beyond the most are only counted.
bool read_list(std::string_view list, Codings* codings, size_t* count) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view element = trimmed(core::part(list, 0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (element.empty() || equals_ignoring_case(element, "identity")) continue;
    const Name* const name = find_name(element);
    if (name == nullptr) return false;
    if (*count < kCodingsMax) codings->at[*count] = name->coding;
    ++*count;
  }
  return true;
}

}  // namespace

std::string_view coding_name(Coding coding) {
  switch (coding) {
    case Coding::gzip:
      return "gzip";
    case Coding::deflate:
      return "deflate";
    case Coding::brotli:
      return "br";
    case Coding::zstd:
      return "zstd";
  }
  return {};
}

CodingsFound read_codings(const ResponseHead& head, Codings* codings) {
  size_t fields = 0;
  size_t count = 0;
  for (size_t i = 0; i < head.received_count(); ++i) {
    if (!equals_ignoring_case(head.received_name(i), kEncoding)) continue;
    ++fields;
    if (!read_list(head.received_value(i), codings, &count)) return CodingsFound::unknown;
  }
  if (count == 0) return CodingsFound::none;
  if (count > kCodingsMax || fields > kCodingsMax) return CodingsFound::too_many;
  codings->count = static_cast<uint8_t>(count);
  return CodingsFound::known;
}

void hide_coding_fields(ResponseHead* head) {
  for (size_t i = 0; i < head->field_count;) {
    const std::string_view name = head->name(i);
    if (equals_ignoring_case(name, kEncoding) || equals_ignoring_case(name, kLength)) {
      head->hide(i);
    } else {
      ++i;
    }
  }
}

}  // namespace pester::wire

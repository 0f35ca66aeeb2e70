// SPDX-License-Identifier: MIT
// Body and header assembly with curl's rules, of which some are odd: they are kept, since people's
// scripts depend on them.
#include "cli/request_plan.h"

#include <algorithm>
#include <string_view>

#include "cli/command_error.h"
#include "cli/cookie_words.h"
#include "cli/exit_code.h"
#include "cli/text.h"

namespace pester::cli {
namespace {

// And without NUL, which curl drops, too.
std::string without_line_ends(std::string bytes) {
  std::erase_if(bytes, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  return bytes;
}

std::string plus_for_space(std::string encoded) {
  for (size_t at = encoded.find("%20"); at != std::string::npos; at = encoded.find("%20", at)) {
    encoded.replace(at, 3, "+");
  }
  return encoded;
}

// "content", "=content", "name=content", "@file", "name@file": the first '=' decides, then the first
// '@'.
std::string encoded_field(const std::string& text, const FileReader& read) {
  size_t at = text.find('=');
  const bool file = at == std::string::npos && (at = text.find('@')) != std::string::npos;
  if (at == std::string::npos) return plus_for_space(percent_encode(text));
  const std::string name = text.substr(0, at);
  const std::string rest = text.substr(at + 1);
  const std::string value = plus_for_space(percent_encode(file ? read(rest) : rest));
  return name.empty() ? value : name + "=" + value;
}

std::string part_bytes(const DataPart& part, const FileReader& read) {
  switch (part.kind) {
    case DataPart::Kind::data:
      return part.value.starts_with('@') ? without_line_ends(read(part.value.substr(1))) : part.value;
    case DataPart::Kind::binary:
      return part.value.starts_with('@') ? read(part.value.substr(1)) : part.value;
    case DataPart::Kind::raw:
      return part.value;
    case DataPart::Kind::urlencode:
      return encoded_field(part.value, read);
  }
  return {};
}

PlannedHeader parse_header(const std::string& line) {
  const size_t colon = line.find(':');
  if (colon != std::string::npos) {
    const std::string value(trim(std::string_view(line).substr(colon + 1)));
    if (value.empty()) return {line.substr(0, colon), {}};
    return {line.substr(0, colon), value};
  }
  const std::string_view trimmed = trim(line);
  if (trimmed.size() > 1 && trimmed.ends_with(';')) {
    return {std::string(trimmed.substr(0, trimmed.size() - 1)), ""};
  }
  // A token has no place on the screen: at most what would be the name.
  const std::string name = line.substr(0, std::min(line.find_first_of(" \t"), line.size()));
  throw CommandError(kExitUsage, "option --header: '" + printable(name) +
                                     (name.size() < line.size() ? "...'" : "'") +
                                     " is not 'Name: value', 'Name:' or 'Name;'");
}

// -H @FILE has a header a line.
void add_headers(const RequestOptions& options, const FileReader& read, RequestPlan& plan) {
  for (const std::string& given : options.headers) {
    if (!given.starts_with('@')) {
      plan.headers.push_back(parse_header(given));
      continue;
    }
    for (std::string& line : split(read(given.substr(1)), '\n')) {
      std::erase(line, '\r');
      if (!trim(line).empty()) plan.headers.push_back(parse_header(line));
    }
  }
}

// -G: behind the query that is there, in front of the fragment.
void add_query(const std::string& data, std::string& url) {
  if (data.empty()) return;
  const size_t end = std::min(url.find('#'), url.size());
  const size_t query = url.find('?');
  const char* mark = query >= end ? "?" : query + 1 == end ? "" : "&";
  url.insert(end, mark + data);
}

// Takes a header of this name and value away: what it asks for is the library's to do.
bool take_header(std::string_view name, std::string_view value, RequestPlan& plan) {
  return std::erase_if(plan.headers, [&](const PlannedHeader& header) {
           return equal_ignoring_case(header.name, name) && header.value &&
                  equal_ignoring_case(*header.value, value);
         }) > 0;
}

std::string default_method(const RequestOptions& options) {
  if (options.head) return "HEAD";
  if (options.get) return "GET";
  if (options.upload_file) return "PUT";
  return options.data.empty() && options.form.empty() ? "GET" : "POST";
}

// A PUT to a folder goes to the file's name in it, as curl does.
std::string upload_url(std::string url, const std::string& path) {
  const size_t tail = std::min(url.find_first_of("?#"), url.size());
  const size_t authority = url.starts_with('/') ? 0 : url.find("://") + 3;
  const size_t slash = url.find('/', authority);
  const std::string name = percent_encode(std::string_view(path).substr(path.rfind('/') + 1));
  if (slash == std::string::npos || slash > tail) {
    url.insert(tail, "/" + name);
  } else if (url[tail - 1] == '/') {
    url.insert(tail, name);
  }
  return url;
}

}  // namespace

std::string with_scheme(const std::string& url) {
  const size_t end = url.find("://");
  if (end == std::string::npos || end == 0) return url.starts_with("://") ? url : "http://" + url;
  const bool scheme =
      std::all_of(url.begin(), url.begin() + static_cast<std::ptrdiff_t>(end), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
               c == '-' || c == '.';
      });
  return scheme ? url : "http://" + url;
}

std::string join_data(const std::vector<DataPart>& parts, const FileReader& read) {
  std::string body;
  bool first = true;
  for (const DataPart& part : parts) {
    if (!first) body += '&';
    first = false;
    body += part_bytes(part, read);
  }
  return body;
}

RequestPlan plan_request(const RequestOptions& options, const FileReader& read) {
  RequestPlan plan;
  plan.method = options.method.empty() ? default_method(options) : options.method;
  plan.url = options.base_urls.empty() ? with_scheme(options.url) : options.url;
  for (const BaseUrl& base : options.base_urls) {
    plan.base_urls.push_back({with_scheme(base.url), base.weight});
  }
  plan.follows_none = options.location && options.max_redirects < 0;
  add_headers(options, read, plan);
  // Of a line that a browser copied. Trailers are taken anyway, and no coding of transfer is asked for.
  take_header("TE", "trailers", plan);
  const bool data_sent = !options.data.empty() && !options.get;
  if (data_sent || options.upload_file || !options.form.empty()) {
    plan.chunked = take_header("Transfer-Encoding", "chunked", plan);
    plan.expect = take_header("Expect", "100-continue", plan);
  }
  const auto has = [&plan](std::string_view name) {
    return std::any_of(plan.headers.begin(), plan.headers.end(),
                       [name](const PlannedHeader& h) { return equal_ignoring_case(h.name, name); });
  };
  std::vector<PlannedHeader> own;
  if (options.user && options.auth_scheme != 0) {
    const size_t colon = options.user->find(':');
    plan.user = options.user->substr(0, colon);
    plan.password = options.user->substr(colon + 1);
  } else if (options.user && !has("Authorization"))
    own.push_back({"Authorization", "Basic " + base64(*options.user)});
  if (options.bearer && !has("Authorization"))
    own.push_back({"Authorization", "Bearer " + *options.bearer});
  if (!options.referer.empty() && !has("Referer")) own.push_back({"Referer", options.referer});
  const std::string cookies = cookie_header(options.cookies);
  if (!cookies.empty() && !has("Cookie")) own.push_back({"Cookie", cookies});
  if (data_sent && !has("Content-Type")) {
    own.push_back({"Content-Type", "application/x-www-form-urlencoded"});
  }
  plan.headers.insert(plan.headers.begin(), own.begin(), own.end());
  if (data_sent) plan.body = join_data(options.data, read);
  if (options.get && !options.data.empty()) add_query(join_data(options.data, read), plan.url);
  for (const FormText& field : options.form) {
    plan.form.push_back(field.literal ? literal_form_part(field.text)
                                      : parse_form_part(field.text, read));
  }
  plan.upload_file = options.upload_file;
  if (options.upload_file && *options.upload_file != "-") {
    plan.url = upload_url(plan.url, *options.upload_file);
  }
  if (options.fallback) {
    const std::string& text = *options.fallback;
    plan.fallback = text.starts_with('@') ? read(text.substr(1)) : text;
  }
  return plan;
}

}  // namespace pester::cli

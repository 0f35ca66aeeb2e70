// SPDX-License-Identifier: MIT
// The variables of --write-out. Times are seconds since the request began, those of the exchange that
// decided; an unknown variable is told on standard error and stands for nothing, as with curl.
#include "cli/write_out.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/exit_code.h"
#include "cli/location.h"
#include "cli/text.h"

namespace pester::cli {
namespace {

std::string seconds(int64_t ns) {
  return fmt::format("{:.6f}", static_cast<double>(std::max<int64_t>(ns, 0)) / 1e9);
}

const ExchangeReport& decisive_or_none(const Report& report) {
  static const ExchangeReport none = [] {
    ExchangeReport x;
    x.status = 0;
    x.outcome = "failed";
    x.delivery = "unsent";
    return x;
  }();
  const ExchangeReport* x = report.decisive();
  return x != nullptr ? *x : none;
}

// Instants at which a phase was over; 0 when it did not happen.
int64_t resolved_at(const ExchangeReport& x) {
  return x.dns_ns < 0 ? 0 : x.started_ns + std::max<int64_t>(x.queued_ns, 0) + x.dns_ns;
}

int64_t connected_at(const ExchangeReport& x) {
  if (x.connect_ns < 0) return 0;
  return x.started_ns + std::max<int64_t>(x.queued_ns, 0) + std::max<int64_t>(x.dns_ns, 0) +
         x.connect_ns;
}

// Of a unix socket, as with curl, there is neither.
bool is_unix(const std::string& remote) {
  return remote.starts_with("unix:");
}

std::string host_part(const std::string& remote) {
  if (is_unix(remote)) return "";
  const std::string host = remote.substr(0, remote.rfind(':'));
  return host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
}

std::string port_part(const std::string& remote) {
  const size_t colon = remote.rfind(':');
  return colon == std::string::npos || is_unix(remote) ? "0" : remote.substr(colon + 1);
}

// With curl, too, the heads of redirects and informational responses are among them.
uint64_t received_head_bytes(const Report& report) {
  uint64_t sum = 0;
  for (const ExchangeReport& x : report.exchanges) sum += x.head_bytes_received;
  return sum;
}

uint64_t bytes_sent(const Report& report) {
  uint64_t sum = 0;
  for (const ExchangeReport& x : report.exchanges) sum += x.bytes_sent;
  return sum;
}

// curl counts the body's bytes as they came.
uint64_t downloaded(const Report& report) {
  const bool decoded = report.response && !report.response->content_coding.empty();
  return decoded ? report.encoded_bytes : report.body_bytes;
}

std::string speed(uint64_t bytes, int64_t ns) {
  return fmt::format("{:.0f}",
                     ns > 0 ? static_cast<double>(bytes) * 1e9 / static_cast<double>(ns) : 0.0);
}

std::string header_or_empty(const Report& report, const std::string& name) {
  const std::string* value = report.response ? find_header(*report.response, name) : nullptr;
  return value != nullptr ? *value : "";
}

using Render = std::string (*)(const Report& r, const ExchangeReport& x);

std::string status_text(const Report& r, const ExchangeReport&) {
  return fmt::format("{:03}", r.response ? r.response->status : 0);
}

// curl counts the body's bytes that went out.
uint64_t uploaded(const Report& r, const ExchangeReport& x) {
  return x.delivery == "sent" || x.delivery == "answered" ? r.upload_bytes : 0;
}

// When what the exchange followed began: itself, if it followed nothing.
int64_t first_of(const Report& report, const ExchangeReport& last) {
  int64_t began = last.started_ns;
  for (const ExchangeReport& x : report.exchanges) {
    const bool redirected = last.kind == "redirect" && x.lane == last.lane && x.attempt == last.attempt;
    if (redirected) began = std::min(began, x.started_ns);
  }
  return began;
}

// As curl: where a redirect would have led that was not followed.
std::string redirect_url(const Report& r, const ExchangeReport&) {
  if (!r.response || r.response->status < 300 || r.response->status >= 400) return "";
  const std::string* location = find_header(*r.response, "Location");
  return location != nullptr ? absolute_location(r.response->url, *location) : "";
}

// Each name in small letters with all its values, in the order of their first; curl's form.
std::string header_json(const Report& r, const ExchangeReport&) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  if (!r.response) return "{}";
  for (const auto& [name, value] : r.response->headers) {
    object[utf8_or_latin1(lower_case(name))].push_back(utf8_or_latin1(value));
  }
  return object.dump(-1, ' ', true);
}

struct Variable {
  std::string_view name;
  Render render;
};

constexpr Variable kVariables[] = {
    {"http_code", status_text},
    {"response_code", status_text},
    {"time_total", [](const Report& r, const ExchangeReport&) { return seconds(r.duration_ns); }},
    {"time_namelookup", [](const Report&, const ExchangeReport& x) { return seconds(resolved_at(x)); }},
    {"time_connect", [](const Report&, const ExchangeReport& x) { return seconds(connected_at(x)); }},
    {"time_appconnect",
     [](const Report&, const ExchangeReport& x) {
       return seconds(x.tls_ns < 0 ? 0 : connected_at(x) + x.tls_ns);
     }},
    {"time_pretransfer",
     [](const Report&, const ExchangeReport& x) {
       return seconds(x.connect_ns < 0 ? x.started_ns
                                       : connected_at(x) + std::max<int64_t>(x.tls_ns, 0));
     }},
    {"time_starttransfer",
     [](const Report&, const ExchangeReport& x) { return seconds(x.first_byte_ns); }},
    {"time_redirect",
     [](const Report& r, const ExchangeReport& x) { return seconds(x.started_ns - first_of(r, x)); }},
    {"size_download",
     [](const Report& r, const ExchangeReport&) { return std::to_string(downloaded(r)); }},
    {"size_upload",
     [](const Report& r, const ExchangeReport& x) { return std::to_string(uploaded(r, x)); }},
    {"size_header",
     [](const Report& r, const ExchangeReport&) { return std::to_string(received_head_bytes(r)); }},
    {"size_request",
     [](const Report& r, const ExchangeReport&) { return std::to_string(bytes_sent(r)); }},
    {"speed_download",
     [](const Report& r, const ExchangeReport&) { return speed(downloaded(r), r.duration_ns); }},
    {"speed_upload",
     [](const Report& r, const ExchangeReport& x) { return speed(uploaded(r, x), r.duration_ns); }},
    {"num_connects",
     [](const Report& r, const ExchangeReport&) {
       return std::to_string(std::count_if(
           r.exchanges.begin(), r.exchanges.end(),
           [](const ExchangeReport& x) { return !x.reused && !x.remote.empty() && x.connect_ns >= 0; }));
     }},
    {"num_headers",
     [](const Report& r, const ExchangeReport&) {
       return std::to_string(r.response ? r.response->headers.size() : 0);
     }},
    {"num_redirects",
     [](const Report& r, const ExchangeReport& x) {
       return std::to_string(std::count_if(
           r.exchanges.begin(), r.exchanges.end(),
           [&x](const ExchangeReport& y) { return y.lane == x.lane && y.kind == "redirect"; }));
     }},
    {"num_retries",
     [](const Report& r, const ExchangeReport&) { return std::to_string(r.count_kind("retry")); }},
    {"num_attempts",
     [](const Report& r, const ExchangeReport&) { return std::to_string(r.attempts()); }},
    {"url", [](const Report& r, const ExchangeReport&) { return r.url; }},
    {"url_effective",
     [](const Report& r, const ExchangeReport&) { return r.response ? r.response->url : r.url; }},
    {"content_type",
     [](const Report& r, const ExchangeReport&) { return header_or_empty(r, "Content-Type"); }},
    {"redirect_url", redirect_url},
    {"header_json", header_json},
    {"filename_effective", [](const Report& r, const ExchangeReport&) { return r.file_name; }},
    {"ssl_verify_result",
     [](const Report& r, const ExchangeReport&) {
       return std::string(r.exit_status == kExitCertificate ? "1" : "0");
     }},
    {"method", [](const Report& r, const ExchangeReport&) { return r.method; }},
    {"scheme",
     [](const Report& r, const ExchangeReport& x) {
       const std::string& url = x.url.empty() ? r.url : x.url;  // what was asked for may be a path
       const size_t end = url.find("://");
       return end == std::string::npos ? "" : url.substr(0, end);
     }},
    {"http_version",
     [](const Report& r, const ExchangeReport&) {
       return std::string(!r.response ? "0" : r.response->http_version == 10 ? "1.0" : "1.1");
     }},
    {"remote_ip", [](const Report&, const ExchangeReport& x) { return host_part(x.remote); }},
    {"remote_port", [](const Report&, const ExchangeReport& x) { return port_part(x.remote); }},
    {"errormsg", [](const Report& r, const ExchangeReport&) { return r.exit_message; }},
    {"exitcode", [](const Report& r, const ExchangeReport&) { return std::to_string(r.exit_status); }},
};

std::optional<std::string> value_of(std::string_view name, const Report& report) {
  for (const Variable& variable : kVariables) {
    if (variable.name == name) return variable.render(report, decisive_or_none(report));
  }
  return {};
}

class Writer {
 public:
  explicit Writer(const Report& report) : report_(report) {}

  // Consumes what `rest` begins with; false: nothing more is to be written.
  bool step(std::string_view& rest) {
    if (rest[0] == '\\' && rest.size() > 1) return escape(rest);
    if (rest[0] == '%' && rest.size() > 1) return percent(rest);
    put(rest.substr(0, 1));
    rest.remove_prefix(1);
    return true;
  }
  WrittenOut written;

 private:
  void put(std::string_view text) { (to_err_ ? written.err : written.out) += text; }

  bool escape(std::string_view& rest) {
    switch (rest[1]) {
      case 'n':
        put("\n");
        break;
      case 'r':
        put("\r");
        break;
      case 't':
        put("\t");
        break;
      default:
        put(rest.substr(0, 2));
    }
    rest.remove_prefix(2);
    return true;
  }

  bool percent(std::string_view& rest) {
    static constexpr std::string_view kHeader = "%header{";
    if (rest[1] == '%') {
      put("%");
      rest.remove_prefix(2);
      return true;
    }
    const size_t open = rest.starts_with(kHeader) ? kHeader.size() : rest[1] == '{' ? 2 : 0;
    const size_t close = open > 0 ? rest.find('}') : std::string_view::npos;
    if (close == std::string_view::npos) {
      put(rest.substr(0, 1));
      rest.remove_prefix(1);
      return true;
    }
    const std::string_view name = rest.substr(open, close - open);
    rest.remove_prefix(close + 1);
    if (open == kHeader.size()) {
      put(header_or_empty(report_, std::string(name)));
      return true;
    }
    return variable(name);
  }

  bool variable(std::string_view name) {
    if (name == "onerror") return report_.exit_status != 0;
    if (name == "stderr" || name == "stdout") {
      to_err_ = name == "stderr";
    } else if (const auto value = value_of(name, report_)) {
      put(*value);
    } else {
      written.err += "pester: unknown --write-out variable: '" + printable(name) + "'\n";
    }
    return true;
  }

  const Report& report_;
  bool to_err_ = false;
};

}  // namespace

WrittenOut write_out(std::string_view format, const Report& report) {
  Writer writer(report);
  while (!format.empty() && writer.step(format)) {
  }
  return writer.written;
}

}  // namespace pester::cli

// SPDX-License-Identifier: MIT
// The rows of the option table, but for those of the request itself. Each row writes plain values.
#include "cli/option_table.h"

#include <arpa/inet.h>
#include <pester.h>

#include <optional>
#include <stdexcept>
#include <vector>

#include "cli/option_values.h"
#include "cli/request_rows.h"
#include "cli/text.h"

namespace pester::cli {
namespace {

constexpr const char* kConnection = "Connection";
constexpr const char* kResilience = "Resilience";
constexpr const char* kOutput = "Output";

using Value = const std::string&;

// "FILE[:PASSWORD]" as curl reads it: "\:" and "\\" stand for the character itself.
void set_cert(Options& o, Value text) {
  std::string file;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escaped =
        text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == ':' || text[i + 1] == '\\');
    if (text[i] == ':') {
      o.connection.cert_password = text.substr(i + 1);
      break;
    }
    file += escaped ? text[++i] : text[i];
  }
  o.connection.cert_file = file;
}

void set_policy(Options& o, Value text) {
  if (text == "pester") {
    o.resilience.policy = PESTER_POLICY_PESTER;
  } else if (text == "standard") {
    o.resilience.policy = PESTER_POLICY_STANDARD;
  } else if (text == "hedged") {
    o.resilience.policy = PESTER_POLICY_HEDGED;
  } else {
    throw std::invalid_argument("is not a policy (pester, standard, hedged)");
  }
}

// "p93", "p99.9": in thousandths.
std::optional<int> per_mille(std::string_view text) {
  if (text.size() < 2 || text[0] != 'p') return {};
  text.remove_prefix(1);
  const size_t point = text.find('.');
  const auto whole = whole_number(text.substr(0, point));
  if (!whole || *whole > 99) return {};
  int value = static_cast<int>(*whole) * 10;
  if (point != std::string_view::npos) {
    const auto tenth = whole_number(text.substr(point + 1));
    if (!tenth || text.size() != point + 2) return {};
    value += static_cast<int>(*tenth);
  }
  return value > 0 ? std::optional(value) : std::nullopt;
}

void set_hedge_after(Options& o, Value text) {
  if (const auto share = per_mille(text)) {
    o.resilience.hedge_per_mille = *share;
    return;
  }
  const auto ms = duration_ms(text);
  if (!ms)
    throw std::invalid_argument("is neither a duration such as 250ms nor a percentile such as p95");
  o.resilience.hedge_after_ms = *ms;
  o.resilience.hedge_per_mille = PESTER_NONE;
}

// Of the base URL before it: a URL may have any character that could stand between the two.
void set_base_url_weight(Options& o, Value text) {
  const auto weight = static_cast<int>(number_value(text, 0, 1'000'000));
  if (o.request.base_urls.empty()) throw std::invalid_argument("has no --base-url before it");
  o.request.base_urls.back().weight = weight;
}

// "NAME", "ADDRESS", or as curl tells them apart: "if!NAME", "host!ADDRESS".
void set_interface(Options& o, Value text) {
  const bool is_name = text.starts_with("if!");
  const bool is_host = text.starts_with("host!");
  const std::string bare = is_name ? text.substr(3) : is_host ? text.substr(5) : text;
  if (bare.empty()) throw std::invalid_argument("names no interface and no address");
  in6_addr address{};
  const std::string before_zone = bare.substr(0, bare.find('%'));
  const bool is_address = inet_pton(AF_INET, bare.c_str(), &address) == 1 ||
                          inet_pton(AF_INET6, before_zone.c_str(), &address) == 1;
  if (is_host && !is_address) throw std::invalid_argument("has no address behind host!");
  o.connection.interface.clear();
  o.connection.local_address.clear();
  (is_address && !is_name ? o.connection.local_address : o.connection.interface) = bare;
}

int64_t wait_ms(Value text) {
  const auto ms = duration_ms(text);
  if (!ms || *ms == 0) throw std::invalid_argument("is not a duration above 0 such as 500ms");
  return *ms;
}

int on_or_off(Value text) {
  if (text == "on") return 1;
  if (text == "off") return PESTER_NONE;
  throw std::invalid_argument("is neither on nor off");
}

void set_loser_drain(Options& o, Value text) {
  const auto ms = duration_ms(text);
  if (!ms) throw std::invalid_argument("is not a duration such as 500ms");
  o.resilience.loser_drain_ms = *ms == 0 ? PESTER_NONE : *ms;
}

void set_retry_after(Options& o, Value text) {
  int64_t& max_ms = o.resilience.retry_after_max_ms;
  if (text == "on") {
    max_ms = 0;
  } else if (text == "off") {
    max_ms = PESTER_NONE;
  } else if (const auto ms = duration_ms(text); ms && *ms > 0) {
    max_ms = *ms;
  } else {
    throw std::invalid_argument("is neither on, off nor a duration such as 90s or 5m");
  }
}

constexpr OptionRow kConnectionRows[] = {
    {"--base-url", "URL", "where the request may go, the URL being a path then; up to 16", kConnection,
     [](Options& o, Value v) {
       o.request.base_urls.push_back({v, 0});
     }},
    {"--base-url-weight", "N", "the share of the --base-url before it (default 0: in order)",
     kConnection, set_base_url_weight},
    {"--connect-timeout", "SECONDS", "limit of DNS, TCP and TLS together (default 10)", kConnection,
     [](Options& o, Value v) { o.connection.connect_timeout_ms = seconds_value(v); }},
    {"-m,--max-time", "SECONDS", "limit of the whole request, retries and waits included", kConnection,
     [](Options& o, Value v) { o.connection.max_time_ms = seconds_value(v); }},
    {"--attempt-timeout", "SECONDS", "limit of one attempt", kConnection,
     [](Options& o, Value v) { o.connection.attempt_timeout_ms = seconds_value(v); }},
    {"--cacert", "FILE", "CA certificates to trust, PEM", kConnection,
     [](Options& o, Value v) { o.connection.ca_file = v; }},
    {"--capath", "DIR", "directory of CA certificates to trust", kConnection,
     [](Options& o, Value v) { o.connection.ca_dir = v; }},
    {"-k,--insecure", nullptr, "do not check the server's certificate", kConnection,
     [](Options& o, Value) { o.connection.insecure = true; }},
    {"-E,--cert", "FILE[:PASSWORD]", "client certificate", kConnection, set_cert},
    {"--key", "FILE", "its private key", kConnection,
     [](Options& o, Value v) { o.connection.key_file = v; }},
    {"--pinnedpubkey", "sha256//BASE64", "the server's public key must have this hash; several with ;",
     kConnection, [](Options& o, Value v) { o.connection.pinned = v; }},
    {"--tls-keylog", "FILE", "add the secrets of TLS handshakes to it, for Wireshark", kConnection,
     [](Options& o, Value v) { o.connection.key_log = v; }},
    {"--tlsv1.2", nullptr, "TLS 1.2 or later", kConnection,
     [](Options& o, Value) { o.connection.tls_min = PESTER_TLS_1_2; }},
    {"--tlsv1.3", nullptr, "TLS 1.3 or later", kConnection,
     [](Options& o, Value) { o.connection.tls_min = PESTER_TLS_1_3; }},
    {"--resolve", "HOST:PORT:ADDR[,ADDR]", "take these addresses for a host", kConnection,
     [](Options& o, Value v) { o.connection.resolve.push_back(v); }},
    {"--connect-to", "H1:P1:H2:P2", "connect to H2:P2 where H1:P1 is asked for", kConnection,
     [](Options& o, Value v) { o.connection.connect_to.push_back(v); }},
    {"-x,--proxy", "URL", "go through it: http (by CONNECT to https), socks5, socks5h; '' is none",
     kConnection, [](Options& o, Value v) { o.connection.proxy = v; }},
    {"-U,--proxy-user", "NAME:PASS", "credentials for the proxy", kConnection,
     [](Options& o, Value v) {
       if (v.find(':') == std::string::npos) throw std::invalid_argument("has no password (NAME:PASS)");
       o.connection.proxy_user = v;
     }},
    {"-p,--proxytunnel", nullptr, "ask an http proxy for a tunnel to http:// URLs, too", kConnection,
     [](Options& o, Value) { o.connection.proxy_tunnel = true; }},
    {"--noproxy", "LIST", "hosts that are reached without the proxy; * is all", kConnection,
     [](Options& o, Value v) { o.connection.no_proxy = v; }},
    {"--unix-socket", "PATH", "connect to this unix socket, whatever the URL's host", kConnection,
     [](Options& o, Value v) { o.connection.unix_socket = v; }},
    {"--abstract-unix-socket", "NAME", "connect to this abstract unix socket", kConnection,
     [](Options& o, Value v) { o.connection.unix_socket = "@" + v; }},
    {"--interface", "NAME|ADDRESS", "connect through this interface, or from this address of the host",
     kConnection, set_interface},
    {"--dns-servers", "IP[:PORT][,...]", "ask these DNS servers for names, not the system", kConnection,
     [](Options& o, Value v) { o.connection.dns_servers = v; }},
    {"-4,--ipv4", nullptr, "IPv4 only", kConnection, [](Options& o, Value) { o.connection.family = 4; }},
    {"-6,--ipv6", nullptr, "IPv6 only", kConnection, [](Options& o, Value) { o.connection.family = 6; }},
};

constexpr OptionRow kResilienceRows[] = {
    {"--policy", "NAME", "named set of defaults: pester, standard, hedged", kResilience, set_policy},
    {"--concurrency", "N", "lanes raced, 1 to 64 (default 1)", kResilience,
     [](Options& o, Value v) {
       o.resilience.concurrency = static_cast<int>(number_value(v, 1, PESTER_CONCURRENCY_MAX));
     }},
    {"--max-attempts", "N", "tries per lane, the first included (default 3)", kResilience,
     [](Options& o, Value v) {
       const uint64_t n = number_value(v, 0, 1'000'000);
       o.resilience.max_attempts = n == 0 ? 1 : static_cast<int>(n);
     }},
    {"--backoff", "NAME[:BASE[:CAP]]",
     "wait before a retry: constant, linear, linear-jitter, exponential, exponential-jitter, "
     "full-jitter, equal-jitter, decorrelated-jitter, none (default constant:1s)",
     kResilience, [](Options& o, Value v) { o.resilience.backoff = parse_backoff(v); }},
    {"--hedge-after", "DURATION|pNN",
     "start the next lane only when the last has not answered for so long, or for as long as NN % of "
     "the "
     "recent answers took",
     kResilience, set_hedge_after},
    {"--drain-losers", "DURATION", "read on for losers without an answer for so long (0: close them)",
     kResilience, set_loser_drain},
    {"--budget", "on|off", "extra attempts are paid from a budget: 20 % of the requests and 10 a second",
     kResilience, [](Options& o, Value v) { o.resilience.budget = on_or_off(v); }},
    {"--breaker", "on|off", "ask the circuit breaker of the origin before each attempt", kResilience,
     [](Options& o, Value v) { o.resilience.breaker = on_or_off(v); }},
    {"--shared", "FILE", "budget and breakers are those of all runs with this file, which is made",
     kResilience, [](Options& o, Value v) { o.resilience.shared = v; }},
    {"--shared-object", "/NAME", "likewise, of a shared memory object", kResilience,
     [](Options& o, Value v) { o.resilience.shared_object = v; }},
    {"--origin-gate", "on|off", "one Retry-After parks all attempts for its server", kResilience,
     [](Options& o, Value v) { o.resilience.origin_gate = on_or_off(v); }},
    {"--retry-after", "on|off|MAX",
     "wait as long as Retry-After asks; one that asks for more than MAX (5m) ends the trying",
     kResilience, set_retry_after},
    {"--retry-on", "LIST",
     "what is tried again: statuses, ranges, classes (5xx) and connect, timeout, reset, dns, body, tls, "
     "protocol; +X adds, -X takes away",
     kResilience, [](Options& o, Value v) { o.resilience.retry_on = v; }},
    {"--resume", "N", "so often does a body that broke off go on where it broke, up to 255 (default 0)",
     kResilience,
     [](Options& o, Value v) {
       const auto n = static_cast<int>(number_value(v, 0, 255));
       o.resilience.max_resumes = n == 0 ? PESTER_NONE : n;
     }},
    {"--eject", "on|off", "leave an address out for a while where five attempts in a row failed",
     kResilience, [](Options& o, Value v) { o.resilience.endpoint_ejection = on_or_off(v); }},
    {"--max-in-flight", "N", "so many requests for one server at a time; the others wait", kResilience,
     [](Options& o, Value v) {
       o.resilience.max_in_flight = static_cast<int64_t>(number_value(v, 1, 1'000'000));
     }},
    {"--concurrency-limit", "KIND[:MIN[:INITIAL[:MAX]]]",
     "a limit of attempts in flight to one server that finds itself: gradient (by latencies) or aimd "
     "(by "
     "what is dropped), from MIN (1) by INITIAL (20) to MAX (200); none",
     kResilience, [](Options& o, Value v) { read_concurrency_limit(v, &o.resilience.limiter); }},
    {"--rate", "N/UNIT[:BURST]",
     "at most N attempts to one server in each s, m, h or d, BURST of them at once", kResilience,
     [](Options& o, Value v) { read_rate_limit(v, &o.resilience.limiter); }},
    {"--max-wait", "DURATION", "wait so long for one of those, or for a connection", kResilience,
     [](Options& o, Value v) { o.resilience.max_wait_ms = wait_ms(v); }},
    {"--fallback", "TEXT|@FILE", "what is delivered when all is spent and there is no good answer",
     kResilience, [](Options& o, Value v) { o.request.fallback = v; }},
    {"--collapse", nullptr, "requests that are the same and in flight share one exchange", kResilience,
     [](Options& o, Value) { o.resilience.collapse = true; }},
    {"--stale-if-error", "DURATION", "an earlier answer of this run, if it is no older, when one fails",
     kResilience, [](Options& o, Value v) { o.resilience.stale_if_error_ms = wait_ms(v); }},
    {"--idempotent", nullptr, "may be repeated and raced whatever its method", kResilience,
     [](Options& o, Value) { o.resilience.idempotent = true; }},
    {"--retry-unsafe", nullptr, "also repeat a request whose outcome is unknown", kResilience,
     [](Options& o, Value) { o.resilience.retry_unsafe = true; }},
    {"--seed", "N", "seed of the jitter", kResilience,
     [](Options& o, Value v) { o.resilience.seed = number_value(v, 0, UINT64_MAX); }},
    {"--repeat", "N", "send the request N times and sum up", kResilience,
     [](Options& o, Value v) { o.resilience.repeat = number_value(v, 1, 100'000'000); }},
    {"--parallel", "N", "so many at once (default 1)", kResilience,
     [](Options& o, Value v) { o.resilience.parallel = number_value(v, 1, 100'000); }},
};

constexpr OptionRow kOutputRows[] = {
    {"-i,--include", nullptr, "show the response's head before its body", kOutput,
     [](Options& o, Value) { o.output.include = true; }},
    {"-D,--dump-header", "FILE", "write the response's head to a file", kOutput,
     [](Options& o, Value v) { o.output.dump_header = v; }},
    {"-o,--output", "FILE", "write the body to a file", kOutput,
     [](Options& o, Value v) { o.output.output = v; }},
    {"-O,--remote-name", nullptr, "write the body to a file named as the URL ends", kOutput,
     [](Options& o, Value) { o.output.remote_name = true; }},
    {"--max-filesize", "BYTES", "a longer body ends with exit 63; k, M and G may follow", kOutput,
     [](Options& o, Value v) { o.request.max_body_bytes = bytes_value(v); }},
    {"-N,--no-buffer", nullptr, "as ever: what comes is written at once", kOutput,
     [](Options&, Value) {}},
    {"-q,--disable", nullptr, "as ever: no file of options is read", kOutput, [](Options&, Value) {}},
    {"-s,--silent", nullptr, "no errors, no progress", kOutput,
     [](Options& o, Value) { o.output.silent = true; }},
    {"-S,--show-error", nullptr, "errors in spite of -s", kOutput,
     [](Options& o, Value) { o.output.show_error = true; }},
    {"-f,--fail", nullptr, "no body and exit 22 when the status is 400 or more", kOutput,
     [](Options& o, Value) { o.output.fail = true; }},
    {"--fail-with-body", nullptr, "exit 22 likewise, with the body", kOutput,
     [](Options& o, Value) { o.output.fail_with_body = true; }},
    {"-w,--write-out", "FORMAT", "print this afterwards: %{http_code}, %{time_total}, ...", kOutput,
     [](Options& o, Value v) { o.output.write_out = v; }},
    {"-v,--verbose", nullptr, "the wire: connections and heads of every attempt", kOutput,
     [](Options& o, Value) { o.output.verbose = true; }},
    {"--log", nullptr, "a line per failed attempt", kOutput,
     [](Options& o, Value) { o.output.log = true; }},
    {"--waterfall", nullptr, "a picture of the race", kOutput,
     [](Options& o, Value) { o.output.waterfall = true; }},
    {"--stats", nullptr, "counters, denials and latencies to standard error, or in the JSON", kOutput,
     [](Options& o, Value) { o.output.stats = true; }},
    {"-#,--progress-bar", nullptr, "progress of the transfer", kOutput,
     [](Options& o, Value) { o.output.progress_bar = true; }},
    {"--no-progress-meter", nullptr, "no progress, but errors", kOutput,
     [](Options& o, Value) { o.output.no_progress = true; }},
    {"--json", nullptr, "one JSON document instead of the body", kOutput,
     [](Options& o, Value) { o.output.json = true; }},
};

}  // namespace

std::span<const OptionRow> option_table() {
  static const std::vector<OptionRow> rows = [] {
    std::vector<OptionRow> all;
    for (const std::span<const OptionRow> part :
         {request_rows(), std::span<const OptionRow>(kConnectionRows),
          std::span<const OptionRow>(kResilienceRows), std::span<const OptionRow>(kOutputRows)}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return rows;
}

}  // namespace pester::cli

// SPDX-License-Identifier: MIT
// What the user asked for, as plain values, and how the command line becomes that. It touches no file
// and no network; what an option does is decided elsewhere.
#ifndef PESTER_CLI_OPTIONS_H_
#define PESTER_CLI_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/limit_words.h"

namespace pester::cli {

// One -d, --data-binary, --data-raw or --data-urlencode, in the order given: they join in that order.
struct DataPart {
  enum class Kind { data, binary, raw, urlencode };
  Kind kind = Kind::data;
  std::string value;
};

// One -F or --form-string.
struct FormText {
  std::string text;
  bool literal = false;
};

struct Backoff {
  int kind = 0;         // pester_backoff_kind_t
  int64_t base_ms = 0;  // 0: the library's default
  int64_t cap_ms = 0;   // 0: none
};

struct BaseUrl {
  std::string url;
  int weight = 0;
};

struct RequestOptions {
  std::string url;                 // a path with base URLs
  std::vector<BaseUrl> base_urls;  // in order
  std::string method;              // empty: follows from the other options
  std::vector<std::string> headers;
  std::vector<DataPart> data;
  std::optional<std::string> upload_file;  // "-": standard input
  std::vector<FormText> form;
  std::optional<int64_t> expect_timeout_ms;  // given at all: a 100 is waited for
  bool head = false;
  bool get = false;            // the data go into the query
  int64_t max_body_bytes = 0;  // 0: any
  bool compressed = false;
  std::optional<std::string> user_agent;  // "": no such header
  std::string referer;
  std::optional<std::string> user;  // NAME:PASS
  int auth_scheme = 0;              // pester_auth_scheme_t: what it is for
  bool location = false;            // redirects are followed
  int max_redirects = 0;            // 0: the library's default; PESTER_NONE: none
  std::optional<std::string> bearer;
  std::optional<std::string> attempt_header, deadline_header;  // names
  std::optional<std::string> fallback;                         // TEXT or @FILE
  std::vector<std::string> cookies;                            // NAME=VALUE, or a file to read
  std::optional<std::string> cookie_jar;                       // a file to write
  bool junk_session_cookies = false;
  int lenient = 0;  // bits of pester_lenient_t
};

struct ConnectionOptions {
  int64_t connect_timeout_ms = 0;  // 0: the library's default
  int64_t max_time_ms = 0;         // 0: none
  int64_t attempt_timeout_ms = 0;  // 0: none
  std::string ca_file, ca_dir, cert_file, cert_password, key_file, pinned;
  std::string key_log;  // "": none but for the environment's
  bool insecure = false;
  int tls_min = 0;  // pester_tls_version_t
  std::vector<std::string> resolve, connect_to;
  int family = 0;           // 4, 6, or 0 for both
  std::string unix_socket;  // a path, or "@NAME"
  std::string interface, local_address, dns_servers;
  std::optional<std::string> proxy;       // "": none, whatever the environment says
  std::optional<std::string> no_proxy;    // likewise
  std::optional<std::string> proxy_user;  // NAME:PASS
  bool proxy_tunnel = false;
};

struct ResilienceOptions {
  int policy = 0;        // pester_policy_name_t
  int concurrency = 0;   // 0: the policy's
  int max_attempts = 0;  // likewise
  std::optional<Backoff> backoff;
  int64_t hedge_after_ms = 0;
  int hedge_per_mille = 0;     // 0: the policy's; PESTER_NONE: off
  int64_t loser_drain_ms = 0;  // likewise
  int budget = 0, breaker = 0, origin_gate = 0;
  std::optional<std::string> shared, shared_object;  // where both are, for several runs
  int max_resumes = 0, endpoint_ejection = 0;
  int64_t retry_after_max_ms = 0;  // 0: the library's default; PESTER_NONE: off
  std::optional<std::string> retry_on;
  int64_t max_in_flight = 0;  // 0: unlimited
  int64_t max_wait_ms = 0;    // 0: until another deadline
  bool collapse = false;
  int64_t stale_if_error_ms = 0;  // 0: off
  LimiterWords limiter;
  bool idempotent = false;
  bool retry_unsafe = false;
  std::optional<uint64_t> seed;
  std::optional<uint64_t> repeat;  // given at all: a summary is due
  uint64_t parallel = 1;

  [[nodiscard]] uint64_t runs() const { return repeat.value_or(1); }
  // Such answers are gathered before any of it is shown.
  [[nodiscard]] bool gathers() const { return collapse || stale_if_error_ms != 0; }
};

struct OutputOptions {
  bool include = false;
  std::optional<std::string> dump_header;
  std::optional<std::string> output;
  bool remote_name = false;  // `output` is the URL's last part
  bool silent = false;
  bool show_error = false;
  bool fail = false;
  bool fail_with_body = false;
  bool no_progress = false;
  std::optional<std::string> write_out;
  bool verbose = false;
  bool log = false;
  bool waterfall = false;
  bool stats = false;
  bool progress_bar = false;
  bool json = false;

  [[nodiscard]] bool tells_errors() const { return !silent || show_error; }
  [[nodiscard]] bool fails_by_status() const { return fail || fail_with_body; }
};

struct Options {
  RequestOptions request;
  ConnectionOptions connection;
  ResilienceOptions resilience;
  OutputOptions output;
};

// `text` is the help or the version when the user asked for it: print it and be done.
struct CommandLine {
  Options options;
  std::optional<std::string> text;
};

// Throws CommandError with kExitUsage, naming the option and the value.
CommandLine parse_command_line(int argc, const char* const* argv);

// "NAME[:BASE[:CAP]]"; throws std::invalid_argument saying what is wrong.
Backoff parse_backoff(std::string_view text);

}  // namespace pester::cli

#endif

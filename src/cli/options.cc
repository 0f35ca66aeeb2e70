// SPDX-License-Identifier: MIT
// The command line of a request: the option table's rows, a URL, and what does not go together.
#include "cli/options.h"

#include <pester.h>

#include <stdexcept>

#include "cli/command_error.h"
#include "cli/exit_code.h"
#include "cli/option_table.h"
#include "cli/option_words.h"
#include "cli/report.h"
#include "cli/text.h"

namespace pester::cli {
namespace {

[[noreturn]] void usage(const std::string& text) {
  throw CommandError(kExitUsage, text);
}

// What is read of standard input is gone.
constexpr const char* kReadOnce =
    "standard input (--upload-file -) cannot be sent more than once (--repeat)";

void check_body(const Options& o) {
  const RequestOptions& r = o.request;
  const int bodies = static_cast<int>(r.head) + static_cast<int>(!r.data.empty() && !r.get) +
                     static_cast<int>(r.upload_file.has_value()) + static_cast<int>(!r.form.empty());
  if (bodies > 1) usage("only one of --head, --data, --form and --upload-file can be used");
  if (r.get && (r.upload_file || !r.form.empty())) {
    usage("only one of --get, --form and --upload-file can be used");
  }
  if (r.upload_file == "-" && o.resilience.runs() > 1) usage(kReadOnce);
}

void check_together(const Options& o) {
  const RequestOptions& r = o.request;
  if (r.url.empty()) usage("no URL given; try 'pester --help'");
  check_body(o);
  if (o.output.remote_name && o.output.output) {
    usage("only one of --output and --remote-name can be used");
  }
  if (o.output.fail && o.output.fail_with_body) {
    usage("only one of --fail and --fail-with-body can be used");
  }
  if (!r.base_urls.empty() && !r.url.starts_with('/')) {
    usage("URL '" + printable(without_secrets(r.url)) +
          "' is not a path: with --base-url it begins with '/'");
  }
  if (o.connection.proxy_user && o.connection.proxy.value_or("").empty()) {
    usage("--proxy-user needs a --proxy");
  }
  if (r.user && r.bearer) usage("only one of --user and --oauth2-bearer can be used");
}

// Where -O writes: the URL's last part as it stands, so that no server has a say in it.
std::string remote_name(const std::string& url) {
  const std::string path = url.substr(0, url.find_first_of("?#"));
  const size_t scheme = path.find("://");
  const size_t from = path.find('/', scheme == std::string::npos ? 0 : scheme + 3);
  const std::string name = from == std::string::npos ? "" : path.substr(path.rfind('/') + 1);
  if (name == "-") return "./-";  // a file, and not standard output
  if (!name.empty() && name != "." && name != "..") return name;
  throw CommandError(kExitWrite, "option --remote-name: URL '" + printable(without_secrets(url)) +
                                     "' ends in no file's name");
}

// Of words too many; with curl, --json has the body behind it.
[[noreturn]] void refuse_surplus(const Options& o, const std::string& word) {
  usage("more than one URL: '" + printable(without_secrets(word)) + "'" +
        (o.output.json ? "; --json takes no value here, it shows what happened" : ""));
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  WordRules rules = {"pester",
                     "Ask for a page until it is there: retries, backoff and races over HTTP/1.1.",
                     "'pester simulate --help': try a policy against a model of a server.",
                     "URL",
                     "what to ask for; http:// when no scheme is given, a path with --base-url",
                     {}};
  for (const OptionRow& row : option_table()) {
    rules.rows.push_back(
        {row.names, row.value, row.help, row.group,
         [&line, apply = row.apply](const std::string& value) { apply(line.options, value); }});
  }
  const CutWords cut = cut_words(rules, argc, argv);
  line.text = cut.text;
  if (line.text) return line;
  if (!cut.surplus.empty()) refuse_surplus(line.options, cut.surplus.front());
  if (cut.positional) {
    if (!line.options.request.url.empty()) refuse_surplus(line.options, *cut.positional);
    line.options.request.url = *cut.positional;
  }
  check_together(line.options);
  if (line.options.output.remote_name) {
    line.options.output.output = remote_name(line.options.request.url);
  }
  return line;
}

Backoff parse_backoff(std::string_view text) {
  struct Name {
    std::string_view text;
    int kind;
  };
  static constexpr Name kNames[] = {
      {"constant", PESTER_BACKOFF_CONSTANT},
      {"linear", PESTER_BACKOFF_LINEAR},
      {"linear-jitter", PESTER_BACKOFF_LINEAR_JITTER},
      {"exponential", PESTER_BACKOFF_EXPONENTIAL},
      {"exponential-jitter", PESTER_BACKOFF_EXPONENTIAL_JITTER},
      {"full-jitter", PESTER_BACKOFF_FULL_JITTER},
      {"equal-jitter", PESTER_BACKOFF_EQUAL_JITTER},
      {"decorrelated-jitter", PESTER_BACKOFF_DECORRELATED_JITTER},
      {"none", PESTER_BACKOFF_NONE},
  };
  const std::vector<std::string> parts = split(text, ':');
  Backoff backoff;
  for (const Name& name : kNames) {
    if (name.text == parts[0]) backoff.kind = name.kind;
  }
  if (backoff.kind == 0) throw std::invalid_argument("names no backoff: NAME[:BASE[:CAP]], see --help");
  if (parts.size() > 3) throw std::invalid_argument("has more than NAME:BASE:CAP");
  if (parts.size() > 1 && backoff.kind == PESTER_BACKOFF_NONE) {
    throw std::invalid_argument("gives 'none' a length");
  }
  bool nothing = false;
  for (size_t i = 1; i < parts.size(); ++i) {
    const auto ms = duration_ms(parts[i]);
    if (!ms) throw std::invalid_argument("has no duration such as 250ms or 1.5s in '" + parts[i] + "'");
    (i == 1 ? backoff.base_ms : backoff.cap_ms) = *ms;
    nothing = nothing || *ms == 0;
  }
  // The library reads 0 as "the default"; a base or cap of nothing is no wait at all.
  if (nothing) backoff = {PESTER_BACKOFF_NONE, 0, 0};
  return backoff;
}

}  // namespace pester::cli

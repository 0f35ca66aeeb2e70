// SPDX-License-Identifier: MIT
// Cuts the command line with CLI11 and applies the option table in the order of the words: CLI11 alone
// would lose how -d and --data-urlencode alternate. Values stay raw text until their row reads them.
#include "cli/options.h"

#include <pester.h>

#include <CLI/CLI.hpp>
#include <map>
#include <stdexcept>

#include "cli/command_error.h"
#include "cli/exit_code.h"
#include "cli/option_table.h"
#include "cli/text.h"

namespace pester::cli {
namespace {

[[noreturn]] void usage(const std::string& text) {
  throw CommandError(kExitUsage, text);
}

std::string long_name(const OptionRow& row) {
  const std::string names = row.names;
  return names.substr(names.rfind("--"));
}

void apply_row(const OptionRow& row, Options& options, const std::string& value) {
  try {
    row.apply(options, value);
  } catch (const std::invalid_argument& why) {
    const std::string name = long_name(row);
    // A password has no place on the screen, not even a wrong one.
    const bool shown = row.value != nullptr && name != "--user" && name != "--oauth2-bearer";
    const bool later = std::string_view(why.what()) == "is not in this version";
    usage("option " + name +
          (shown ? (later ? " " : ": '") + printable(value) + (later ? "" : "'") : "") + " " +
          why.what());
  }
}

using Rows = std::map<const CLI::Option*, const OptionRow*>;

Rows add_options(CLI::App& app) {
  Rows rows;
  for (const OptionRow& row : option_table()) {
    CLI::Option* option = nullptr;
    if (row.value != nullptr) {
      const CLI::callback_t taken = [](const CLI::results_t&) { return true; };
      option = app.add_option(row.names, taken, row.help);
      option->type_name(row.value)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
      option->expected(1)->allow_extra_args(false);
    } else {
      option = app.add_flag_function(
          row.names, [](int64_t) {}, row.help);
    }
    option->group(row.group);
    rows[option] = &row;
  }
  return rows;
}

// What no option took: words that look like options are unknown, others are surplus URLs. CLI11 leaves
// the "--" itself here too.
void refuse_extras(std::vector<std::string> extras) {
  std::erase(extras, "--");
  for (const std::string& word : extras) {
    if (word.size() > 1 && word[0] == '-') usage("option " + printable(word) + ": is unknown");
  }
  if (!extras.empty()) usage("more than one URL: '" + printable(extras.front()) + "'");
}

void check_together(const Options& o) {
  const RequestOptions& r = o.request;
  if (r.url.empty()) usage("no URL given; try 'pester --help'");
  const int bodies = static_cast<int>(r.head) + static_cast<int>(!r.data.empty()) +
                     static_cast<int>(r.upload_file.has_value());
  if (bodies > 1) usage("only one of --head, --data and --upload-file can be used");
  if (r.user && r.bearer) usage("only one of --user and --oauth2-bearer can be used");
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  CLI::App app("Ask for a page until it is there: retries, backoff and races over HTTP/1.1.", "pester");
  CommandLine line;
  app.set_help_flag("-h,--help", "this text");
  app.set_version_flag("-V,--version", std::string("pester ") + PESTER_VERSION);
  app.get_formatter()->column_width(34);
  app.allow_extras();
  const CLI::callback_t taken = [](const CLI::results_t&) { return true; };
  CLI::Option* url = app.add_option("URL", taken, "what to ask for; http:// when no scheme is given");
  url->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->expected(1)->allow_extra_args(false);
  const Rows rows = add_options(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    line.text = app.help();
    return line;
  } catch (const CLI::CallForVersion&) {
    line.text = std::string("pester ") + PESTER_VERSION + "\n";
    return line;
  } catch (const CLI::ParseError& error) {
    usage(error.what());
  }
  refuse_extras(app.remaining());
  if (url->count() > 0) line.options.request.url = url->results().front();
  std::map<const CLI::Option*, size_t> seen;
  for (const CLI::Option* option : app.parse_order()) {
    const auto row = rows.find(option);
    if (row == rows.end()) continue;
    const std::string value = option->results().at(seen[option]++);
    if (row->second->value == nullptr && value != "true") {
      usage("option " + long_name(*row->second) + ": takes no value, got '" + printable(value) + "'");
    }
    apply_row(*row->second, line.options, row->second->value != nullptr ? value : "");
  }
  check_together(line.options);
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

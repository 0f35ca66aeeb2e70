// SPDX-License-Identifier: MIT
// Cuts the command line with CLI11 and applies the rows in the order of the words: CLI11 alone would
// lose how -d and --data-urlencode alternate. Values stay raw text until their row reads them.
#include "cli/option_words.h"

#include <pester.h>

#include <CLI/CLI.hpp>
#include <map>
#include <stdexcept>

#include "cli/command_error.h"
#include "cli/curl_words.h"
#include "cli/exit_code.h"
#include "cli/report.h"
#include "cli/text.h"

namespace pester::cli {
namespace {

using Rows = std::map<const CLI::Option*, const WordRow*>;

[[noreturn]] void usage(const std::string& text) {
  throw CommandError(kExitUsage, text);
}

void apply_row(const WordRow& row, const std::string& value) {
  try {
    row.apply(value);
  } catch (const std::invalid_argument& why) {
    const std::string name = row.long_name();
    // A password has no place on the screen, not even a wrong one.
    const bool shown =
        row.value != nullptr && name != "--user" && name != "--proxy-user" && name != "--oauth2-bearer";
    const std::string text = name == "--url" ? without_secrets(value) : value;
    usage("option " + name + (shown ? ": '" + printable(text) + "'" : "") + " " + why.what());
  }
}

Rows add_options(CLI::App& app, const std::vector<WordRow>& all) {
  Rows rows;
  for (const WordRow& row : all) {
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

[[noreturn]] void unknown(const std::string& word) {
  const std::string_view instead = instead_of(std::string_view(word).substr(0, word.find('=')));
  usage("option " + printable(word) + ": is unknown" +
        (instead.empty() ? "" : "; " + std::string(instead)));
}

// What no option took: words that look like options are unknown. CLI11 leaves the "--" itself here too.
std::vector<std::string> surplus_of(std::vector<std::string> extras) {
  std::erase(extras, "--");
  for (const std::string& word : extras) {
    if (word.size() > 1 && word[0] == '-') unknown(word);
  }
  return extras;
}

}  // namespace

std::string WordRow::long_name() const {
  const std::string all = names;
  return all.substr(all.rfind("--"));
}

CutWords cut_words(const WordRules& rules, int argc, const char* const* argv) {
  CLI::App app(rules.about, rules.command);
  CutWords cut;
  app.set_help_flag("-h,--help", "this text");
  app.set_version_flag("-V,--version", std::string("pester ") + PESTER_VERSION, "the version");
  app.get_formatter()->column_width(34);
  app.footer(rules.footer);
  app.allow_extras();
  CLI::Option* positional = nullptr;
  if (rules.positional != nullptr) {
    const CLI::callback_t taken = [](const CLI::results_t&) { return true; };
    positional = app.add_option(rules.positional, taken, rules.positional_help);
    positional->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->expected(1);
    positional->allow_extra_args(false);
  }
  const Rows rows = add_options(app, rules.rows);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    cut.text = app.help();
    return cut;
  } catch (const CLI::CallForVersion&) {
    cut.text = std::string("pester ") + PESTER_VERSION + "\n";
    return cut;
  } catch (const CLI::ArgumentMismatch& error) {  // an option at the end of the line
    const std::string why = error.what();
    usage("option " + why.substr(0, why.find(':')) + ": has no value");
  } catch (const CLI::ParseError& error) {
    usage(error.what());
  } catch (const std::logic_error&) {  // what CLI11 takes for a number, and is none
    usage("an option that takes no value was given one");
  }
  cut.surplus = surplus_of(app.remaining());
  if (positional != nullptr && positional->count() > 0) cut.positional = positional->results().front();
  std::map<const CLI::Option*, size_t> seen;
  for (const CLI::Option* option : app.parse_order()) {
    const auto found = rows.find(option);
    if (found == rows.end()) continue;
    const WordRow& row = *found->second;
    const std::string value = option->results().at(seen[option]++);
    if (row.value == nullptr && value != "true") {
      usage("option " + row.long_name() + ": takes no value, got '" + printable(value) + "'");
    }
    apply_row(row, row.value != nullptr ? value : "");
    cut.applied.push_back({row.long_name(), row.value != nullptr ? value : ""});
  }
  return cut;
}

}  // namespace pester::cli

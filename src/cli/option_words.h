// SPDX-License-Identifier: MIT
// How a command line is cut into options: by rows that say how each is spelled and what it does. It does
// not know what the options mean.
#ifndef PESTER_CLI_OPTION_WORDS_H_
#define PESTER_CLI_OPTION_WORDS_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace pester::cli {

struct WordRow {
  const char* names;  // "-X,--request", the long one last
  const char* value;  // what the help calls its value; nullptr: a flag
  const char* help;
  const char* group;
  // Called once for each occurrence, in the order of the command line, with "" for a flag. Throws
  // std::invalid_argument saying what the value is not.
  std::function<void(const std::string&)> apply;

  [[nodiscard]] std::string long_name() const;
};

struct WordRules {
  const char* command;     // as it is called
  const char* about;       // a sentence for the help
  const char* footer;      // its last words
  const char* positional;  // the name of a word that is no option; nullptr: there is none
  const char* positional_help;
  std::vector<WordRow> rows;
};

struct AppliedWord {
  std::string option, value;  // its long name; "" for a flag
};

struct CutWords {
  std::optional<std::string> text;        // the help or the version, when asked for: nothing was applied
  std::optional<std::string> positional;  // the first one
  std::vector<std::string> surplus;       // the others
  std::vector<AppliedWord> applied;       // in order
};

// Cuts the words and applies the rows. Throws CommandError with kExitUsage, naming the option and the
// value.
CutWords cut_words(const WordRules& rules, int argc, const char* const* argv);

}  // namespace pester::cli

#endif

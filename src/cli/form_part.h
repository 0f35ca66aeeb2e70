// SPDX-License-Identifier: MIT
// One -F or --form-string as curl reads it. It opens no file but those that are a value.
#ifndef PESTER_CLI_FORM_PART_H_
#define PESTER_CLI_FORM_PART_H_

#include <functional>
#include <optional>
#include <string>

namespace pester::cli {

struct FormPart {
  std::string name;
  std::string value;                // of a part that is not read from a file while it is sent
  std::optional<std::string> file;  // the path of one that is
  std::optional<std::string> filename, type;
};

// "name=value", "name=@FILE", "name=<FILE", each with ";type=TYPE" and ";filename=NAME" behind it; the
// value, FILE and NAME may stand in double quotes, in which '\' is before a quote or another one. Throws
// CommandError, as `read` does.
FormPart parse_form_part(const std::string& text,
                         const std::function<std::string(const std::string& path)>& read);
// "name=value", whatever the value is.
FormPart literal_form_part(const std::string& text);

}  // namespace pester::cli

#endif

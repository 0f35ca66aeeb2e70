// SPDX-License-Identifier: MIT
#include "cli/form_part.h"

#include <algorithm>
#include <string_view>

#include "cli/command_error.h"
#include "cli/exit_code.h"
#include "cli/text.h"

namespace pester::cli {
namespace {

constexpr std::string_view kType = ";type=", kFilename = ";filename=";

[[noreturn]] void refuse(const std::string& text, const char* why) {
  throw CommandError(kExitUsage, "option --form: '" + printable(text) + "' " + why);
}

// Takes a word off the front of `rest`: quoted, or as far as the next parameter.
std::string take_word(const std::string& text, std::string_view& rest) {
  std::string word;
  if (!rest.starts_with('"')) {
    const size_t end = std::min({rest.find(kType), rest.find(kFilename), rest.size()});
    word = rest.substr(0, end);
    rest.remove_prefix(end);
    return word;
  }
  for (rest.remove_prefix(1); !rest.starts_with('"'); rest.remove_prefix(1)) {
    if (rest.starts_with("\\\"") || rest.starts_with("\\\\")) rest.remove_prefix(1);
    if (rest.empty()) refuse(text, "has no closing quote");
    word += rest.front();
  }
  rest.remove_prefix(1);
  return word;
}

FormPart named_part(const std::string& text, std::string_view& rest) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos) refuse(text, "is not NAME=VALUE, NAME=@FILE or NAME=<FILE");
  FormPart part;
  part.name = text.substr(0, equals);
  rest = std::string_view(text).substr(equals + 1);
  return part;
}

}  // namespace

FormPart parse_form_part(const std::string& text,
                         const std::function<std::string(const std::string& path)>& read) {
  std::string_view rest;
  FormPart part = named_part(text, rest);
  const char kind = rest.empty() ? '\0' : rest.front();
  if (kind == '@' || kind == '<') rest.remove_prefix(1);
  const std::string word = take_word(text, rest);
  while (!rest.empty()) {
    const bool type = rest.starts_with(kType);
    if (!type && !rest.starts_with(kFilename)) refuse(text, "has something behind a quoted word");
    rest.remove_prefix(type ? kType.size() : kFilename.size());
    (type ? part.type : part.filename) = take_word(text, rest);
  }
  if (kind == '@' && word == "-") {  // it can be read once only
    part.value = read(word);
    if (!part.filename) part.filename = word;
  } else if (kind == '@') {
    part.file = word;
  } else {
    part.value = kind == '<' ? read(word) : word;
  }
  return part;
}

FormPart literal_form_part(const std::string& text) {
  std::string_view rest;
  FormPart part = named_part(text, rest);
  part.value = rest;
  return part;
}

}  // namespace pester::cli

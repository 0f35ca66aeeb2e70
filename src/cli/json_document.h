// SPDX-License-Identifier: MIT
// The JSON document of --json, made from a report. Its members are a contract with scripts: more may be
// added, none is renamed.
#ifndef PESTER_CLI_JSON_DOCUMENT_H_
#define PESTER_CLI_JSON_DOCUMENT_H_

#include <string>

#include "cli/report.h"

namespace pester::cli {

enum class JsonLayout { indented, one_line };

// Pure ASCII, without a newline at its end. Bytes that are not UTF-8 stand as \u00XX.
std::string json_document(const Report& report, JsonLayout layout);

// {"stats": {...}}, on one line: what follows the documents of --repeat.
std::string json_stats(const StatsReport& stats);

}  // namespace pester::cli

#endif

// SPDX-License-Identifier: MIT
// From the library's result to a report: the one place that reads the accessors. It decides the exit
// status and its sentence too, since both follow from the result alone.
#ifndef PESTER_CLI_RESULT_REPORT_H_
#define PESTER_CLI_RESULT_REPORT_H_

#include <pester.h>

#include "cli/options.h"
#include "cli/report.h"
#include "cli/request_plan.h"

namespace pester::cli {

ResponseReport response_of(const pester_result_t* result);

// Body bytes and hash are left to the caller, who saw them pass.
Report report_of(const pester_result_t* result, const RequestPlan& plan,
                 const ResilienceOptions& resilience, const OutputOptions& output);

// What a fallback would stand for, as the library asks for one: "503 Service Unavailable", or the
// error's sentence.
std::string shortfall_of(const pester_result_t* result);
// What its user is told, once it was delivered.
std::string fallback_sentence(const Report& report);
std::string stale_sentence(const Report& report);

// Of a request that pester_send refused with `error`; `text` is its error_text.
Report refused_report(int error, const std::string& text, const RequestPlan& plan);

}  // namespace pester::cli

#endif

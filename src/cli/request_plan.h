// SPDX-License-Identifier: MIT
// From options to the request that goes to the library: method, URL, headers, body, as curl would make
// them. It opens no file itself and checks nothing that the library checks.
#ifndef PESTER_CLI_REQUEST_PLAN_H_
#define PESTER_CLI_REQUEST_PLAN_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/form_part.h"
#include "cli/options.h"

namespace pester::cli {

struct PlannedHeader {
  std::string name;
  std::optional<std::string> value;  // nothing: the default header of this name is taken away
};

struct RequestPlan {
  std::string method;
  std::string url;                 // a path with base URLs
  std::vector<BaseUrl> base_urls;  // with their schemes
  std::vector<PlannedHeader> headers;
  std::optional<std::string> body;         // or, streamed:
  bool chunked = false;                    // whatever the body is
  bool follows_none = false;               // a redirect is one too many
  bool expect = false;                     // a 100 is waited for
  std::optional<std::string> upload_file;  // "-": standard input
  std::vector<FormPart> form;              // whose Content-Type is missing in the headers
  std::optional<std::string> fallback;
  std::string user, password;  // for a challenge
};

// Gives a file's bytes, "-" being standard input.
using FileReader = std::function<std::string(const std::string& path)>;

// Throws CommandError for a header that is none and whatever `read` throws.
RequestPlan plan_request(const RequestOptions& options, const FileReader& read);

// "http://" in front unless there is a scheme.
std::string with_scheme(const std::string& url);

// Joins the parts as curl does for -d, --data-binary and --data-urlencode.
std::string join_data(const std::vector<DataPart>& parts, const FileReader& read);

}  // namespace pester::cli

#endif

// SPDX-License-Identifier: MIT
// What is asked for and sent: method, headers, body, credentials, cookies.
#include "cli/request_rows.h"

#include <pester.h>

#include <stdexcept>
#include <string>

#include "cli/option_values.h"
#include "cli/text.h"

namespace pester::cli {
namespace {

constexpr const char* kRequest = "Request";

using Value = const std::string&;

void set_lenient(Options& o, Value list) {
  for (const std::string& word : split(list, ',')) {
    if (word == "duplicate-length") {
      o.request.lenient |= PESTER_LENIENT_DUPLICATE_LENGTH;
    } else if (word == "obs-fold") {
      o.request.lenient |= PESTER_LENIENT_OBS_FOLD;
    } else if (word == "bare-lf") {
      o.request.lenient |= PESTER_LENIENT_BARE_LF;
    } else {
      throw std::invalid_argument("is not a list of duplicate-length, obs-fold, bare-lf");
    }
  }
}

constexpr OptionRow kRequestRows[] = {
    {"--url", "URL", "the URL, in the place of the argument", kRequest,
     [](Options& o, Value v) {
       if (!o.request.url.empty()) throw std::invalid_argument("is a second URL");
       o.request.url = v;
     }},
    {"-X,--request", "METHOD", "method; GET, or POST with data, HEAD with -I, PUT with -T", kRequest,
     [](Options& o, Value v) { o.request.method = v; }},
    {"-H,--header", "'Name: value'",
     "add a header; 'Name:' removes a default one, 'Name;' sends it empty", kRequest,
     [](Options& o, Value v) { o.request.headers.push_back(v); }},
    {"-d,--data", "DATA", "body; @FILE reads a file without its line ends; several join with &",
     kRequest,
     [](Options& o, Value v) {
       o.request.data.push_back({DataPart::Kind::data, v});
     }},
    {"--data-ascii", "DATA", "the same as --data", kRequest,
     [](Options& o, Value v) {
       o.request.data.push_back({DataPart::Kind::data, v});
     }},
    {"--data-raw", "DATA", "body; @ has no meaning", kRequest,
     [](Options& o, Value v) {
       o.request.data.push_back({DataPart::Kind::raw, v});
     }},
    {"--data-binary", "DATA", "body, bytes kept; @- is standard input", kRequest,
     [](Options& o, Value v) {
       o.request.data.push_back({DataPart::Kind::binary, v});
     }},
    {"--data-urlencode", "[NAME]=VALUE", "form field, percent-encoded", kRequest,
     [](Options& o, Value v) {
       o.request.data.push_back({DataPart::Kind::urlencode, v});
     }},
    {"-G,--get", nullptr, "GET, the data in the URL's query", kRequest,
     [](Options& o, Value) { o.request.get = true; }},
    {"-T,--upload-file", "FILE", "PUT the file, as it is read; - is standard input", kRequest,
     [](Options& o, Value v) { o.request.upload_file = v == "." ? "-" : v; }},
    {"-F,--form", "NAME=VALUE|@FILE|<FILE",
     "a part of a form, multipart/form-data; ;type= and ;filename= may follow", kRequest,
     [](Options& o, Value v) {
       o.request.form.push_back({v, false});
     }},
    {"--form-string", "NAME=VALUE", "the same, the value taken as it is", kRequest,
     [](Options& o, Value v) {
       o.request.form.push_back({v, true});
     }},
    {"--expect100-timeout", "SECONDS",
     "before a body is sent ask the server whether it wants it, and wait so long for its word", kRequest,
     [](Options& o, Value v) { o.request.expect_timeout_ms = seconds_value(v); }},
    {"-r,--range", "RANGE", "ask for these bytes: 0-499, 500-, -500", kRequest,
     [](Options& o, Value v) { o.request.headers.push_back("Range: bytes=" + v); }},
    {"-g,--globoff", nullptr, "as ever: [] and {} of a URL have no meaning", kRequest,
     [](Options&, Value) {}},
    {"--http1.1", nullptr, "as ever: HTTP/1.1 is spoken", kRequest, [](Options&, Value) {}},
    {"-I,--head", nullptr, "HEAD, and show the headers", kRequest,
     [](Options& o, Value) { o.request.head = true; }},
    {"-A,--user-agent", "TEXT", "User-Agent; '' sends none", kRequest,
     [](Options& o, Value v) { o.request.user_agent = v; }},
    {"-e,--referer", "URL", "Referer", kRequest, [](Options& o, Value v) { o.request.referer = v; }},
    {"-u,--user", "NAME:PASS", "credentials: Basic, or what a challenge asks for", kRequest,
     [](Options& o, Value v) {
       if (v.find(':') == std::string::npos) {
         throw std::invalid_argument("has no password (NAME:PASS)");  // and is shown by name only
       }
       o.request.user = v;
     }},
    {"--basic", nullptr, "send the credentials of -u unasked (the default)", kRequest,
     [](Options& o, Value) { o.request.auth_scheme = PESTER_AUTH_BASIC; }},
    {"--digest", nullptr, "answer a Digest challenge with the credentials of -u", kRequest,
     [](Options& o, Value) { o.request.auth_scheme = PESTER_AUTH_DIGEST; }},
    {"--anyauth", nullptr, "answer the strongest challenge, Digest or Basic", kRequest,
     [](Options& o, Value) { o.request.auth_scheme = PESTER_AUTH_ANY; }},
    {"-L,--location", nullptr, "follow redirects", kRequest,
     [](Options& o, Value) { o.request.location = true; }},
    {"--max-redirs", "N", "at most so many, up to 100 (default 10; 0: none)", kRequest,
     [](Options& o, Value v) {
       const auto n = static_cast<int>(number_value(v, 0, 100));
       o.request.max_redirects = n == 0 ? PESTER_NONE : n;
     }},
    {"--oauth2-bearer", "TOKEN", "Bearer credentials", kRequest,
     [](Options& o, Value v) { o.request.bearer = v; }},
    {"-b,--cookie", "DATA|FILE", "send cookies, 'a=b; c=d'; without an '=' a file to read them from",
     kRequest, [](Options& o, Value v) { o.request.cookies.push_back(v); }},
    {"-c,--cookie-jar", "FILE", "write the cookies that are there in the end", kRequest,
     [](Options& o, Value v) { o.request.cookie_jar = v; }},
    {"-j,--junk-session-cookies", nullptr, "read no cookies that were for one session", kRequest,
     [](Options& o, Value) { o.request.junk_session_cookies = true; }},
    {"--compressed", nullptr, "ask for a compressed body, and write it decoded", kRequest,
     [](Options& o, Value) { o.request.compressed = true; }},
    {"--attempt-header", "NAME", "add a header with the attempt's number, from 1", kRequest,
     [](Options& o, Value v) { o.request.attempt_header = v; }},
    {"--deadline-header", "NAME", "add a header with the milliseconds left, when there is a deadline",
     kRequest, [](Options& o, Value v) { o.request.deadline_header = v; }},
    {"--lenient", "LIST", "faults of a response's head to let pass: duplicate-length, obs-fold, bare-lf",
     kRequest, set_lenient},
};

}  // namespace

std::span<const OptionRow> request_rows() {
  return kRequestRows;
}

}  // namespace pester::cli

// SPDX-License-Identifier: MIT
// Claims about cookies over real sockets: what one response sets goes out with the next request, with each
// attempt anew, and to nobody else.
#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;
pester_cookie_jar_t* jar;

int begin(void**) {
  c.begin();
  outcome = {};
  if (pester_cookie_jar_new(&jar, nullptr) != 0) return -1;
  c.options.cookies = jar;
  return 0;
}

// The value of a head's Cookie field, "-" when it has none; "two" when it has several.
std::string cookie_of(const std::string& head) {
  const size_t at = head.find("\r\nCookie: ");
  if (at == std::string::npos) return "-";
  if (head.find("\r\nCookie: ", at + 1) != std::string::npos) return "two";
  return head.substr(at + 10, head.find('\r', at + 10) - at - 10);
}

// Answers with what Cookie the request had; sets what the path says behind a '?', ',' in the place of ';'.
void echo(Peer& peer) {
  for (std::string head; !(head = peer.head()).empty();) {
    const size_t begin = head.find(' ') + 1;
    const std::string target = head.substr(begin, head.find(' ', begin) - begin);
    const size_t query = target.find('?');
    const std::string body = cookie_of(head);
    std::string text = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    if (query != std::string::npos) {
      std::string field = target.substr(query + 1);
      for (char& one : field) one = one == ',' ? ';' : one;
      text += "Set-Cookie: " + field + "\r\n";
    }
    peer.send(text + "\r\n" + (head.starts_with("HEAD") ? "" : body));
  }
}

// Sends, waits for the end, and gives back the body: what Cookie came.
std::string ask(const pester_request_t& made) {
  outcome = {};
  assert_int_equal(c.send(made, &outcome), 0);
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.error, 0);
  return outcome.body;
}
std::string ask(const std::string& url) {
  return ask(c.request(url, &outcome));
}

int end() {
  const int rc = c.end();
  pester_cookie_jar_free(jar);
  return rc;
}

void what_one_response_sets_goes_out_with_the_next_request(void**) {
  c.serve(echo);
  assert_int_equal(c.open(), 0);
  assert_string_equal(ask(c.server->url("/?a=1")).c_str(), "-");
  assert_string_equal(ask(c.server->url("/x?b=2,Path=/x")).c_str(), "a=1");
  assert_string_equal(ask(c.server->url("/x")).c_str(), "b=2; a=1");
  assert_string_equal(ask(c.server->url("/y?a=,Max-Age=0")).c_str(), "a=1");
  assert_string_equal(ask(c.server->url("/y")).c_str(), "-");
  assert_int_equal(end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(what_one_response_sets_goes_out_with_the_next_request, begin),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}

// SPDX-License-Identifier: MIT
// Claims about exit statuses: curl's number for every code that a request can end with.
#include "cli/exit_code.h"

#include <pester.h>

#include <initializer_list>

#include "support/cmocka.h"

using namespace pester::cli;

namespace {

struct Case {
  int error, status;
};

void expect(const Case& c, Reached reached) {
  const int status = exit_status_of(c.error, reached);
  if (status != c.status) fail_msg("%d gives %d, not %d", c.error, status, c.status);
}

void each_code_has_curls_number(void**) {
  const Case cases[] = {
      {0, 0},
      {PESTER_EURL, 3},
      {PESTER_ESCHEME, 1},
      {PESTER_EMETHOD, 2},
      {PESTER_EHEADER, 2},
      {PESTER_EOPTION, 2},
      {PESTER_EEMPTY, 52},
      {PESTER_EHEADCUT, 56},
      {PESTER_EBODYCUT, 18},
      {PESTER_EPROTOCOL, 56},
      {PESTER_EHEADSIZE, 56},
      {PESTER_EBODYSIZE, 63},
      {PESTER_EENCODING, 61},
      {PESTER_EREDIRECTS, 47},
      {PESTER_EREDIRECT, 47},
      {PESTER_ERESUME, 18},
      {PESTER_ETLS, 35},
      {PESTER_ECERTIFICATE, 60},
      {PESTER_EPIN, 90},
      {PESTER_ETLSDATA, 56},
      {PESTER_ETRUST, 77},
      {PESTER_ECLIENTCERT, 58},
      {PESTER_EPROXY, 97},
      {PESTER_EPROXYAUTH, 97},
      {PESTER_EPROXYDENIED, 97},
      {PESTER_EPROXYHOST, 5},
      {PESTER_ETIMEOUT_CONNECT, 28},
      {PESTER_ETIMEOUT_FIRST_BYTE, 28},
      {PESTER_ETIMEOUT_BODY, 28},
      {PESTER_ETIMEOUT_ATTEMPT, 28},
      {PESTER_ETIMEOUT_TOTAL, 28},
      {PESTER_EBUDGET, 7},
      {PESTER_EBREAKER, 7},
      {PESTER_ESOURCE, 26},
      {UV_EAI_NONAME, 6},
      {UV_EAI_AGAIN, 6},
      {UV_EAI_FAIL, 6},
      {UV_ECONNREFUSED, 7},
      {UV_EHOSTUNREACH, 7},
      {UV_ENETUNREACH, 7},
      {UV_ETIMEDOUT, 28},
      {UV_ECONNRESET, 56},
      {UV_EPIPE, 55},
      {UV_ENOMEM, 27},
  };
  for (const Case& c : cases) expect(c, Reached::exchange);
}

void every_code_of_pester_has_a_number_of_its_own_choice(void**) {
#define XX(name, number, message)                                    \
  assert_in_range(exit_status_of(number, Reached::exchange), 1, 97); \
  assert_int_equal(exit_status_of(number, Reached::exchange), exit_status_of(number, Reached::nothing));
  PESTER_ERRNO_MAP(XX)
#undef XX
}

void what_breaks_a_handshake_is_35(void**) {
  for (int error : {int{UV_ECONNRESET}, int{PESTER_EEMPTY}, int{PESTER_EHEADCUT}, int{UV_EPIPE}}) {
    expect({error, kExitTls}, Reached::handshake);
  }
  expect({PESTER_ECERTIFICATE, kExitCertificate}, Reached::handshake);
  expect({PESTER_ETIMEOUT_CONNECT, kExitTimeout}, Reached::handshake);
}

void an_unusual_errno_tells_connect_from_receive(void**) {
  expect({UV_EMFILE, kExitConnect}, Reached::nothing);
  expect({UV_EIO, kExitReceive}, Reached::exchange);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(each_code_has_curls_number),
      cmocka_unit_test(every_code_of_pester_has_a_number_of_its_own_choice),
      cmocka_unit_test(what_breaks_a_handshake_is_35),
      cmocka_unit_test(an_unusual_errno_tells_connect_from_receive),
  };
  const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
  return failures != 0;
}

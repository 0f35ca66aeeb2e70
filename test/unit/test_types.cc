// SPDX-License-Identifier: MIT
// Claims about time as a type, and about the class of every error a connection can meet. This test may
// know libuv, which the code may not: it holds the constants to libuv's.
#include "core/types.h"

#include <uv.h>

#include <initializer_list>

#include "support/cmocka.h"

using pester::core::class_of;
using pester::core::Duration;
using pester::core::FailureClass;
using pester::core::Instant;

namespace {

void is_class(int error, FailureClass before_head, FailureClass after_head) {
  if (class_of(error, false) != before_head || class_of(error, true) != after_head) {
    fail_msg("%d is of class %d before the head and %d after it", error,
             static_cast<int>(class_of(error, false)), static_cast<int>(class_of(error, true)));
  }
}
void is_class(int error, FailureClass always) {
  is_class(error, always, always);
}

void milliseconds_saturate(void**) {
  assert_true(Duration::from_ms(5).ns == 5'000'000);
  assert_true(Duration::from_ms(INT64_MAX).is_never());
  assert_true(Duration::from_ms(INT64_MAX / 1'000'000 + 1).is_never());
  assert_false(Duration::from_ms(INT64_MAX / 1'000'000).is_never());
  assert_true(Duration::from_ms(INT64_MIN).ns == INT64_MIN);
}

void milliseconds_are_rounded_up(void**) {
  assert_true(Duration{0}.ms_up() == 0);
  assert_true(Duration{1}.ms_up() == 1);
  assert_true(Duration{1'000'000}.ms_up() == 1);
  assert_true(Duration{1'000'001}.ms_up() == 2);
  assert_true(Duration::never().ms_up() == INT64_MAX / 1'000'000 + 1);
}

void a_wait_too_long_never_ends(void**) {
  assert_true((Instant{5} + Duration{6}).ns == 11);
  assert_true((Instant{5} + Duration::never()).is_never());
  assert_true((Instant{INT64_MAX - 5} + Duration{6}).is_never());
  assert_true((Instant{5} + Duration{-6}).ns == -1);
  assert_true((Instant{11} - Instant{5}).ns == 6);
}

void no_error_is_no_failure(void**) {
  is_class(0, FailureClass::none);
}

void a_refused_or_unreachable_address_is_connect(void**) {
  for (const int error : {UV_ECONNREFUSED, UV_EHOSTUNREACH, UV_ENETUNREACH, UV_EADDRNOTAVAIL, UV_EACCES,
                          UV_EPERM, UV_ENETDOWN}) {
    is_class(error, FailureClass::connect, FailureClass::body);
  }
}

void running_out_on_this_side_is_as_passing_as_connect(void**) {
  for (const int error : {UV_ENOMEM, UV_EMFILE, UV_ENFILE, UV_ENOBUFS}) {
    is_class(error, FailureClass::connect, FailureClass::body);
  }
}

void every_lookup_failure_is_dns(void**) {
// clang-format off
#define XX(code, _) \
  if (UV_EAI_##code != UV_EAI_CANCELED) is_class(UV_EAI_##code, FailureClass::dns);
  XX(ADDRFAMILY, )
  XX(AGAIN, )
  XX(BADFLAGS, )
  XX(CANCELED, )
  XX(FAIL, )
  XX(FAMILY, )
  XX(MEMORY, )
  XX(NODATA, )
  XX(NONAME, )
  XX(OVERFLOW, )
  XX(SERVICE, ) XX(SOCKTYPE, ) XX(BADHINTS, ) XX(PROTOCOL, )
// clang-format on
#undef XX
      is_class(UV_EAI_CANCELED, FailureClass::final);
}

void every_phase_can_time_out(void**) {
  for (const int error : {int{PESTER_ETIMEOUT_CONNECT}, int{PESTER_ETIMEOUT_FIRST_BYTE},
                          int{PESTER_ETIMEOUT_BODY}, int{PESTER_ETIMEOUT_ATTEMPT}, int{UV_ETIMEDOUT}}) {
    is_class(error, FailureClass::timeout);
  }
  is_class(PESTER_ETIMEOUT_TOTAL, FailureClass::final);
}

void a_broken_connection_is_reset_before_the_head_and_body_after(void**) {
  for (const int error :
       {int{PESTER_EEMPTY}, int{PESTER_EHEADCUT}, int{PESTER_EBODYCUT}, int{PESTER_ETLSDATA},
        int{UV_ECONNRESET}, int{UV_EPIPE}, int{UV_ECONNABORTED}, int{UV_ENOTCONN}, int{UV_EOF}}) {
    is_class(error, FailureClass::reset, FailureClass::body);
  }
}

void malformed_http_is_protocol_until_the_head_was_good(void**) {
  is_class(PESTER_EPROTOCOL, FailureClass::protocol, FailureClass::body);
  is_class(PESTER_EENCODING, FailureClass::body);
}

void a_handshake_is_tls_but_what_it_proves_is_final(void**) {
  is_class(PESTER_ETLS, FailureClass::tls);
  for (const int error : {PESTER_ECERTIFICATE, PESTER_EPIN, PESTER_ETRUST, PESTER_ECLIENTCERT}) {
    is_class(error, FailureClass::final);
  }
}

void a_proxy_that_does_not_connect_is_like_an_origin_that_does_not(void**) {
  is_class(PESTER_EPROXY, FailureClass::connect);
  is_class(PESTER_EPROXYHOST, FailureClass::dns);
  is_class(PESTER_EPROXYAUTH, FailureClass::final);
  is_class(PESTER_EPROXYDENIED, FailureClass::final);
}

void limits_refusals_and_ends_from_this_side_are_final(void**) {
  for (const int error : {int{PESTER_EURL},
                          int{PESTER_ESCHEME},
                          int{PESTER_EMETHOD},
                          int{PESTER_EHEADER},
                          int{PESTER_EOPTION},
                          int{PESTER_ENOENT},
                          int{PESTER_ECLOSING},
                          int{PESTER_ECOOKIE},
                          int{PESTER_ESHARED},
                          int{PESTER_EHEADSIZE},
                          int{PESTER_EBODYSIZE},
                          int{PESTER_EREDIRECTS},
                          int{PESTER_EREDIRECT},
                          int{PESTER_ERESUME},
                          int{PESTER_ECANCELED},
                          int{PESTER_ECLOSED},
                          int{PESTER_EQUEUE},
                          int{PESTER_EBUDGET},
                          int{PESTER_EBREAKER},
                          int{PESTER_ESOURCE},
                          int{PESTER_EINTERNAL},
                          int{UV_EINVAL},
                          int{UV_ECANCELED},
                          -7'100,
                          INT32_MIN}) {
    is_class(error, FailureClass::final);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(milliseconds_saturate),
      cmocka_unit_test(milliseconds_are_rounded_up),
      cmocka_unit_test(a_wait_too_long_never_ends),
      cmocka_unit_test(no_error_is_no_failure),
      cmocka_unit_test(a_refused_or_unreachable_address_is_connect),
      cmocka_unit_test(running_out_on_this_side_is_as_passing_as_connect),
      cmocka_unit_test(every_lookup_failure_is_dns),
      cmocka_unit_test(every_phase_can_time_out),
      cmocka_unit_test(a_broken_connection_is_reset_before_the_head_and_body_after),
      cmocka_unit_test(malformed_http_is_protocol_until_the_head_was_good),
      cmocka_unit_test(a_handshake_is_tls_but_what_it_proves_is_final),
      cmocka_unit_test(a_proxy_that_does_not_connect_is_like_an_origin_that_does_not),
      cmocka_unit_test(limits_refusals_and_ends_from_this_side_are_final),
  };
  const int failures = cmocka_run_group_tests_name("types", tests, nullptr, nullptr);
  return failures != 0;
}

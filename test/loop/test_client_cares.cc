// SPDX-License-Identifier: MIT
// Claims about names asked of DNS servers by c-ares: answers, failures, silence and its end, closing in
// the middle; and about a build without it.
#include "support/client_case.h"
#include "support/dns_server.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
std::unique_ptr<DnsServer> dns;
char error_text[256];

int begin(void**) {
  c.begin();
  c.policy.max_attempts = 1;
  c.options.resolver = PESTER_RESOLVER_CARES;
  c.options.error_text = error_text;
  c.options.error_text_size = sizeof error_text;
  return 0;
}

#ifdef PESTER_HAVE_CARES

int end(void**) {
  dns.reset();
  return 0;
}

int open(DnsServer::Script script, const char* host = "127.0.0.1") {
  dns = std::make_unique<DnsServer>(std::move(script), host);
  c.options.dns_servers = dns->address();
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("ok");
  });
  return c.open();
}

DnsReply loopback(const DnsQuestion&) {
  return {DnsReply::Kind::answer, 0, {"127.0.0.1"}};
}

std::string url(const char* host = "name.test.", const char* path = "/") {
  return std::string("http://") + host + ":" + std::to_string(c.server->port()) + path;
}

void fetch(const std::string& where, Outcome* outcome) {
  assert_int_equal(c.get(where, outcome), 0);
  assert_true(run_until_done(c, *outcome));
}

void a_name_is_asked_of_the_servers_given(void**) {
  assert_int_equal(open(loopback), 0);
  Outcome first, second;
  fetch(url(), &first);
  assert_int_equal(first.error, 0);
  assert_string_equal(first.body.c_str(), "ok");
  const int questions = dns->questions;
  assert_true(questions > 0);
  fetch(url("name.test", "/again"), &second);
  assert_int_equal(second.status, 200);
  assert_int_equal(dns->questions, questions);  // cached
  assert_int_equal(c.end(), 0);
}

void a_server_may_have_an_ipv6_address(void**) {
  assert_int_equal(open(loopback, "::1"), 0);
  Outcome outcome;
  fetch(url(), &outcome);
  assert_int_equal(outcome.status, 200);
  assert_int_equal(c.end(), 0);
}

void one_family_is_asked_for_alone(void**) {
  static std::atomic<bool> asked_six;
  asked_six = false;
  assert_int_equal(open([](const DnsQuestion& question) {
                     if (question.type == 28) asked_six = true;
                     return loopback(question);
                   }),
                   0);
  pester_route_t four;
  pester_route_init(&four);
  four.address_family = 4;
  Outcome outcome;
  const std::string where = url();
  pester_request_t request = c.request(where, &outcome);
  request.route = &four;
  assert_int_equal(c.send(request, &outcome), 0);
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.status, 200);
  assert_false(asked_six);
  assert_int_equal(c.end(), 0);
}

void many_ask_for_one_name_once(void**) {
  assert_int_equal(open(loopback), 0);
  Outcome outcomes[20];
  for (Outcome& outcome : outcomes) assert_int_equal(c.get(url(), &outcome), 0);
  for (Outcome& outcome : outcomes) {
    assert_true(run_until_done(c, outcome));
    assert_int_equal(outcome.status, 200);
  }
  assert_true(dns->questions <= 2);  // A and AAAA
  assert_int_equal(c.end(), 0);
}

void a_name_that_is_not_there_is_no_name(void**) {
  assert_int_equal(open([](const DnsQuestion&) { return DnsReply{DnsReply::Kind::answer, 3, {}}; }), 0);
  Outcome outcome;
  fetch(url("missing.test"), &outcome);
  assert_int_equal(outcome.error, UV_EAI_NONAME);
  assert_int_equal(c.end(), 0);
}

void a_name_without_addresses_has_no_data(void**) {
  assert_int_equal(open([](const DnsQuestion&) { return DnsReply{}; }), 0);
  Outcome outcome;
  fetch(url(), &outcome);
  assert_int_equal(outcome.error, UV_EAI_NODATA);
  assert_int_equal(c.end(), 0);
}

void a_server_in_trouble_may_do_better_at_the_retry(void**) {
  c.policy.max_attempts = 2;
  static std::atomic<bool> well;
  well = false;
  assert_int_equal(open([](const DnsQuestion& question) {
                     return well ? loopback(question) : DnsReply{DnsReply::Kind::answer, 2, {}};
                   }),
                   0);
  c.policy.backoff.kind = PESTER_BACKOFF_NONE;
  Outcome outcome;
  pester_policy_t policy = c.policy;
  policy.retry = [](const pester_result_t*, const pester_exchange_t*, void*) {
    well = true;
    return PESTER_VERDICT_DEFAULT;
  };
  const std::string where = url();
  pester_request_t request = c.request(where, &outcome);
  request.policy = &policy;
  assert_int_equal(c.send(request, &outcome), 0);
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.status, 200);
  assert_int_equal(outcome.exchanges.at(0).error, UV_EAI_AGAIN);
  assert_int_equal(c.end(), 0);
}

void a_lost_question_is_put_again(void**) {
  c.options.dns_timeout_ms = 20;
  assert_int_equal(open([](const DnsQuestion& question) {
                     if (question.number < 2) return DnsReply{DnsReply::Kind::silence, 0, {}};
                     return loopback(question);
                   }),
                   0);
  Outcome outcome;
  fetch(url(), &outcome);
  assert_int_equal(outcome.status, 200);
  assert_true(dns->questions > 2);
  assert_int_equal(c.end(), 0);
}

// By the client's one timer, and it keeps the loop alive for that: nothing else turns it.
void silence_ends_by_itself(void**) {
  c.options.dns_timeout_ms = 10;
  assert_int_equal(open([](const DnsQuestion&) { return DnsReply{DnsReply::Kind::silence, 0, {}}; }), 0);
  Outcome outcome;
  assert_int_equal(c.get(url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, UV_EAI_AGAIN);
  assert_int_equal(c.end(), 0);
}

void nonsense_is_not_taken_for_an_answer(void**) {
  c.options.dns_timeout_ms = 20;
  assert_int_equal(open([](const DnsQuestion& question) {
                     if (question.number < 2) return DnsReply{DnsReply::Kind::nonsense, 0, {}};
                     return loopback(question);
                   }),
                   0);
  Outcome outcome;
  fetch(url(), &outcome);
  assert_true(outcome.status == 200 || outcome.error == UV_EAI_FAIL);
  assert_int_equal(c.end(), 0);
}

void the_connect_deadline_holds_while_a_server_is_silent(void**) {
  c.policy.connect_timeout_ms = 10;
  assert_int_equal(open([](const DnsQuestion&) { return DnsReply{DnsReply::Kind::silence, 0, {}}; }), 0);
  Outcome outcome;
  fetch(url(), &outcome);
  assert_int_equal(outcome.error, PESTER_ETIMEOUT_CONNECT);
  assert_int_equal(c.end(), 0);
}

void closing_gives_up_what_is_asked(void**) {
  assert_int_equal(open([](const DnsQuestion&) { return DnsReply{DnsReply::Kind::silence, 0, {}}; }), 0);
  Outcome waiting[3], cancelled;
  for (int i = 0; i < 3; ++i) {
    const std::string host = "n" + std::to_string(i) + ".test";
    assert_int_equal(c.get(url(host.c_str()), &waiting[i]), 0);
  }
  assert_int_equal(c.get(url(), &cancelled), 0);
  assert_true(c.run_until([] { return dns->questions >= 4; }));
  assert_int_equal(pester_cancel(c.client, cancelled.id), 0);
  assert_int_equal(c.end(), 0);
  for (const Outcome& outcome : waiting) assert_int_equal(outcome.error, PESTER_ECLOSED);
  assert_int_equal(cancelled.error, PESTER_ECANCELED);
}

void closing_before_it_asked_is_harmless(void**) {
  assert_int_equal(open(loopback), 0);
  Outcome outcome;
  assert_int_equal(c.get(url(), &outcome), 0);
  assert_int_equal(c.end(), 0);
  assert_int_equal(outcome.error, PESTER_ECLOSED);
  assert_int_equal(dns->questions, 0);
}

void an_idle_client_with_servers_keeps_no_loop_alive(void**) {
  assert_int_equal(open(loopback), 0);
  Outcome outcome;
  assert_int_equal(c.get(url(), &outcome), 0);
  c.run();  // returns
  assert_int_equal(outcome.status, 200);
  assert_int_equal(c.end(), 0);
}

void localhost_is_never_asked_for(void**) {
  assert_int_equal(open([](const DnsQuestion&) { return DnsReply{DnsReply::Kind::answer, 3, {}}; }), 0);
  Outcome outcome;
  pester_route_t four;
  pester_route_init(&four);
  four.address_family = 4;
  const std::string where = url("localhost");
  pester_request_t request = c.request(where, &outcome);
  request.route = &four;
  assert_int_equal(c.send(request, &outcome), 0);
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.status, 200);
  assert_int_equal(dns->questions, 0);
  assert_int_equal(c.end(), 0);
}

void no_memory_is_a_failed_attempt(void**) {
  static long left;
  left = 0;
  static long most;
  pester_allocator_t allocator = {
      [](size_t size, void*) { return --left == 0 ? nullptr : std::malloc(size); },
      [](void* block, size_t size, void*) { return --left == 0 ? nullptr : std::realloc(block, size); },
      [](void* block, void*) { std::free(block); }, nullptr};
  c.options.allocator = &allocator;
  bool untouched = false;
  for (most = 1; !untouched; ++most) {
    if (most != 1) begin(nullptr);
    c.options.allocator = &allocator;
    c.options.dns_timeout_ms = 20;
    left = most;
    const int rc = open(loopback);
    if (rc != 0) {
      assert_int_equal(rc, UV_ENOMEM);
      uv_close(reinterpret_cast<uv_handle_t*>(&c.host), nullptr);
      c.run();
      c.server.reset();
      assert_int_equal(uv_loop_close(&c.loop), 0);
      continue;
    }
    Outcome outcome;
    const int sent = c.get(url(), &outcome);
    if (sent == 0) assert_true(run_until_done(c, outcome));
    untouched = left > 0;
    left = 0;
    assert_int_equal(c.end(), 0);
    if (untouched) assert_int_equal(outcome.status, 200);
  }
  assert_true(most > 10);
}

void servers_that_are_none_are_refused(void**) {
  for (const char* servers : {"", "localhost", "127.0.0.1:0", "127.0.0.1:53-54", "127.0.0.1,", ":53",
                              "fe80::1%1", "1.1.1.1,2,3.3.3.3"}) {
    c.options.dns_servers = servers;
    if (c.open() != PESTER_EOPTION) fail_msg("taken: \"%s\"", servers);
    assert_string_equal(error_text, "dns_servers: must be IP[:PORT][,IP[:PORT]]..., at most 16");
  }
  std::string many = "127.0.0.1";
  for (int i = 0; i < 16; ++i) many += ",127.0.0.1";
  c.options.dns_servers = many.c_str();
  assert_int_equal(c.open(), PESTER_EOPTION);
  c.options.dns_servers = "127.0.0.1";
  c.options.resolver = PESTER_RESOLVER_SYSTEM;
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_string_equal(error_text, "dns_servers: are asked by PESTER_RESOLVER_CARES only");
  c.options.resolver = 7;
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_string_equal(error_text, "resolver: no such resolver");
  c.options.resolver = PESTER_RESOLVER_CARES;
  c.options.resolve_hook = [](pester_client_t*, const pester_resolve_question_t*, void*) {};
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_string_equal(error_text, "resolve_hook: beside c-ares: only one can be asked");
  c.options.resolve_hook = nullptr;
  c.options.dns_timeout_ms = -1;
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_string_equal(error_text, "dns_timeout_ms: must be from 1 to 600,000");
  assert_int_equal(c.end(), 0);
}

#else

int end(void**) {
  return 0;
}

void a_build_without_it_refuses(void**) {
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_string_equal(error_text, "resolver: built without c-ares");
  c.client = nullptr;
  assert_int_equal(c.end(), 0);
}

#endif

}  // namespace

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main() {
  const CMUnitTest tests[] = {
#ifdef PESTER_HAVE_CARES
      CLAIM(a_name_is_asked_of_the_servers_given),
      CLAIM(a_server_may_have_an_ipv6_address),
      CLAIM(one_family_is_asked_for_alone),
      CLAIM(many_ask_for_one_name_once),
      CLAIM(a_name_that_is_not_there_is_no_name),
      CLAIM(a_name_without_addresses_has_no_data),
      CLAIM(a_server_in_trouble_may_do_better_at_the_retry),
      CLAIM(a_lost_question_is_put_again),
      CLAIM(silence_ends_by_itself),
      CLAIM(nonsense_is_not_taken_for_an_answer),
      CLAIM(the_connect_deadline_holds_while_a_server_is_silent),
      CLAIM(closing_gives_up_what_is_asked),
      CLAIM(closing_before_it_asked_is_harmless),
      CLAIM(an_idle_client_with_servers_keeps_no_loop_alive),
      CLAIM(localhost_is_never_asked_for),
      CLAIM(no_memory_is_a_failed_attempt),
      CLAIM(servers_that_are_none_are_refused),
#else
      CLAIM(a_build_without_it_refuses),
#endif
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}

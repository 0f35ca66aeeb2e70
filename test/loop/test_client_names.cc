// SPDX-License-Identifier: MIT
// Claims about a host program that resolves names itself: asked from the loop and once for all who wait,
// it answers at once, later, too late, wrongly or never.
#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

struct Asked {
  pester_resolve_token_t token;
  std::string host;
  int port, family;
};

Case c;
std::vector<Asked> asked;
std::function<void(const Asked&)> at_question;
bool sending;  // within a call of ours: no callback may come

void on_question(pester_client_t* client, const pester_resolve_question_t* question, void* data) {
  if (client != c.client || data != &c || sending) std::abort();
  asked.push_back({question->token, question->host, question->port, question->family});
  if (at_question) at_question(asked.back());
}

int answer(pester_resolve_token_t token, std::vector<const char*> addresses = {"127.0.0.1"},
           int error = 0) {
  sending = true;
  const int rc = pester_resolve_done(c.client, token, error, addresses.data(), addresses.size());
  sending = false;
  return rc;
}

int begin(void**) {
  c.begin();
  c.policy.max_attempts = 1;
  asked.clear();
  at_question = {};
  c.options.resolve_hook = on_question;
  c.options.resolve_data = &c;
  c.serve([](Peer& peer) {
    for (std::string head = peer.head(); !head.empty(); head = peer.head()) {
      peer.answer("ok", head.find("GET /503") == 0 ? "503 No" : "200 OK");
    }
  });
  return 0;
}

std::string url(const char* host = "name.test", const char* path = "/") {
  return std::string("http://") + host + ":" + std::to_string(c.server->port()) + path;
}
int get(const std::string& where, Outcome* outcome) {
  sending = true;
  const int rc = c.get(where, outcome);
  sending = false;
  return rc;
}
bool until_asked(size_t times) {
  return c.run_until([times] { return asked.size() >= times; });
}

void the_hook_is_asked_and_answers_at_once(void**) {
  at_question = [](const Asked& question) { assert_int_equal(answer(question.token), 0); };
  assert_int_equal(c.open(), 0);
  Outcome outcome;
  assert_int_equal(get(url("Name.TEST."), &outcome), 0);
  c.run();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(asked.size(), 1);
  assert_string_equal(asked[0].host.c_str(), "name.test");
  assert_int_equal(asked[0].port, c.server->port());
  assert_int_equal(asked[0].family, 0);
  assert_int_equal(c.end(), 0);
}

void it_answers_later_from_outside(void**) {
  assert_int_equal(c.open(), 0);
  Outcome outcome;
  assert_int_equal(get(url(), &outcome), 0);
  assert_true(until_asked(1));
  c.run_for(2);
  assert_int_equal(outcome.done, 0);
  assert_int_equal(answer(asked[0].token), 0);
  assert_int_equal(answer(asked[0].token), PESTER_ENOENT);
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.status, 200);
  assert_int_equal(c.end(), 0);
}

void who_waits_for_one_name_shares_its_answer(void**) {
  c.options.max_connections_per_origin = 8;
  assert_int_equal(c.open(), 0);
  Outcome outcomes[5];
  for (Outcome& outcome : outcomes) assert_int_equal(get(url(), &outcome), 0);
  assert_true(until_asked(1));
  assert_int_equal(answer(asked[0].token), 0);
  for (const Outcome& outcome : outcomes) {
    assert_true(run_until_done(c, outcome));
    assert_int_equal(outcome.status, 200);
  }
  assert_int_equal(asked.size(), 1);
  Outcome later;
  c.options.max_connections_per_origin = 0;
  assert_int_equal(get(url("name.test", "/later"), &later), 0);
  assert_true(run_until_done(c, later));
  assert_int_equal(asked.size(), 1);
  assert_int_equal(c.end(), 0);
}

void another_port_or_family_is_another_question(void**) {
  assert_int_equal(c.open(), 0);
  pester_route_t four;
  pester_route_init(&four);
  four.address_family = 4;
  Outcome first, second, third;
  assert_int_equal(get(url(), &first), 0);
  assert_int_equal(get("http://name.test:1/", &second), 0);
  const std::string same = url();
  pester_request_t request = c.request(same, &third);
  request.route = &four;
  assert_int_equal(c.send(request, &third), 0);
  assert_true(until_asked(3));
  assert_int_equal(asked[0].family, 0);
  assert_int_equal(asked[1].port, 1);
  assert_int_equal(asked[2].family, 4);
  // Of the family alone: ::1 is left out, and nothing is left.
  assert_int_equal(answer(asked[2].token, {"::1"}), 0);
  assert_true(run_until_done(c, third));
  assert_int_equal(third.error, UV_EAI_ADDRFAMILY);
  assert_int_equal(c.end(), 0);
}

void a_failure_is_the_attempts_and_a_retry_asks_again(void**) {
  c.policy.max_attempts = 2;
  at_question = [](const Asked& question) {
    const bool first = asked.size() == 1;
    assert_int_equal(first ? answer(question.token, {}, UV_EAI_AGAIN) : answer(question.token), 0);
  };
  assert_int_equal(c.open(), 0);
  Outcome outcome;
  assert_int_equal(get(url(), &outcome), 0);
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.status, 200);
  assert_int_equal(outcome.exchanges.at(0).error, UV_EAI_AGAIN);
  assert_int_equal(asked.size(), 2);
  assert_true(asked[0].token != asked[1].token);
  assert_int_equal(c.end(), 0);
}

void no_addresses_and_no_error_is_no_data(void**) {
  at_question = [](const Asked& question) { assert_int_equal(answer(question.token, {}), 0); };
  assert_int_equal(c.open(), 0);
  Outcome outcome;
  assert_int_equal(get(url(), &outcome), 0);
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.error, UV_EAI_NODATA);
  assert_int_equal(c.end(), 0);
}

void an_answer_that_is_none_leaves_the_question_open(void**) {
  assert_int_equal(c.open(), 0);
  Outcome outcome;
  assert_int_equal(get(url(), &outcome), 0);
  assert_true(until_asked(1));
  const pester_resolve_token_t token = asked[0].token;
  assert_int_equal(answer(token, {"localhost"}), UV_EINVAL);
  assert_int_equal(answer(token, {"127.0.0.1", nullptr}), UV_EINVAL);
  assert_int_equal(answer(token, {"fe80::1%"}), UV_EINVAL);
  assert_int_equal(answer(token, {}, 1), UV_EINVAL);
  assert_int_equal(pester_resolve_done(c.client, token, 0, nullptr, 1), UV_EINVAL);
  assert_int_equal(pester_resolve_done(nullptr, token, 0, nullptr, 0), UV_EINVAL);
  assert_int_equal(answer(token + 1), PESTER_ENOENT);
  assert_int_equal(answer(0), PESTER_ENOENT);
  assert_int_equal(answer(token), 0);
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.status, 200);
  assert_int_equal(c.end(), 0);
}

void more_addresses_than_are_tried_are_left_out(void**) {
  at_question = [](const Asked& question) {
    std::vector<std::string> texts;
    for (int i = 1; i <= 40; ++i) texts.push_back("127.0.1." + std::to_string(i));
    std::vector<const char*> addresses;
    for (const std::string& text : texts) addresses.push_back(text.c_str());
    assert_int_equal(answer(question.token, addresses), 0);
  };
  c.server->stop();  // nobody listens: each of those tried refuses
  assert_int_equal(c.open(), 0);
  Outcome outcome;
  assert_int_equal(get(url(), &outcome), 0);
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.error, UV_ECONNREFUSED);
  assert_int_equal(c.end(), 0);
}

void a_hook_that_never_answers_costs_the_connect_deadline(void**) {
  c.policy.connect_timeout_ms = 5;
  assert_int_equal(c.open(), 0);
  Outcome outcome, next;
  assert_int_equal(get(url(), &outcome), 0);
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.error, PESTER_ETIMEOUT_CONNECT);
  // The answer is late, and of use for who asks next.
  assert_int_equal(answer(asked[0].token), 0);
  assert_int_equal(get(url(), &next), 0);
  assert_true(run_until_done(c, next));
  assert_int_equal(next.status, 200);
  assert_int_equal(asked.size(), 1);
  assert_int_equal(c.end(), 0);
}

uint64_t clock_ns = 1'000'000'000;

void a_lost_question_is_asked_again(void**) {
  c.options.clock_ns = [](void*) { return clock_ns; };
  c.policy.connect_timeout_ms = 5'000;
  assert_int_equal(c.open(), 0);
  Outcome lost, soon, late;
  assert_int_equal(get(url(), &lost), 0);
  assert_true(until_asked(1));
  assert_int_equal(pester_cancel(c.client, lost.id), 0);
  clock_ns += 9'999'000'000;
  assert_int_equal(get(url(), &soon), 0);
  c.run_for(2);
  assert_int_equal(asked.size(), 1);
  clock_ns += 1'000'000;
  assert_int_equal(get(url(), &late), 0);
  assert_true(until_asked(2));
  assert_int_equal(answer(asked[0].token), PESTER_ENOENT);
  assert_int_equal(answer(asked[1].token), 0);
  assert_true(run_until_done(c, soon));
  assert_true(run_until_done(c, late));
  assert_int_equal(soon.status, 200);
  assert_int_equal(late.status, 200);
  assert_int_equal(c.end(), 0);
}

void nobody_is_asked_for_who_has_gone(void**) {
  assert_int_equal(c.open(), 0);
  Outcome outcome;
  assert_int_equal(get(url(), &outcome), 0);
  assert_int_equal(pester_cancel(c.client, outcome.id), 0);
  assert_true(run_until_done(c, outcome));
  assert_int_equal(asked.size(), 0);
  assert_int_equal(c.end(), 0);
}

void cancel_inside_the_hook_is_harmless(void**) {
  assert_int_equal(c.open(), 0);
  Outcome outcome;
  at_question = [&outcome](const Asked& question) {
    assert_int_equal(pester_cancel(c.client, outcome.id), 0);
    assert_int_equal(answer(question.token), 0);
  };
  assert_int_equal(get(url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_ECANCELED);
  assert_int_equal(c.end(), 0);
}

void close_inside_the_hook_is_harmless(void**) {
  assert_int_equal(c.open(), 0);
  Outcome outcome;
  at_question = [](const Asked& question) {
    assert_int_equal(c.close_client(), 0);
    assert_int_equal(answer(question.token), PESTER_ENOENT);
  };
  assert_int_equal(get(url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_ECLOSED);
  assert_true(c.closed);
  assert_int_equal(c.end(), 0);
}

void closing_leaves_questions_behind(void**) {
  assert_int_equal(c.open(), 0);
  Outcome waiting, unasked;
  assert_int_equal(get(url(), &waiting), 0);
  assert_true(until_asked(1));
  assert_int_equal(get(url("other.test"), &unasked), 0);
  assert_int_equal(c.end(), 0);
  assert_int_equal(waiting.error, PESTER_ECLOSED);
  assert_int_equal(unasked.error, PESTER_ECLOSED);
  assert_int_equal(asked.size(), 1);
}

void send_inside_the_hook_is_asked_in_turn(void**) {
  assert_int_equal(c.open(), 0);
  Outcome first, second;
  at_question = [&second](const Asked& question) {
    if (asked.size() == 1) assert_int_equal(c.get(url("second.test"), &second), 0);
    assert_int_equal(answer(question.token), 0);
  };
  assert_int_equal(get(url(), &first), 0);
  c.run();
  assert_int_equal(first.status, 200);
  assert_int_equal(second.status, 200);
  assert_string_equal(asked.at(1).host.c_str(), "second.test");
  assert_int_equal(c.end(), 0);
}

void what_needs_no_asking_is_not_asked(void**) {
  const std::string rule = "given.test:" + std::to_string(c.server->port()) + ":127.0.0.1";
  const char* rules[] = {rule.c_str()};
  const char* ways[] = {"sent.test::given.test:"};
  c.options.resolve = rules;
  c.options.resolve_count = 1;
  c.options.connect_to = ways;
  c.options.connect_to_count = 1;
  assert_int_equal(c.open(), 0);
  for (const char* host : {"127.0.0.1", "given.test", "sent.test"}) {
    Outcome outcome;
    assert_int_equal(get(url(host), &outcome), 0);
    assert_true(run_until_done(c, outcome));
    assert_int_equal(outcome.status, 200);
  }
  assert_int_equal(asked.size(), 0);
  assert_int_equal(c.end(), 0);
}

#ifdef PESTER_HAVE_IDN2
// The pool, the Host header and the question have one name for a host, however it is written.
void an_international_host_has_one_name(void**) {
  c.serve([](Peer& peer) {
    for (std::string head = peer.head(); !head.empty(); head = peer.head()) {
      const size_t at = head.find("Host: ") + 6;
      peer.answer(head.substr(at, head.find('\r', at) - at));
    }
  });
  at_question = [](const Asked& question) { assert_int_equal(answer(question.token), 0); };
  assert_int_equal(c.open(), 0);
  const std::string wanted = "xn--bcher-kva.test:" + std::to_string(c.server->port());
  for (const char* host : {"B\u00dcCHER.test", "b\u00fccher\u3002test", "xn--bcher-kva.test"}) {
    Outcome outcome;
    assert_int_equal(get(url(host), &outcome), 0);
    assert_true(run_until_done(c, outcome));
    assert_string_equal(outcome.body.c_str(), wanted.c_str());
  }
  assert_int_equal(asked.size(), 1);
  assert_string_equal(asked[0].host.c_str(), "xn--bcher-kva.test");
  assert_int_equal(c.stats().connections_opened, 1);
  assert_int_equal(c.end(), 0);
}
#endif

// More names than are kept: those that nobody waits for any more make room, answered or not.
void unanswered_names_make_room(void**) {
  assert_int_equal(c.open(), 0);
  for (int i = 0; i < 1100; ++i) {
    Outcome outcome;
    const std::string host = "n" + std::to_string(i) + ".test";
    assert_int_equal(get(url(host.c_str()), &outcome), 0);
    assert_true(until_asked(static_cast<size_t>(i) + 1));
    assert_int_equal(pester_cancel(c.client, outcome.id), 0);
    assert_true(run_until_done(c, outcome));
  }
  assert_int_equal(answer(asked[0].token), PESTER_ENOENT);
  assert_int_equal(answer(asked[1099].token), 0);
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(the_hook_is_asked_and_answers_at_once, begin),
      cmocka_unit_test_setup(it_answers_later_from_outside, begin),
      cmocka_unit_test_setup(who_waits_for_one_name_shares_its_answer, begin),
      cmocka_unit_test_setup(another_port_or_family_is_another_question, begin),
      cmocka_unit_test_setup(a_failure_is_the_attempts_and_a_retry_asks_again, begin),
      cmocka_unit_test_setup(no_addresses_and_no_error_is_no_data, begin),
      cmocka_unit_test_setup(an_answer_that_is_none_leaves_the_question_open, begin),
      cmocka_unit_test_setup(more_addresses_than_are_tried_are_left_out, begin),
      cmocka_unit_test_setup(a_hook_that_never_answers_costs_the_connect_deadline, begin),
      cmocka_unit_test_setup(a_lost_question_is_asked_again, begin),
      cmocka_unit_test_setup(nobody_is_asked_for_who_has_gone, begin),
      cmocka_unit_test_setup(cancel_inside_the_hook_is_harmless, begin),
      cmocka_unit_test_setup(close_inside_the_hook_is_harmless, begin),
      cmocka_unit_test_setup(closing_leaves_questions_behind, begin),
      cmocka_unit_test_setup(send_inside_the_hook_is_asked_in_turn, begin),
      cmocka_unit_test_setup(what_needs_no_asking_is_not_asked, begin),
      cmocka_unit_test_setup(unanswered_names_make_room, begin),
#ifdef PESTER_HAVE_IDN2
      cmocka_unit_test_setup(an_international_host_has_one_name, begin),
#endif
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}

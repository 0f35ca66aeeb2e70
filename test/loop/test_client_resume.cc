// SPDX-License-Identifier: MIT
// Claims about bodies that break off and go on in another response: the user sees each byte once, or a
// clean error; what is asked for, what is refused, how often.
#include <cstdlib>

#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;

constexpr size_t kSize = 200;

// A server of one file that breaks off where a test says, and knows ranges; in parts a liar.
struct File {
  std::string body;
  std::vector<size_t> cuts;  // so many bytes of the nth answer come; then it is whole
  std::string etag = "\"v1\"";
  std::string later_etag = "\"v1\"";  // of the second answer on
  std::string extra;                  // header lines of the first answer
  std::string rest_extra;             // of the others
  int shift = 0;                      // of where the others begin
  size_t total_lie = 0;               // added to what they say is the total
  bool spoils = false;                // the others' bytes are other ones
  bool ignores_ranges = false;
  int busy = 0;  // so many of the others are a 503
  bool chunked = false;
  std::mutex mutex;
  std::vector<std::string> heads;

  void serve(Peer& peer) {
    for (std::string head = peer.head(); !head.empty(); head = peer.head()) {
      size_t nth = 0;
      {
        const std::lock_guard<std::mutex> lock(mutex);
        nth = heads.size();
        heads.push_back(head);
      }
      if (!answer(peer, head, nth)) return;
    }
  }

 private:
  bool answer(Peer& peer, const std::string& head, size_t nth) {
    const size_t range = head.find("\r\nRange: bytes=");
    const bool partial = range != std::string::npos && !ignores_ranges;
    if (nth != 0 && busy-- > 0) return peer.answer("busy", "503 Busy");
    size_t from = 0;
    std::string lines = nth == 0 ? extra : rest_extra;
    if (partial) {
      from = std::strtoul(head.c_str() + range + 15, nullptr, 10) + static_cast<size_t>(shift);
      lines += "Content-Range: bytes " + std::to_string(from) + "-" + std::to_string(body.size() - 1) +
               "/" + std::to_string(body.size() + total_lie) + "\r\n";
    }
    const std::string& tag = nth == 0 ? etag : later_etag;
    if (!tag.empty()) lines += "ETag: " + tag + "\r\n";
    std::string text = body.substr(from);
    if (nth != 0 && spoils) {
      for (char& byte : text) byte ^= 1;
    }
    const bool cut = nth < cuts.size() && cuts[nth] < text.size();
    const std::string sent = cut ? text.substr(0, cuts[nth]) : text;
    std::string out = partial ? "HTTP/1.1 206 Partial Content\r\n" : "HTTP/1.1 200 OK\r\n";
    if (chunked) {
      char size[16];
      std::snprintf(size, sizeof size, "%zx", sent.size());
      out += lines + "Transfer-Encoding: chunked\r\n\r\n";
      if (!sent.empty()) out += std::string(size) + "\r\n" + sent + "\r\n";
      if (!cut) out += "0\r\n\r\n";
    } else {
      out += lines + "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + sent;
    }
    if (!peer.send(out)) return false;
    if (cut) peer.close();
    return !cut;
  }
};

std::unique_ptr<File> file;

void make_file() {
  file = std::make_unique<File>();
  for (size_t i = 0; file->body.size() < kSize; ++i) file->body += std::to_string(i * 7919);
  file->body.resize(kSize);
}

int begin(void**) {
  c.begin();
  outcome = {};
  c.policy.max_resumes = 3;
  c.policy.max_attempts = 1;
  make_file();
  return 0;
}

void open() {
  c.serve([](Peer& peer) { file->serve(peer); });
  assert_int_equal(c.open(), 0);
}

void stream() {
  open();
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.done, 1);
}

std::string value_of(const std::string& head, const std::string& name) {
  const size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "none";
  const size_t from = at + name.size() + 4;
  return head.substr(from, head.find("\r\n", from) - from);
}

void whole_in_one_answer() {
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.stop, PESTER_STOP_SUCCESS);
  assert_int_equal(outcome.status, 200);
  assert_int_equal(outcome.heads, 1);
  assert_true(outcome.streamed == file->body);
}

void refused_with(const char* detail) {
  assert_int_equal(outcome.error, PESTER_ERESUME);
  assert_int_equal(outcome.heads, 1);
  assert_true(file->body.starts_with(outcome.streamed));  // nothing that is not of the body
  if (outcome.detail.find(detail) == std::string::npos) {
    fail_msg("\"%s\" does not say \"%s\"", outcome.detail.c_str(), detail);
  }
}

void a_body_goes_on_where_it_broke(void**) {
  file->cuts = {120};
  stream();
  whole_in_one_answer();
  assert_int_equal(file->heads.size(), 2);
  assert_string_equal(value_of(file->heads[0], "Range").c_str(), "none");
  assert_string_equal(value_of(file->heads[1], "Range").c_str(), "bytes=56-");
  assert_string_equal(value_of(file->heads[1], "If-Range").c_str(), "\"v1\"");
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_int_equal(outcome.exchanges[0].outcome, PESTER_OUTCOME_FOLLOWED);
  assert_int_equal(outcome.exchanges[0].error, PESTER_EBODYCUT);
  assert_int_equal(outcome.exchanges[1].kind, PESTER_KIND_RESUME);
  assert_int_equal(outcome.exchanges[1].outcome, PESTER_OUTCOME_WON);
  assert_int_equal(outcome.exchanges[1].status, 206);
  assert_int_equal(outcome.exchanges[1].attempt, 1);
  assert_int_equal(c.stats().resumes, 1);
  assert_int_equal(c.end(), 0);
}

void wherever_it_breaks_each_byte_comes_once(void**) {
  for (const bool chunked : {false, true}) {
    for (size_t cut = 0; cut < kSize; ++cut) {
      begin(nullptr);
      file->cuts = {cut};
      file->chunked = chunked;
      stream();
      whole_in_one_answer();
      assert_int_equal(c.end(), 0);
    }
  }
}

void it_may_break_as_often_as_the_policy_says(void**) {
  for (const bool once_too_often : {false, true}) {
    begin(nullptr);
    file->cuts = {50, 80, 90, once_too_often ? 70u : 1'000u};
    stream();
    if (once_too_often) {
      assert_int_equal(outcome.error, PESTER_EBODYCUT);
      assert_int_equal(outcome.stop, PESTER_STOP_ATTEMPTS);
      assert_true(file->body.starts_with(outcome.streamed));
    } else {
      whole_in_one_answer();
    }
    assert_int_equal(file->heads.size(), 4);
    assert_int_equal(c.end(), 0);
  }
}

// The connection is the trouble, or the server for a moment.
void a_try_that_fails_is_tried_again(void**) {
  file->cuts = {120};
  file->busy = 2;
  stream();
  whole_in_one_answer();
  assert_int_equal(outcome.exchanges.size(), 4);
  assert_int_equal(outcome.exchanges[1].status, 503);
  assert_int_equal(outcome.exchanges[1].outcome, PESTER_OUTCOME_FOLLOWED);
  assert_int_equal(c.end(), 0);
}

void another_answer_than_a_part_is_refused(void**) {
  file->cuts = {120};
  file->ignores_ranges = true;
  stream();
  refused_with("200");
  assert_int_equal(c.end(), 0);
}

void another_validator_is_refused(void**) {
  file->cuts = {120};
  file->later_etag = "\"v2\"";
  stream();
  refused_with("ETag");
  assert_int_equal(c.end(), 0);
}

void another_beginning_is_refused(void**) {
  for (const int shift : {-1, 1, 64}) {
    begin(nullptr);
    file->cuts = {120};
    file->shift = shift;
    stream();
    refused_with("the rest begins at byte");
    assert_int_equal(c.end(), 0);
  }
}

void another_length_is_refused(void**) {
  file->cuts = {120};
  file->total_lie = 1;
  stream();
  refused_with("");
  assert_int_equal(c.end(), 0);
}

void another_coding_is_refused(void**) {
  file->cuts = {120};
  file->rest_extra = "Content-Encoding: gzip\r\n";
  stream();
  refused_with("Content-Encoding");
  assert_int_equal(c.end(), 0);
}

// A forged part: head and lengths are right, the bytes are not.
void other_bytes_before_the_break_are_refused(void**) {
  file->cuts = {120};
  file->spoils = true;
  stream();
  refused_with("the last bytes before the break are others now");
  assert_int_equal(outcome.streamed.size(), 120);
  assert_int_equal(c.end(), 0);
}

void without_a_strong_validator_a_break_is_final(void**) {
  for (const char* tag : {"", "W/\"v1\"", "v1"}) {
    begin(nullptr);
    file->cuts = {120};
    file->etag = tag;
    stream();
    assert_int_equal(outcome.error, PESTER_EBODYCUT);
    assert_int_equal(file->heads.size(), 1);
    assert_int_equal(c.end(), 0);
  }
}

void a_server_without_ranges_is_not_asked(void**) {
  file->cuts = {120};
  file->extra = "Accept-Ranges: none\r\n";
  stream();
  assert_int_equal(outcome.error, PESTER_EBODYCUT);
  assert_int_equal(file->heads.size(), 1);
  assert_int_equal(c.end(), 0);
}

void a_range_of_the_users_own_is_left_alone(void**) {
  file->cuts = {50};
  open();
  const std::string url = c.server->url();
  pester_request_t made = c.request(url, &outcome);
  const pester_header_t range = {"range", "bytes=10-"};
  made.headers = &range;
  made.header_count = 1;
  made.on_body = Outcome::on_body;
  assert_int_equal(c.send(made, &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_EBODYCUT);
  assert_int_equal(file->heads.size(), 1);
  assert_int_equal(c.end(), 0);
}

void a_policy_without_it_and_other_methods_do_not(void**) {
  for (const bool post : {false, true}) {
    begin(nullptr);
    file->cuts = {120};
    if (!post) c.policy.max_resumes = PESTER_NONE;
    open();
    const std::string url = c.server->url();
    pester_request_t made = c.request(url, &outcome);
    if (post) made.method = "POST";
    made.on_body = Outcome::on_body;
    assert_int_equal(c.send(made, &outcome), 0);
    c.run();
    assert_int_equal(outcome.error, PESTER_EBODYCUT);
    assert_int_equal(file->heads.size(), 1);
    assert_int_equal(c.end(), 0);
  }
}

// Paused when it breaks, it is asked for all the same, but not read on before the user says so.
void a_paused_body_goes_on_when_it_is_resumed(void**) {
  file->cuts = {120};
  open();
  static bool paused;
  paused = false;
  outcome.at_body = [](const pester_result_t* result) {
    if (paused) return;
    paused = true;
    assert_int_equal(pester_pause(c.client, pester_result_id(result)), 0);
  };
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  c.run_for(50);
  assert_int_equal(outcome.streamed.size(), 120);
  assert_int_equal(outcome.done, 0);
  assert_int_equal(pester_resume(c.client, outcome.id), 0);
  c.run_for(50);
  c.run();
  whole_in_one_answer();
  assert_int_equal(c.end(), 0);
}

// What the predicate has seen of the body is the user's like all that follows. The second answer breaks
// off within what the user has already.
void a_body_that_was_looked_at_goes_on_too(void**) {
  for (const size_t cut : {size_t{66'000}, size_t{150'000}}) {
    begin(nullptr);
    file->body.resize(200'000);
    for (size_t i = kSize; i < file->body.size(); ++i) {
      file->body[i] = static_cast<char>('a' + i * 31 % 26);
    }
    file->cuts = {cut, 40};
    c.policy.retry = [](const pester_result_t* result, const pester_exchange_t*, void*) {
      return pester_result_body(result).len == 0 ? PESTER_VERDICT_NEED_BODY : PESTER_VERDICT_ACCEPT;
    };
    stream();
    whole_in_one_answer();
    assert_int_equal(file->heads.size(), 3);
    assert_int_equal(c.end(), 0);
  }
}

void cancel_and_close_while_the_rest_is_asked_for(void**) {
  for (const bool closes : {false, true}) {
    begin(nullptr);
    file->cuts = {120};
    c.policy.backoff.kind = PESTER_BACKOFF_CONSTANT;
    c.policy.backoff.base_ms = 5'000;
    open();
    assert_int_equal(c.stream(c.server->url(), &outcome), 0);
    assert_true(c.run_until([] { return outcome.streamed.size() == 120; }));
    c.run_for(10);
    assert_int_equal(outcome.done, 0);
    assert_int_equal(closes ? c.close_client() : pester_cancel(c.client, outcome.id), 0);
    c.run();
    assert_int_equal(outcome.error, closes ? PESTER_ECLOSED : PESTER_ECANCELED);
    assert_int_equal(c.end(), 0);
  }
}

void the_deadline_counts_on(void**) {
  file->cuts = {120};
  c.policy.backoff.kind = PESTER_BACKOFF_CONSTANT;
  c.policy.backoff.base_ms = 5'000;
  c.policy.total_timeout_ms = 300;
  stream();
  assert_int_equal(outcome.error, PESTER_EBODYCUT);  // no wait begins that would end after it
  assert_int_equal(outcome.stop, PESTER_STOP_DEADLINE);
  assert_int_equal(file->heads.size(), 1);
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_body_goes_on_where_it_broke, begin),
      cmocka_unit_test(wherever_it_breaks_each_byte_comes_once),
      cmocka_unit_test(it_may_break_as_often_as_the_policy_says),
      cmocka_unit_test_setup(a_try_that_fails_is_tried_again, begin),
      cmocka_unit_test_setup(another_answer_than_a_part_is_refused, begin),
      cmocka_unit_test_setup(another_validator_is_refused, begin),
      cmocka_unit_test(another_beginning_is_refused),
      cmocka_unit_test_setup(another_length_is_refused, begin),
      cmocka_unit_test_setup(another_coding_is_refused, begin),
      cmocka_unit_test_setup(other_bytes_before_the_break_are_refused, begin),
      cmocka_unit_test(without_a_strong_validator_a_break_is_final),
      cmocka_unit_test_setup(a_server_without_ranges_is_not_asked, begin),
      cmocka_unit_test_setup(a_range_of_the_users_own_is_left_alone, begin),
      cmocka_unit_test(a_policy_without_it_and_other_methods_do_not),
      cmocka_unit_test_setup(a_paused_body_goes_on_when_it_is_resumed, begin),
      cmocka_unit_test(cancel_and_close_while_the_rest_is_asked_for),
      cmocka_unit_test_setup(the_deadline_counts_on, begin),
      cmocka_unit_test(a_body_that_was_looked_at_goes_on_too),
  };
  return cmocka_run_group_tests_name("resume", tests, nullptr, nullptr) != 0;
}

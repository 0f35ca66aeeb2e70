// SPDX-License-Identifier: MIT
// Claims about a decoded body that breaks off: its coded bytes go on in another response, the decoder
// where it was, so that the user sees each decoded byte once, or a clean error.
#include <cstdlib>

#include "support/client_case.h"
#include "support/coded_body.h"
#include "support/tls_peer.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;

// A server of one coded file that breaks off where a test says, and knows ranges.
struct File {
  std::string coded = read_content("text.gz");
  std::string coding = "gzip";
  std::string rest_coding = "gzip";  // of the second answer on
  std::vector<size_t> cuts;          // so many bytes of the nth answer come; then it is whole
  bool chunked = false;
  size_t spoiled = SIZE_MAX;  // this byte is another one, always
  std::mutex mutex;
  std::vector<std::string> heads;

  void serve(Peer& peer) {
    bool whole = true;
    for (std::string head; whole && !(head = peer.head()).empty();) {
      if (!peer.send(answer(head, &whole))) return;
    }
  }
  // `whole`: nothing is missing, and the connection goes on.
  std::string answer(const std::string& head, bool* whole) {
    const std::lock_guard<std::mutex> lock(mutex);
    const size_t nth = heads.size();
    heads.push_back(head);
    const size_t range = head.find("\r\nRange: bytes=");
    size_t from = 0;
    std::string out = "HTTP/1.1 200 OK\r\n";
    if (range != std::string::npos) {
      from = std::strtoul(head.c_str() + range + 15, nullptr, 10);
      out = "HTTP/1.1 206 Part\r\nContent-Range: bytes " + std::to_string(from) + "-" +
            std::to_string(coded.size() - 1) + "/" + std::to_string(coded.size()) + "\r\n";
    }
    out += "ETag: \"gz\"\r\nContent-Encoding: " + (nth == 0 ? coding : rest_coding) + "\r\n";
    std::string rest = coded;
    if (spoiled < rest.size()) rest[spoiled] ^= 1;
    rest = rest.substr(from);
    *whole = nth >= cuts.size() || (!chunked && cuts[nth] >= rest.size());
    const std::string sent = *whole ? rest : rest.substr(0, cuts[nth]);
    if (!chunked) return out + "Content-Length: " + std::to_string(rest.size()) + "\r\n\r\n" + sent;
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", sent.size());
    out += "Transfer-Encoding: chunked\r\n\r\n";
    if (!sent.empty()) out += size + sent + "\r\n";
    return *whole ? out + "0\r\n\r\n" : out;
  }
};
std::unique_ptr<File> file;

int begin(void**) {
  c.begin();
  outcome = {};
  c.policy.max_resumes = 3;
  c.policy.max_attempts = 1;
  c.options.decode = 1;
  file = std::make_unique<File>();
  return 0;
}

void stream() {
  c.serve([](Peer& peer) { file->serve(peer); });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.done, 1);
}

void whole_in_one_answer(const std::string& text) {
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.heads, 1);
  assert_int_equal(outcome.status, 200);
  assert_true(outcome.streamed == text);
}

void a_decoded_body_goes_on_where_its_coded_bytes_broke(void**) {
  file->cuts = {200, 100};
  outcome.at_done = [](const pester_result_t* result) {
    assert_int_equal(pester_result_encoded_bytes(result), file->coded.size());
    assert_int_equal(pester_result_body_bytes(result), 1200);
    assert_string_equal(pester_result_content_coding(result), "gzip");
  };
  stream();
  whole_in_one_answer(read_content("text"));
  assert_int_equal(file->heads.size(), 3);
  assert_true(file->heads[1].find("\r\nRange: bytes=136-\r\nIf-Range: \"gz\"\r\n") != std::string::npos);
  assert_true(file->heads[1].find("\r\nAccept-Encoding: gzip, deflate") != std::string::npos);
  assert_true(file->heads[2].find("\r\nRange: bytes=172-\r\n") !=
              std::string::npos);  // 200 + 100 - 64 - 64
  assert_int_equal(outcome.exchanges[1].kind, PESTER_KIND_RESUME);
  assert_int_equal(c.stats().resumes, 2);
  assert_int_equal(c.end(), 0);
}

// Chunked, all bytes may be there and only the end be missing.
void wherever_it_breaks_each_byte_comes_once(void**) {
  const std::string text = read_content("text");
  for (const auto& [coding, name] : std::vector<std::pair<std::string, std::string>>{
           {"gzip", "text.gz"}, {"deflate", "text.deflate"}, {"br", "text.br"}, {"zstd", "text.zst"}}) {
    if (std::string(pester_codings()).find(coding) == std::string::npos) continue;
    const size_t size = read_content(name).size();
    for (const bool chunked : {false, true}) {
      for (size_t cut = 0; cut < size + chunked; cut += cut < 20 || cut + 20 > size ? 1 : 7) {
        begin(nullptr);
        file->coding = file->rest_coding = coding;
        file->coded = read_content(name);
        file->cuts = {cut};
        file->chunked = chunked;
        stream();
        whole_in_one_answer(text);
        assert_int_equal(file->heads.size(), 2);
        assert_int_equal(c.end(), 0);
      }
    }
  }
}

void another_coding_is_refused(void**) {
  file->cuts = {200};
  file->rest_coding = "br";
  stream();
  assert_int_equal(outcome.error, PESTER_ERESUME);
  assert_true(outcome.detail.find("Content-Encoding br in place of gzip") != std::string::npos);
  assert_true(read_content("text").starts_with(outcome.streamed));
  assert_int_equal(c.end(), 0);
}

// Asking for the rest would not help: what has come is wrong already.
void damaged_bytes_are_not_asked_for_again(void**) {
  for (const bool after_a_break : {false, true}) {
    begin(nullptr);
    file->spoiled = file->coded.size() - 6;
    if (after_a_break) file->cuts = {200};
    stream();
    assert_int_equal(outcome.error, PESTER_EENCODING);
    assert_true(outcome.detail.find("incorrect data check") != std::string::npos);
    assert_int_equal(file->heads.size(), after_a_break ? 2 : 1);
    assert_true(outcome.streamed.size() <= 1200);
    assert_int_equal(c.end(), 0);
  }
}

void coded_bytes_that_end_too_early_are_an_error(void**) {
  file->coded.resize(file->coded.size() - 1);
  file->cuts = {200};
  stream();
  assert_int_equal(outcome.error, PESTER_EENCODING);
  assert_true(outcome.detail.find("it ends too early") != std::string::npos);
  assert_int_equal(c.end(), 0);
}

// What was looked at goes out as one span, and the coded bytes before the break are those that came.
void a_body_that_was_looked_at_goes_on_too(void**) {
  file->cuts = {200};
  c.policy.retry = [](const pester_result_t* result, const pester_exchange_t*, void*) {
    return pester_result_body(result).len == 0 ? PESTER_VERDICT_NEED_BODY : PESTER_VERDICT_ACCEPT;
  };
  c.policy.max_attempts = 3;
  stream();
  whole_in_one_answer(read_content("text"));
  assert_int_equal(c.end(), 0);
}

void a_paused_body_goes_on_when_it_is_resumed(void**) {
  file->cuts = {200};
  static bool paused;
  outcome.at_body = [](const pester_result_t* result) {
    paused = true;
    (void)pester_pause(c.client, pester_result_id(result));
  };
  c.serve([](Peer& peer) { file->serve(peer); });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  assert_true(c.run_until([] {
    if (paused) (void)pester_resume(c.client, outcome.id);
    paused = false;
    return outcome.done != 0;
  }));
  whole_in_one_answer(read_content("text"));
  assert_int_equal(c.end(), 0);
}

// TLS fails behind a record of which the first span only is told: the decoder has the rest.
void break_off_untold(const std::string& text, bool chunked) {
  begin(nullptr);
  file->coded = gzip(text);
  file->chunked = chunked;
  file->cuts = {std::min(file->coded.size(), size_t{15'000})};
  static TlsService service;
  c.serve(service.open({}, [](TlsPeer& tls, Peer& peer) {
    for (std::string head; !(head = tls.head()).empty();) {
      bool whole = false;
      const std::string message = file->answer(head, &whole);
      const size_t body = message.find("\r\n\r\n") + 4;
      tls.say(message.substr(0, body));
      tls.flush();
      tls.say(message.substr(body));
      tls.flush();
      if (!whole) peer.send("no record of TLS");
      ++c.server->count;
    }
  }));
  const std::string rule = "host.example.test:" + std::to_string(c.server->port()) + ":127.0.0.1";
  const char* rules[] = {rule.c_str()};
  c.options.resolve = rules;
  c.options.resolve_count = 1;
  c.tls.ca_file = pki("ca.pem");
  c.options.tls = &c.tls;
  assert_int_equal(c.open(), 0);
  // Once it is all in the socket, one read brings it.
  outcome.at_head = [](const pester_result_t*) {
    assert_true(LoopbackServer::eventually([] { return c.server->count == 1; }));
  };
  const std::string url = "https://" + rule.substr(0, rule.rfind(':'));
  assert_int_equal(c.stream(url, &outcome), 0);
  c.run();
  whole_in_one_answer(text);
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_int_equal(outcome.exchanges[0].error, PESTER_ETLSDATA);
  assert_int_equal(c.end(), 0);
  service.close();
}
void what_was_not_told_yet_comes_before_the_rest(void**) {
  break_off_untold(prose(200'000), false);
}
void what_was_not_told_yet_comes_though_the_rest_is_nothing(void**) {
  break_off_untold(prose(50'000), true);
}

void cancel_and_close_while_the_rest_is_asked_for(void**) {
  for (const bool close : {false, true}) {
    begin(nullptr);
    file->cuts = {200};
    c.policy.backoff.kind = PESTER_BACKOFF_CONSTANT;
    c.policy.backoff.base_ms = 60'000;
    c.serve([](Peer& peer) { file->serve(peer); });
    assert_int_equal(c.open(), 0);
    assert_int_equal(c.stream(c.server->url(), &outcome), 0);
    assert_true(
        c.run_until([] { return !outcome.streamed.empty() && c.stats().connections_open == 0; }));
    assert_int_equal(close ? c.close_client() : pester_cancel(c.client, outcome.id), 0);
    c.run();
    assert_int_equal(outcome.error, close ? PESTER_ECLOSED : PESTER_ECANCELED);
    assert_int_equal(c.end(), 0);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_decoded_body_goes_on_where_its_coded_bytes_broke, begin),
      cmocka_unit_test(wherever_it_breaks_each_byte_comes_once),
      cmocka_unit_test_setup(another_coding_is_refused, begin),
      cmocka_unit_test(damaged_bytes_are_not_asked_for_again),
      cmocka_unit_test_setup(coded_bytes_that_end_too_early_are_an_error, begin),
      cmocka_unit_test_setup(a_body_that_was_looked_at_goes_on_too, begin),
      cmocka_unit_test_setup(a_paused_body_goes_on_when_it_is_resumed, begin),
      cmocka_unit_test(what_was_not_told_yet_comes_before_the_rest),
      cmocka_unit_test(what_was_not_told_yet_comes_though_the_rest_is_nothing),
      cmocka_unit_test(cancel_and_close_while_the_rest_is_asked_for),
  };
  if (!make_pki()) return 1;
  const int failed = cmocka_run_group_tests_name("decode_resume", tests, nullptr, nullptr);
  remove_pki();
  return failed != 0;
}

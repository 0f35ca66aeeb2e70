// SPDX-License-Identifier: MIT
// Claims about coded bodies that are delivered decoded: asked for, whole and streamed, within the
// bounds; with retries, lanes, predicates, pauses and ends at any point. The codings themselves are of
// test/wire/test_content_decoder.cc.
#include <cstdlib>

#include "support/client_case.h"
#include "support/coded_body.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;

// What the server sends, and what it was asked.
struct Page {
  std::string status = "200 OK";
  std::string coding = "gzip";  // empty: no Content-Encoding
  std::string extra;
  std::string body;
  bool chunked = false;
  size_t chunk = 1000;

  [[nodiscard]] std::string message() const {
    std::string out = "HTTP/1.1 " + status + "\r\n" + extra;
    if (!coding.empty()) out += "Content-Encoding: " + coding + "\r\n";
    if (!chunked) return out + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    out += "Transfer-Encoding: chunked\r\n\r\n";
    for (size_t at = 0; at < body.size(); at += chunk) {
      const std::string part = body.substr(at, chunk);
      char size[16];
      std::snprintf(size, sizeof size, "%zx\r\n", part.size());
      out += size + part + "\r\n";
    }
    return out + "0\r\nX-Trailer: there\r\n\r\n";
  }
};
std::vector<Page> pages;  // one for each request; the last again and again
std::mutex asked_mutex;
std::vector<std::string> asked;  // heads

void serve(Peer& peer) {
  for (std::string head; !(head = peer.head()).empty();) {
    size_t nth = 0;
    {
      const std::lock_guard<std::mutex> lock(asked_mutex);
      nth = asked.size();
      asked.push_back(head);
    }
    const Page& page = pages[std::min(nth, pages.size() - 1)];
    std::string message = page.message();
    if (head.starts_with("HEAD ")) message.resize(message.find("\r\n\r\n") + 4);
    if (!peer.send(message)) return;
  }
}

int begin(void**) {
  c.begin();
  outcome = {};
  pages = {Page{}};
  pages[0].body = gzip("hello");
  asked.clear();
  c.options.decode = 1;
  return 0;
}

void open() {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
}
int end() {
  return c.end();
}

bool has(const std::string& head, const std::string& line) {
  return head.find("\r\n" + line + "\r\n") != std::string::npos;
}
std::string header(const pester_result_t* result, const char* name) {
  const char* value = pester_result_header(result, name);
  return value != nullptr ? value : "(none)";
}

// ---- asked for and delivered

void a_coded_answer_is_asked_for_and_delivered_decoded(void**) {
  const std::string text = read_content("text");
  for (const bool streamed : {false, true}) {
    for (const bool chunked : {false, true}) {
      for (const auto& sample :
           std::vector<std::pair<const char*, const char*>>{{"gzip", "text.gz"},
                                                            {"x-gzip", "members.gz"},
                                                            {"GZIP", "header.gz"},
                                                            {"deflate", "text.zlib"},
                                                            {"deflate", "text.deflate"},
                                                            {"br", "text.br"},
                                                            {"zstd", "text.zst"},
                                                            {"gzip, br", "text.gz.br"},
                                                            {"identity, zstd ,, gzip", "text.zst.gz"}}) {
        const char* const coding = sample.first;
        const std::string_view file = sample.second;
        const std::string_view codings = pester_codings();
        if (file.find(".br") != file.npos && codings.find("br") == codings.npos) continue;
        if (file.find(".zst") != file.npos && codings.find("zstd") == codings.npos) continue;
        begin(nullptr);
        Page& page = pages[0];
        page.coding = coding;
        page.body = read_content(sample.second);
        page.chunked = chunked;
        page.chunk = 100;
        open();
        outcome.at_done = [&](const pester_result_t* result) {
          assert_string_equal(header(result, "Content-Encoding").c_str(), "(none)");
          assert_string_equal(header(result, "Content-Length").c_str(), "(none)");
          assert_string_equal(pester_result_content_coding(result), coding);
          assert_int_equal(pester_result_encoded_bytes(result), page.body.size());
          assert_int_equal(pester_result_body_bytes(result), text.size());
          assert_int_equal(pester_result_trailer_count(result), chunked ? 1 : 0);
          if (chunked) {
            pester_slice_t value;
            assert_int_equal(pester_result_trailer_at(result, 0, nullptr, &value), 0);
            assert_string_equal(value.data, "there");
          }
          pester_result_t* taken = pester_result_take(result);
          assert_string_equal(pester_result_content_coding(taken), coding);
          assert_int_equal(pester_result_encoded_bytes(taken), page.body.size());
          assert_string_equal(header(taken, "Content-Encoding").c_str(), "(none)");
          pester_result_free(taken);
        };
        const std::string url = c.server->url();
        assert_int_equal(streamed ? c.stream(url, &outcome) : c.get(url, &outcome), 0);
        c.run();
        assert_int_equal(outcome.error, 0);
        assert_true((streamed ? outcome.streamed : outcome.body) == text);
        assert_true(has(asked[0], std::string("Accept-Encoding: ") + pester_codings()));
        assert_int_equal(c.stats().connections_idle, 1);
        assert_int_equal(end(), 0);
      }
    }
  }
}

void several_fields_are_one_list(void**) {
  Page& page = pages[0];
  page.coding = "gzip";
  page.extra = "Content-Encoding: deflate\r\nX-Between: 1\r\n";  // deflate first, then gzip
  page.body = gzip(read_content("text.zlib"));
  open();
  outcome.at_done = [&](const pester_result_t* result) {
    assert_string_equal(pester_result_content_coding(result), "deflate");
    assert_int_equal(pester_result_header_count(result), 1);
    assert_string_equal(header(result, "x-between").c_str(), "1");
  };
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_true(outcome.body == read_content("text"));
  assert_int_equal(end(), 0);
}

// Sends a GET, with one header of the user's if given, and tells what the server was asked.
std::string ask_with(int decode, std::vector<pester_header_t> headers, const char* method = nullptr) {
  const std::string url = c.server->url();
  outcome = {};
  outcome.at_done = [](const pester_result_t* result) {
    assert_string_equal(header(result, "X-Same").c_str(), "1");
  };
  pester_request_t request = c.request(url, &outcome);
  request.decode = decode;
  request.headers = headers.data();
  request.header_count = headers.size();
  request.method = method;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  const size_t at = asked.back().find("Accept-Encoding:");
  return at == std::string::npos ? "(none)" : asked.back().substr(at, asked.back().find('\r', at) - at);
}

void the_user_has_the_last_word_on_what_is_asked(void**) {
  pages[0].extra = "X-Same: 1\r\n";
  open();
  const std::string all = std::string("Accept-Encoding: ") + pester_codings();
  const std::string coded = pages[0].body;
  assert_string_equal(ask_with(0, {}).c_str(), all.c_str());
  assert_string_equal(ask_with(1, {{"X-Other", "1"}}).c_str(), all.c_str());
  assert_string_equal(outcome.body.c_str(), "hello");
  assert_string_equal(ask_with(0, {{"accept-encoding", "gzip;q=0.5"}}).c_str(),
                      "(none)");  // in that case
  assert_true(has(asked.back(), "accept-encoding: gzip;q=0.5"));
  assert_string_equal(outcome.body.c_str(), "hello");
  assert_string_equal(ask_with(0, {{"Accept-Encoding", nullptr}}).c_str(), "(none)");
  assert_string_equal(outcome.body.c_str(), "hello");
  assert_string_equal(ask_with(0, {{"Range", "bytes=0-"}}).c_str(), "(none)");
  assert_string_equal(ask_with(0, {}, "HEAD").c_str(), "(none)");
  assert_string_equal(ask_with(PESTER_NONE, {}).c_str(), "(none)");
  assert_true(outcome.body == coded);
  assert_int_equal(end(), 0);
}

void nothing_is_asked_nor_decoded_by_default(void**) {
  c.options.decode = 0;
  pages[0].extra = "X-Same: 1\r\n";
  open();
  const std::string coded = pages[0].body;
  assert_string_equal(ask_with(0, {}).c_str(), "(none)");
  assert_true(outcome.body == coded);
  outcome = {};
  assert_string_equal(ask_with(1, {}).c_str(),
                      (std::string("Accept-Encoding: ") + pester_codings()).c_str());
  assert_string_equal(outcome.body.c_str(), "hello");
  assert_int_equal(end(), 0);
}

void what_has_no_whole_body_is_left_as_it_is(void**) {
  for (const char* status : {"HEAD", "204 No", "206 Part", "304 Same"}) {
    begin(nullptr);
    const bool head = status == std::string("HEAD");
    pages[0].status = head ? "200 OK" : status;
    pages[0].extra = head || status[0] == '2' ? "" : "ETag: \"x\"\r\n";
    const bool bodyless = status[1] == '0' && status[2] == '4';
    const std::string coded = pages[0].body;
    if (bodyless) pages[0].body.clear();
    open();
    outcome.at_done = [&](const pester_result_t* result) {
      assert_string_equal(header(result, "Content-Encoding").c_str(), "gzip");
      assert_null(pester_result_content_coding(result));
      assert_int_equal(pester_result_encoded_bytes(result), pester_result_body_bytes(result));
    };
    const std::string url = c.server->url();
    pester_request_t request = c.request(url, &outcome);
    if (head) request.method = "HEAD";
    assert_int_equal(c.send(request, &outcome), 0);
    c.run();
    assert_int_equal(outcome.done, 1);
    assert_int_equal(outcome.error, 0);
    assert_true(outcome.body == (status[2] == '6' ? coded : ""));
    assert_int_equal(end(), 0);
  }
}

void a_coding_that_is_not_known_is_left_as_it_is(void**) {
  for (const char* coding :
       {"compress", "gzip, aws-chunked", "snappy,gzip", "gzip;q=1", "identity", ""}) {
    begin(nullptr);
    pages[0].coding = coding;
    pages[0].body = "as it is";
    open();
    outcome.at_done = [&](const pester_result_t* result) {
      assert_string_equal(header(result, "Content-Encoding").c_str(),
                          *coding != '\0' ? coding : "(none)");
      assert_string_equal(header(result, "Content-Length").c_str(), "8");
      assert_null(pester_result_content_coding(result));
    };
    assert_int_equal(c.get(c.server->url(), &outcome), 0);
    c.run();
    assert_string_equal(outcome.body.c_str(), "as it is");
    assert_int_equal(end(), 0);
  }
}

void no_bytes_at_all_are_an_empty_body(void**) {
  pages[0].body.clear();
  open();
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.body.c_str(), "");
  assert_int_equal(end(), 0);
}

void a_body_may_end_with_its_connection(void**) {
  for (const size_t missing : {size_t{0}, size_t{1}}) {
    begin(nullptr);
    c.policy.max_attempts = 1;
    const std::string coded = gzip("hello");
    c.serve([coded, missing](Peer& peer) {
      peer.head();
      peer.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" +
                coded.substr(0, coded.size() - missing));
    });
    assert_int_equal(c.open(), 0);
    assert_int_equal(c.get(c.server->url(), &outcome), 0);
    c.run();
    assert_int_equal(outcome.error, missing == 0 ? 0 : PESTER_EENCODING);
    if (missing == 0) assert_string_equal(outcome.body.c_str(), "hello");
    if (missing != 0) assert_true(outcome.detail.find("it ends too early") != std::string::npos);
    assert_int_equal(end(), 0);
  }
}

// ---- options that are none

void a_wrong_option_is_refused_by_name(void**) {
  char why[100];
  c.options.error_text = why;
  c.options.error_text_size = sizeof why;
  c.options.decode = 2;
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_string_equal(why, "decode: must be 0, 1 or PESTER_NONE");
  c.options.decode = 0;
  c.options.max_decode_ratio = -2;
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_string_equal(why, "max_decode_ratio: out of range");
  c.options.max_decode_ratio = 0;
  open();
  const std::string url = c.server->url();
  pester_request_t request = c.request(url, &outcome);
  request.error_text = why;
  request.error_text_size = sizeof why;
  request.decode = -2;
  assert_int_equal(c.send(request, &outcome), PESTER_EOPTION);
  assert_string_equal(why, "decode: must be 0, 1 or PESTER_NONE");
  assert_int_equal(end(), 0);
}

// ---- bounds

void refused_as_too_large(const char* detail) {
  assert_int_equal(outcome.error, PESTER_EBODYSIZE);
  assert_int_equal(outcome.stop, PESTER_STOP_NOT_RETRYABLE);
  assert_int_equal(outcome.exchanges.size(), 1);
  if (outcome.detail.find(detail) == std::string::npos) fail_msg("%s", outcome.detail.c_str());
}

void too_many_codings_are_refused(void**) {
  for (const bool fields : {false, true}) {
    begin(nullptr);
    pages[0].coding = fields ? "gzip" : "gzip, gzip, gzip, gzip, gzip, gzip";
    for (int i = 0; fields && i < 5; ++i) pages[0].extra += "Content-Encoding: gzip\r\n";
    open();
    assert_int_equal(c.get(c.server->url(), &outcome), 0);
    c.run();
    refused_as_too_large("Content-Encoding: more than 5 codings");
    assert_int_equal(end(), 0);
  }
}

void a_bomb_is_stopped_whole_and_streamed(void**) {
  for (const bool streamed : {false, true}) {
    begin(nullptr);
    pages[0].body = gzip(gzip(std::string(64 << 20, '\0')));
    pages[0].coding = "gzip, gzip";
    open();
    const std::string url = c.server->url();
    assert_int_equal(streamed ? c.stream(url, &outcome) : c.get(url, &outcome), 0);
    c.run();
    refused_as_too_large("beyond the ratio that is allowed");
    assert_true(outcome.streamed.size() <= 1 << 20);
    assert_int_equal(end(), 0);
  }
}

void a_decoded_body_is_limited_by_its_decoded_bytes(void**) {
  const std::string text = prose((8u << 20) + 1);
  struct Try {
    size_t size;
    int64_t limit;  // of the request
    int error;
  };
  for (const auto& [size, limit, error] :
       {Try{8u << 20, 0, 0}, Try{(8u << 20) + 1, 0, PESTER_EBODYSIZE},
        Try{(8u << 20) + 1, PESTER_NONE, 0}, Try{1000, 1000, 0}, Try{1000, 999, PESTER_EBODYSIZE}}) {
    begin(nullptr);
    pages[0].body = gzip(text.substr(0, size));
    open();
    const std::string url = c.server->url();
    pester_request_t request = c.request(url, &outcome);
    request.max_body_bytes = limit;
    assert_int_equal(c.send(request, &outcome), 0);
    c.run();
    assert_int_equal(outcome.error, error);
    if (error == 0) assert_true(outcome.body.size() == size && text.starts_with(outcome.body));
    if (error != 0) refused_as_too_large("beyond the size that is allowed");
    assert_int_equal(end(), 0);
  }
}

void the_ratio_is_the_clients_to_choose(void**) {
  for (const int64_t ratio : {int64_t{2}, int64_t{100'000}, int64_t{PESTER_NONE}}) {
    begin(nullptr);
    c.options.max_decode_ratio = ratio;
    const std::string zeros(4 << 20, '\0');
    pages[0].body = gzip(zeros);
    open();
    assert_int_equal(c.get(c.server->url(), &outcome), 0);
    c.run();
    assert_int_equal(outcome.error, ratio == 2 ? PESTER_EBODYSIZE : 0);
    if (ratio != 2) assert_true(outcome.body == zeros);
    assert_int_equal(end(), 0);
  }
}

void it_is_written_into_the_users_buffer(void**) {
  for (const size_t room : {size_t{200'000}, size_t{199'999}}) {
    begin(nullptr);
    const std::string text = prose(200'000);
    pages[0].body = gzip(text);
    open();
    std::string into(room, '#');
    const std::string url = c.server->url();
    pester_request_t request = c.request(url, &outcome);
    request.into = into.data();
    request.into_size = into.size();
    assert_int_equal(c.send(request, &outcome), 0);
    c.run();
    assert_int_equal(outcome.error, room == text.size() ? 0 : PESTER_EBODYSIZE);
    if (outcome.error == 0) assert_true(into == text && outcome.body == text);
    assert_int_equal(end(), 0);
  }
}

// ---- with what makes up for failures

void a_cut_or_damaged_body_is_tried_again(void**) {
  const std::string good = gzip("hello");
  std::string damaged = good;
  damaged[good.size() - 5] ^= 1;
  pages = {Page{}, Page{}, Page{}};
  pages[0].body = good.substr(0, good.size() - 1);
  pages[1].body = damaged;
  pages[2].body = good;
  open();
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.body.c_str(), "hello");
  assert_int_equal(outcome.exchanges.size(), 3);
  for (size_t i = 0; i < 2; ++i) {
    assert_int_equal(outcome.exchanges[i].error, PESTER_EENCODING);
    assert_int_equal(outcome.exchanges[i].outcome, PESTER_OUTCOME_RETRIED);
    assert_true(outcome.exchanges[i].detail.starts_with("gzip, coding 1 of 1, at byte "));
  }
  assert_int_equal(end(), 0);
}

void a_failed_answer_that_is_delivered_is_decoded(void**) {
  for (const bool streamed : {false, true}) {
    begin(nullptr);
    pages[0].status = "503 Busy";
    pages[0].body = gzip("busy, come back");
    c.policy.max_attempts = 2;
    open();
    const std::string url = c.server->url();
    assert_int_equal(streamed ? c.stream(url, &outcome) : c.get(url, &outcome), 0);
    c.run();
    assert_int_equal(outcome.status, 503);
    assert_string_equal((streamed ? outcome.streamed : outcome.body).c_str(), "busy, come back");
    assert_int_equal(c.stats().connections_opened, 1);  // the first answer was read away
    assert_int_equal(end(), 0);
  }
}

// The redirect's own body is coded, too; it is of no interest.
void what_follows_a_redirect_is_decoded(void**) {
  for (const bool deliver : {false, true}) {
    begin(nullptr);
    pages = {Page{}, Page{}};
    pages[0].status = "302 There";
    pages[0].extra = "Location: /there\r\n";
    pages[0].body = gzip("moved");
    pages[1].body = gzip("hello");
    open();
    pester_redirects_t redirects;
    pester_redirects_init(&redirects);
    if (deliver) {
      redirects.check = [](const pester_result_t*, const char*, void*) -> int {
        return PESTER_REDIRECT_DELIVER;
      };
    }
    pester_auth_t auth;
    pester_auth_init(&auth, PESTER_AUTH_BEARER);
    auth.token = "t0ken";
    const std::string url = c.server->url();
    pester_request_t request = c.request(url, &outcome);
    request.redirects = &redirects;
    request.auth = &auth;
    const pester_header_t own = {"X-Own", "1"};
    request.headers = &own;
    request.header_count = 1;
    assert_int_equal(c.send(request, &outcome), 0);
    c.run();
    assert_int_equal(outcome.error, 0);
    assert_string_equal(outcome.body.c_str(), deliver ? "moved" : "hello");
    assert_int_equal(asked.size(), deliver ? 1 : 2);
    for (const std::string& head : asked) {
      assert_true(has(head, std::string("Accept-Encoding: ") + pester_codings()));
      assert_true(has(head, "Authorization: Bearer t0ken"));
      assert_true(has(head, "X-Own: 1"));
    }
    assert_int_equal(c.stats().connections_opened, 1);
    assert_int_equal(end(), 0);
  }
}

void each_lane_decodes_its_own(void**) {
  c.policy.concurrency = 3;
  c.policy.max_attempts = 1;
  pages = {Page{}, Page{}, Page{}};
  for (size_t i = 0; i < 3; ++i) {
    pages[i].status = "500 No";
    pages[i].body = gzip("answer " + std::to_string(i) + prose(100'000));
  }
  open();
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.status, 500);
  assert_true(outcome.body.starts_with("answer "));
  assert_int_equal(outcome.body.size(), 100'008);
  assert_int_equal(end(), 0);
}

void the_predicate_sees_it_decoded(void**) {
  for (const bool streamed : {false, true}) {
    for (const size_t size : {size_t{5}, size_t{65536}, size_t{1'000'000}}) {
      begin(nullptr);
      pages = {Page{}, Page{}};
      const std::string text = prose(size);
      pages[0].body = gzip("no" + text);
      pages[1].body = gzip("ok" + text);
      static int asked_with_body;
      asked_with_body = 0;
      c.policy.retry = [](const pester_result_t* result, const pester_exchange_t*,
                          void*) -> pester_verdict_t {
        const pester_slice_t body = pester_result_body(result);
        if (body.len == 0) return PESTER_VERDICT_NEED_BODY;
        ++asked_with_body;
        assert_null(pester_result_header(result, "Content-Encoding"));
        assert_true(body.len < 65536 + 16384);
        return body.data[0] == 'n' ? PESTER_VERDICT_RETRY : PESTER_VERDICT_ACCEPT;
      };
      open();
      const std::string url = c.server->url();
      assert_int_equal(streamed ? c.stream(url, &outcome) : c.get(url, &outcome), 0);
      c.run();
      assert_int_equal(outcome.error, 0);
      assert_int_equal(asked_with_body, 2);
      assert_true((streamed ? outcome.streamed : outcome.body) == "ok" + text);
      assert_int_equal(end(), 0);
    }
  }
}

// ---- between the spans

void spans_are_small_and_wait_while_paused(void**) {
  const std::string text = prose(3 << 20);
  pages[0].body = gzip(text);
  open();
  static int spans, turns;
  spans = turns = 0;
  static bool paused;
  paused = false;
  static size_t before, longest;
  before = longest = 0;
  outcome.at_body = [](const pester_result_t* result) {
    assert_false(paused);
    ++spans;
    longest = std::max(longest, outcome.streamed.size() - before);
    before = outcome.streamed.size();
    paused = true;
    assert_int_equal(pester_pause(c.client, pester_result_id(result)), 0);
  };
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  assert_true(c.run_until([] {
    if (paused && ++turns % 2 == 0) {
      paused = false;
      (void)pester_resume(c.client, outcome.id);
    }
    return outcome.done != 0;
  }));
  assert_int_equal(outcome.error, 0);
  assert_true(outcome.streamed == text);
  assert_true(longest <= 16384);
  assert_true(spans >= (3 << 20) / 16384);
  assert_int_equal(end(), 0);
}

// At any span: before the first, in the midst of what one read brought, at the end.
void an_end_between_two_spans_is_an_end(void**) {
  const std::string text = prose(400'000);
  for (const bool close : {false, true}) {
    for (const bool paused : {false, true}) {
      for (int nth = 0; nth <= 26; nth += nth < 3 ? 1 : 5) {
        begin(nullptr);
        pages[0].body = gzip(text);
        open();
        static int left;
        left = nth;
        const auto stop = [close, paused](const pester_result_t* result) {
          if (left-- != 0) return;
          if (paused) (void)pester_pause(c.client, pester_result_id(result));
          if (close) (void)c.close_client();
          if (!close) assert_int_equal(pester_cancel(c.client, pester_result_id(result)), 0);
        };
        outcome.at_head = outcome.at_body = stop;
        assert_int_equal(c.stream(c.server->url(), &outcome), 0);
        c.run();
        assert_int_equal(outcome.done, 1);
        const int error = close ? PESTER_ECLOSED : PESTER_ECANCELED;
        assert_int_equal(outcome.error, left < 0 ? error : 0);
        assert_true(text.starts_with(outcome.streamed));
        assert_int_equal(end(), 0);
      }
    }
  }
}

void a_paused_one_is_cancelled_from_outside(void**) {
  pages[0].body = gzip(prose(400'000));
  open();
  outcome.at_body = [](const pester_result_t* result) {
    (void)pester_pause(c.client, pester_result_id(result));
  };
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  assert_true(c.run_until([] { return !outcome.streamed.empty(); }));
  c.run_for(5);
  assert_int_equal(outcome.streamed.size(), 16384);
  assert_int_equal(pester_cancel(c.client, outcome.id), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_ECANCELED);
  assert_int_equal(end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_coded_answer_is_asked_for_and_delivered_decoded),
      cmocka_unit_test_setup(several_fields_are_one_list, begin),
      cmocka_unit_test_setup(the_user_has_the_last_word_on_what_is_asked, begin),
      cmocka_unit_test_setup(nothing_is_asked_nor_decoded_by_default, begin),
      cmocka_unit_test(what_has_no_whole_body_is_left_as_it_is),
      cmocka_unit_test(a_coding_that_is_not_known_is_left_as_it_is),
      cmocka_unit_test_setup(no_bytes_at_all_are_an_empty_body, begin),
      cmocka_unit_test(a_body_may_end_with_its_connection),
      cmocka_unit_test_setup(a_wrong_option_is_refused_by_name, begin),
      cmocka_unit_test(too_many_codings_are_refused),
      cmocka_unit_test(a_bomb_is_stopped_whole_and_streamed),
      cmocka_unit_test(a_decoded_body_is_limited_by_its_decoded_bytes),
      cmocka_unit_test(the_ratio_is_the_clients_to_choose),
      cmocka_unit_test(it_is_written_into_the_users_buffer),
      cmocka_unit_test_setup(a_cut_or_damaged_body_is_tried_again, begin),
      cmocka_unit_test(a_failed_answer_that_is_delivered_is_decoded),
      cmocka_unit_test(what_follows_a_redirect_is_decoded),
      cmocka_unit_test_setup(each_lane_decodes_its_own, begin),
      cmocka_unit_test(the_predicate_sees_it_decoded),
      cmocka_unit_test_setup(spans_are_small_and_wait_while_paused, begin),
      cmocka_unit_test(an_end_between_two_spans_is_an_end),
      cmocka_unit_test_setup(a_paused_one_is_cancelled_from_outside, begin),
  };
  return cmocka_run_group_tests_name("decode", tests, nullptr, nullptr) != 0;
}

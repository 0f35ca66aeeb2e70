// SPDX-License-Identifier: MIT
// Claims about the handshakes with a proxy: what is written, byte for byte; that an answer may be cut
// anywhere; and that whatever a proxy says or leaves unsaid ends in one of few codes with a reason.
#include <cstring>
#include <string>

#include "wire/connect_handshake.h"
#include "wire/socks5_handshake.h"

#include "support/cmocka.h"

namespace {

using namespace pester::wire;

BlockPool pool(Allocator::system());
ParserLimits limits;
const ProxyTarget kName = {"example.com", HostKind::name, 443, ""};

void says(const pester::core::Why& why, const char* reason) {
  if (std::strstr(why.c_str(), reason) == nullptr) {
    fail_msg("\"%s\" does not say \"%s\"", why.c_str(), reason);
  }
}

// ---- CONNECT

void asks(const ProxyTarget& target, const char* agent, const char* request) {
  ConnectHandshake connect;
  assert_int_equal(connect.start(&pool, &limits, target, agent), 0);
  assert_true(connect.output() == request);
  connect.consume_output(3);
  assert_true(connect.output() == request + 3);
  connect.release();
}

void connect_names_host_and_port(void**) {
  asks(kName, "", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n");
  asks({"192.0.2.1", HostKind::ipv4, 80, ""}, "",
       "CONNECT 192.0.2.1:80 HTTP/1.1\r\nHost: 192.0.2.1:80\r\n\r\n");
  asks({"2001:db8::1", HostKind::ipv6, 65535, ""}, "",
       "CONNECT [2001:db8::1]:65535 HTTP/1.1\r\nHost: [2001:db8::1]:65535\r\n\r\n");
}

void connect_brings_the_proxys_credentials(void**) {
  asks({"example.com", HostKind::name, 443, "us%65r:se%3Acret"}, "pester/1",
       "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n"
       "Proxy-Authorization: Basic dXNlcjpzZTpjcmV0\r\nUser-Agent: pester/1\r\n\r\n");
}

// Fed whole, and cut at every byte: the same comes of it.
void answered(std::string_view answer, ProxyStep step, size_t taken, int error, const char* reason,
              std::string_view userinfo = {}) {
  for (size_t cut = 0; cut <= answer.size(); ++cut) {
    ConnectHandshake connect;
    ProxyTarget target = kName;
    target.userinfo = userinfo;
    assert_int_equal(connect.start(&pool, &limits, target, ""), 0);
    size_t count = 0;
    ProxyStep got = connect.feed(answer.substr(0, cut), &count);
    size_t total = count;
    if (got == ProxyStep::more) {
      assert_int_equal(count, cut);
      got = connect.feed(answer.substr(cut), &count);
      total += count;
    }
    if (got == ProxyStep::more) got = connect.end();
    assert_int_equal(static_cast<int>(got), static_cast<int>(step));
    if (step == ProxyStep::done) assert_int_equal(total, taken);
    if (step == ProxyStep::failed) {
      assert_int_equal(connect.error(), error);
      says(connect.why(), reason);
    }
    connect.release();
  }
}

void any_2xx_opens_the_tunnel(void**) {
  answered("HTTP/1.1 200 Connection established\r\n\r\n", ProxyStep::done, 39, 0, "");
  answered("HTTP/1.0 200 OK\r\nProxy-Agent: x\r\n\r\n", ProxyStep::done, 35, 0, "");
  answered("HTTP/1.1 299 \r\n\r\n", ProxyStep::done, 17, 0, "");
}

void what_follows_the_answer_is_the_origins(void**) {
  answered("HTTP/1.1 200 OK\r\n\r\n\x16\x03", ProxyStep::done, 19, 0, "");
  // RFC 9110 §9.3.6: such fields mean nothing in a 2xx.
  answered("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", ProxyStep::done, 38, 0, "");
  answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0", ProxyStep::done, 47, 0, "");
}

void informational_answers_are_passed_over(void**) {
  answered("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", ProxyStep::done, 44, 0, "");
}

void a_refusal_tells_its_status(void**) {
  answered("HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!", ProxyStep::failed, 0,
           PESTER_EPROXYDENIED, "the proxy refused the tunnel: 403 Forbidden");
  for (const char* later : {"408", "425", "429", "500", "503"}) {
    answered(std::string("HTTP/1.1 ") + later + " x\r\n\r\n", ProxyStep::failed, 0, PESTER_EPROXY,
             later);
  }
  for (const char* never : {"400", "404", "405", "499"}) {
    answered(std::string("HTTP/1.1 ") + never + " x\r\n\r\n", ProxyStep::failed, 0, PESTER_EPROXYDENIED,
             never);
  }
  answered("HTTP/1.1 502 \r\n\r\n", ProxyStep::failed, 0, PESTER_EPROXY, "refused the tunnel: 502");
  answered("HTTP/1.1 302 Found\r\nLocation: http://evil/\r\n\r\n", ProxyStep::failed, 0, PESTER_EPROXY,
           "302");
  answered("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", ProxyStep::failed, 0,
           PESTER_EPROXY, "101");
}

void a_407_is_named(void**) {
  const char* const answer =
      "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n";
  answered(answer, ProxyStep::failed, 0, PESTER_EPROXYAUTH, "the proxy asks for credentials: 407");
  answered(answer, ProxyStep::failed, 0, PESTER_EPROXYAUTH, "does not accept the credentials: 407",
           "a:b");
}

void garbage_and_ends_are_failures(void**) {
  answered("", ProxyStep::failed, 0, PESTER_EPROXY, "no byte of a response came");
  answered("HTTP/1.1 20", ProxyStep::failed, 0, PESTER_EPROXY, "within the response head");
  answered("HTTP/1.1 200 OK\r\nX: y\r\n", ProxyStep::failed, 0, PESTER_EPROXY,
           "within the response head");
  answered("SSH-2.0-OpenSSH\r\n\r\n", ProxyStep::failed, 0, PESTER_EPROXY,
           "the proxy's answer: at byte");
  answered("HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n", ProxyStep::failed, 0, PESTER_EPROXY, "at byte");
  answered("HTTP/2.0 200 OK\r\n\r\n", ProxyStep::failed, 0, PESTER_EPROXY, "at byte");
}

void an_answer_has_a_largest_size(void**) {
  ParserLimits small;
  small.head_bytes = 64;
  ConnectHandshake connect;
  assert_int_equal(connect.start(&pool, &small, kName, ""), 0);
  char line[101];
  std::memset(line, 'x', sizeof line);
  size_t taken = 0;
  assert_int_equal(static_cast<int>(connect.feed("HTTP/1.1 200 OK\r\nA: ", &taken)),
                   static_cast<int>(ProxyStep::more));
  assert_int_equal(static_cast<int>(connect.feed({line, sizeof line}, &taken)),
                   static_cast<int>(ProxyStep::failed));
  assert_int_equal(connect.error(), PESTER_EPROXY);
  says(connect.why(), "64 bytes");
  connect.release();
}

void informational_answers_have_a_largest_number(void**) {
  ConnectHandshake connect;
  assert_int_equal(connect.start(&pool, &limits, kName, ""), 0);
  ProxyStep step = ProxyStep::more;
  int fed = 0;
  for (size_t taken = 0; step == ProxyStep::more && fed < 100; ++fed) {
    step = connect.feed("HTTP/1.1 102 Processing\r\n\r\n", &taken);
  }
  assert_int_equal(static_cast<int>(step), static_cast<int>(ProxyStep::failed));
  assert_int_equal(fed, 9);
  connect.release();
}

// ---- SOCKS

struct Answer {
  const char* bytes;
  size_t size;
};
template <size_t kSize>
constexpr Answer answer_of(const char (&bytes)[kSize]) {
  return {bytes, kSize - 1};
}

// The proxy's answers one after the other, each cut at `cut`; what was written in between is kept.
struct Talk {
  Socks5Handshake socks;
  char written[1024];
  size_t size = 0;
  size_t left_over = 0;
  ProxyStep step = ProxyStep::more;

  void send() {
    const std::string_view output = socks.output();
    std::memcpy(written + size, output.data(), output.size());
    size += output.size();
    socks.consume_output(output.size());
  }
  void hear(Answer answer, size_t cut) {
    send();
    for (const std::string_view part : {std::string_view(answer.bytes, cut),
                                        std::string_view(answer.bytes + cut, answer.size - cut)}) {
      if (step != ProxyStep::more) return;
      size_t taken = 0;
      step = socks.feed(part, &taken);
      left_over = part.size() - taken;
    }
    send();
  }
  [[nodiscard]] bool wrote(Answer bytes) const {
    return size == bytes.size && std::memcmp(written, bytes.bytes, size) == 0;
  }
};

template <size_t kCount>
void talks(const ProxyTarget& target, const Answer (&answers)[kCount], ProxyStep step, Answer written,
           int error = 0, const char* reason = "") {
  for (size_t cut = 0; cut < 16; ++cut) {
    Talk talk;
    talk.socks.start(target);
    for (const Answer& answer : answers) talk.hear(answer, cut < answer.size ? cut : answer.size);
    if (talk.step == ProxyStep::more) talk.step = talk.socks.end();
    assert_int_equal(static_cast<int>(talk.step), static_cast<int>(step));
    assert_true(talk.wrote(written));
    assert_int_equal(talk.socks.error(), error);
    if (error != 0) says(talk.socks.why(), reason);
    if (step == ProxyStep::done) assert_int_equal(talk.left_over, 0);
  }
}

constexpr Answer kNoAuth = {"\5\0", 2};
constexpr Answer kWantsPassword = {"\5\2", 2};
constexpr Answer kGranted = {"\5\0\0\1\0\0\0\0\0\0", 10};

void a_name_is_left_to_the_proxy(void**) {
  const Answer answers[] = {kNoAuth, kGranted};
  talks(kName, answers, ProxyStep::done, answer_of("\5\1\0\5\1\0\3\13example.com\1\273"));
}

void addresses_go_out_in_binary(void**) {
  const Answer answers[] = {kNoAuth, kGranted};
  talks({"192.0.2.1", HostKind::ipv4, 80, ""}, answers, ProxyStep::done,
        answer_of("\5\1\0\5\1\0\1\300\0\2\1\0\120"));
  talks({"2001:db8::1", HostKind::ipv6, 80, ""}, answers, ProxyStep::done,
        answer_of("\5\1\0\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\120"));
}

void a_name_resolved_here_goes_out_as_its_address(void**) {
  Talk talk;
  talk.socks.start(kName);
  const unsigned char address[] = {192, 0, 2, 1};
  talk.socks.use_address(address, sizeof address, 8443);
  talk.hear(kNoAuth, 1);
  talk.hear(kGranted, 4);
  assert_int_equal(static_cast<int>(talk.step), static_cast<int>(ProxyStep::done));
  assert_true(talk.wrote(answer_of("\5\1\0\5\1\0\1\300\0\2\1\40\373")));
}

void a_password_is_sent_when_it_is_asked_for(void**) {
  const ProxyTarget target = {"h", HostKind::name, 80, "us%65r:se%3Acret"};
  const Answer with[] = {kWantsPassword, {"\1\0", 2}, kGranted};
  talks(target, with, ProxyStep::done, answer_of("\5\2\0\2\1\4user\7se:cret\5\1\0\3\1h\0\120"));
  const Answer without[] = {kNoAuth, kGranted};
  talks(target, without, ProxyStep::done, answer_of("\5\2\0\2\5\1\0\3\1h\0\120"));
}

void the_longest_credentials_fit(void**) {
  char userinfo[255 * 3 + 1 + 255 + 1];
  for (int i = 0; i < 255; ++i) std::memcpy(userinfo + i * 3, "%75", 3);
  userinfo[255 * 3] = ':';
  std::memset(userinfo + 255 * 3 + 1, 'p', 255);
  const ProxyTarget target = {"h", HostKind::name, 80, {userinfo, 255 * 3 + 1 + 255}};
  Talk talk;
  talk.socks.start(target);
  talk.hear(kWantsPassword, 0);
  assert_int_equal(talk.size, 4 + 3 + 255 + 255);
  assert_memory_equal(talk.written + 4 + 2, "uuuu", 4);
  talk.hear({"\1\0", 2}, 0);
  talk.hear(kGranted, 0);
  assert_int_equal(static_cast<int>(talk.step), static_cast<int>(ProxyStep::done));
}

void every_kind_of_bound_address_is_read(void**) {
  const Answer v6[] = {kNoAuth, answer_of("\5\0\0\4................\0\0")};
  talks(kName, v6, ProxyStep::done, answer_of("\5\1\0\5\1\0\3\13example.com\1\273"));
  const Answer name[] = {kNoAuth, answer_of("\5\0\0\3\4name\0\0")};
  talks(kName, name, ProxyStep::done, answer_of("\5\1\0\5\1\0\3\13example.com\1\273"));
  const Answer empty[] = {kNoAuth, answer_of("\5\0\0\3\0\0\0")};
  talks(kName, empty, ProxyStep::done, answer_of("\5\1\0\5\1\0\3\13example.com\1\273"));
}

void what_follows_the_reply_is_the_origins_in_socks_too(void**) {
  Talk talk;
  talk.socks.start(kName);
  talk.hear(kNoAuth, 0);
  talk.hear(answer_of("\5\0\0\1\0\0\0\0\0\0more"), 0);
  assert_int_equal(static_cast<int>(talk.step), static_cast<int>(ProxyStep::done));
  assert_int_equal(talk.left_over, 4);
}

constexpr Answer kAsked = {"\5\1\0\5\1\0\3\13example.com\1\273", 21};
constexpr Answer kGreeted = {"\5\1\0", 3};

void refused_replies_are_told_in_words(void**) {
  const struct {
    Answer reply;
    const char* words;
    int error = PESTER_EPROXY;
  } kReplies[] = {
      {{"\5\1\0\1\0\0\0\0\0\0", 10}, "general failure (1)"},
      {{"\5\2\0\1\0\0\0\0\0\0", 10}, "not allowed by its rules (2)", PESTER_EPROXYDENIED},
      {{"\5\3\0\1\0\0\0\0\0\0", 10}, "network unreachable (3)"},
      {{"\5\4\0\1\0\0\0\0\0\0", 10}, "host unreachable (4)"},
      {{"\5\5\0\1\0\0\0\0\0\0", 10}, "connection refused (5)"},
      {{"\5\6\0\1\0\0\0\0\0\0", 10}, "TTL expired (6)"},
      {{"\5\7\0\1\0\0\0\0\0\0", 10}, "command not supported (7)", PESTER_EPROXYDENIED},
      {{"\5\10\0\1\0\0\0\0\0\0", 10}, "address type not supported (8)", PESTER_EPROXYDENIED},
      {{"\5\377\0\1\0\0\0\0\0\0", 10}, "unknown reply (255)"},
      {{"\5\5", 2}, "connection refused (5)"},  // cut short by its end
  };
  for (const auto& reply : kReplies) {
    const Answer answers[] = {kNoAuth, reply.reply};
    talks(kName, answers, ProxyStep::failed, kAsked, reply.error, reply.words);
  }
}

void credentials_asked_for_or_refused_are_a_code_of_their_own(void**) {
  const Answer nothing[] = {{"\5\377", 2}};
  talks(kName, nothing, ProxyStep::failed, kGreeted, PESTER_EPROXYAUTH, "asks for credentials");
  const ProxyTarget target = {"h", HostKind::name, 80, "a:b"};
  talks(target, nothing, ProxyStep::failed, answer_of("\5\2\0\2"), PESTER_EPROXYAUTH,
        "another authentication");
  const Answer refused[] = {kWantsPassword, {"\1\1", 2}};
  talks(target, refused, ProxyStep::failed, answer_of("\5\2\0\2\1\1a\1b"), PESTER_EPROXYAUTH,
        "does not accept the credentials");
}

void socks_garbage_and_ends_are_failures(void**) {
  const Answer http[] = {answer_of("HTTP/1.1 400 Bad\r\n")};
  talks(kName, http, ProxyStep::failed, kGreeted, PESTER_EPROXY, "does not speak SOCKS 5");
  const Answer four[] = {answer_of("\0\132......")};
  talks(kName, four, ProxyStep::failed, kGreeted, PESTER_EPROXY, "does not speak SOCKS 5");
  const Answer unasked[] = {{"\5\1", 2}};
  talks(kName, unasked, ProxyStep::failed, kGreeted, PESTER_EPROXY, "not offered");
  const Answer password[] = {kWantsPassword};
  talks(kName, password, ProxyStep::failed, kGreeted, PESTER_EPROXY, "not offered");
  const Answer version[] = {kNoAuth, answer_of("\4\0\0\1\0")};
  talks(kName, version, ProxyStep::failed, kAsked, PESTER_EPROXY, "malformed reply");
  const Answer type[] = {kNoAuth, answer_of("\5\0\0\2\0")};
  talks(kName, type, ProxyStep::failed, kAsked, PESTER_EPROXY, "unknown type of address");
  const Answer verdict[] = {kWantsPassword, {"\5\0", 2}};
  talks({"h", HostKind::name, 80, "a:b"}, verdict, ProxyStep::failed, answer_of("\5\2\0\2\1\1a\1b"),
        PESTER_EPROXY, "malformed answer to the password");
  const Answer silence[] = {{"", 0}};
  talks(kName, silence, ProxyStep::failed, kGreeted, PESTER_EPROXY, "before it answered");
  const Answer half[] = {kNoAuth, {"\5\0\0\1\0\0", 6}};
  talks(kName, half, ProxyStep::failed, kAsked, PESTER_EPROXY, "within the handshake");
}

void an_answer_before_its_question_is_a_failure(void**) {
  Socks5Handshake socks;
  socks.start(kName);
  socks.consume_output(3);
  size_t taken = 0;
  const ProxyStep step = socks.feed({"\5\0\5\0\0\1\0\0\0\0\0\0", 12}, &taken);
  assert_int_equal(static_cast<int>(step), static_cast<int>(ProxyStep::failed));
  says(socks.why(), "before they were asked for");
}

int trim(void**) {
  pool.trim();
  return 0;
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(connect_names_host_and_port),
      cmocka_unit_test(connect_brings_the_proxys_credentials),
      cmocka_unit_test(any_2xx_opens_the_tunnel),
      cmocka_unit_test(what_follows_the_answer_is_the_origins),
      cmocka_unit_test(informational_answers_are_passed_over),
      cmocka_unit_test(a_refusal_tells_its_status),
      cmocka_unit_test(a_407_is_named),
      cmocka_unit_test(garbage_and_ends_are_failures),
      cmocka_unit_test(an_answer_has_a_largest_size),
      cmocka_unit_test(informational_answers_have_a_largest_number),
      cmocka_unit_test(a_name_is_left_to_the_proxy),
      cmocka_unit_test(addresses_go_out_in_binary),
      cmocka_unit_test(a_name_resolved_here_goes_out_as_its_address),
      cmocka_unit_test(a_password_is_sent_when_it_is_asked_for),
      cmocka_unit_test(the_longest_credentials_fit),
      cmocka_unit_test(every_kind_of_bound_address_is_read),
      cmocka_unit_test(what_follows_the_reply_is_the_origins_in_socks_too),
      cmocka_unit_test(refused_replies_are_told_in_words),
      cmocka_unit_test(credentials_asked_for_or_refused_are_a_code_of_their_own),
      cmocka_unit_test(socks_garbage_and_ends_are_failures),
      cmocka_unit_test(an_answer_before_its_question_is_a_failure),
  };
  return cmocka_run_group_tests(tests, nullptr, trim);
}

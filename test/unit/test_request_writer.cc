// SPDX-License-Identifier: MIT
// Claims about the request head: its bytes, and what is refused so that nothing a user passes becomes
// another header, another request or another framing.
#include "wire/request_writer.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "support/cmocka.h"

using namespace pester::wire;
using pester::core::Why;

namespace {

constexpr size_t kMany = kRequestHeadersMax + 1;

// A request whose URL is parsed and whose head is written into memory of just the measured size.
struct Case {
  const char* method = "GET";
  const char* url = "http://h.example/x";
  HeaderIn headers[kMany] = {};
  size_t count = 0;
  std::string_view user_agent = "pester/1";
  bool has_body = false;
  uint64_t body_bytes = 0;

  RequestHeadInfo info;
  Why why;

  Case& add(const char* name, const char* value) {
    headers[count++] = {name, value};
    return *this;
  }
};

// The head, or nullptr when it was refused with `error`; to be freed.
char* head_of(Case& c, int* error) {
  char* storage = static_cast<char*>(malloc(url_storage_bytes(c.url)));
  Url url;
  if (parse_url(c.url, storage, &url, &c.why) != 0) fail_msg("%s: %s", c.url, c.why.c_str());
  RequestHead head;
  head.method = c.method;
  head.url = &url;
  head.headers = {c.headers, c.count};
  head.user_agent = c.user_agent;
  head.has_body = c.has_body;
  head.body_bytes = c.body_bytes;
  *error = measure_request_head(head, &c.info, &c.why);
  char* text = nullptr;
  if (*error == 0) {
    char* exact = static_cast<char*>(malloc(c.info.bytes));  // the sanitizer watches its end
    write_request_head(head, exact);
    text = static_cast<char*>(malloc(c.info.bytes + 1));
    memcpy(text, exact, c.info.bytes);
    text[c.info.bytes] = '\0';
    assert_int_equal(strlen(text), c.info.bytes);
    free(exact);
  }
  free(storage);
  return text;
}

void writes(Case& c, const char* wanted) {
  int error = 0;
  char* text = head_of(c, &error);
  if (error != 0) fail_msg("refused: %s", c.why.c_str());
  assert_string_equal(text, wanted);
  free(text);
}

void writes(Case&& c, const char* wanted) {
  writes(c, wanted);
}

void refused(Case& c, int code, const char* why) {
  int error = 0;
  free(head_of(c, &error));
  assert_int_equal(error, code);
  assert_string_equal(c.why.c_str(), why);
}

void refused(Case&& c, int code, const char* why) {
  refused(c, code, why);
}

Case with(const char* name, const char* value) {
  Case c;
  c.add(name, value);
  return c;
}

#define FIRST "GET /x HTTP/1.1\r\nHost: h.example\r\n"
#define AGENT "User-Agent: pester/1\r\n"
#define ACCEPT "Accept: */*\r\n"

void the_defaults_come_in_their_order(void**) {
  writes(Case{}, FIRST AGENT ACCEPT "\r\n");
  Case c;
  c.url = "https://u:p@[FE80::1%25eth0]:444?q=1#f";
  c.method = "POST";
  c.user_agent = "";
  c.has_body = true;
  c.body_bytes = UINT64_MAX - 1;
  c.add("X-a", "1").add("x-A", "2");
  writes(c, "POST /?q=1 HTTP/1.1\r\nHost: [fe80::1]:444\r\nAuthorization: Basic dTpw\r\n" ACCEPT
            "X-a: 1\r\nx-A: 2\r\nContent-Length: 18446744073709551614\r\n\r\n");
}

void content_length_is_written_where_a_server_expects_one(void**) {
  for (const char* method : {"POST", "PUT", "PATCH"}) {
    Case c;
    c.method = method;
    char wanted[200];
    snprintf(wanted, sizeof wanted,
             "%s /x HTTP/1.1\r\nHost: h.example\r\n" AGENT ACCEPT "Content-Length: 0\r\n\r\n", method);
    c.body_bytes = 7;  // means nothing without a body
    writes(c, wanted);
  }
  Case get;
  get.has_body = true;
  get.body_bytes = 12;
  writes(get, FIRST AGENT ACCEPT "Content-Length: 12\r\n\r\n");
  Case empty;
  empty.has_body = true;
  writes(empty, FIRST AGENT ACCEPT "Content-Length: 0\r\n\r\n");
  Case remove;
  remove.method = "DELETE";
  writes(remove, "DELETE /x HTTP/1.1\r\nHost: h.example\r\n" AGENT ACCEPT "\r\n");
  Case post = with("content-length", nullptr);
  post.method = "POST";
  writes(post, "POST /x HTTP/1.1\r\nHost: h.example\r\n" AGENT ACCEPT "\r\n");
}

void a_user_header_stands_in_the_place_of_its_default(void**) {
  Case c;
  c.url = "http://u:p@h.example/x";
  c.add("X-First", "1").add("aCCept", "a/b").add("user-agent", "mine").add("HOST", "other:1");
  c.add("authorization", "Bearer t").add("Accept", "c/d");
  writes(c,
         "GET /x HTTP/1.1\r\nHOST: other:1\r\nauthorization: Bearer t\r\nuser-agent: mine\r\naCCept: "
         "a/b\r\n"
         "X-First: 1\r\nAccept: c/d\r\n\r\n");
}

void without_a_default_the_users_order_stays(void**) {
  Case c;
  c.user_agent = "";
  c.add("X-First", "1").add("User-Agent", "mine").add("Authorization", "Bearer t");
  writes(c, FIRST ACCEPT "X-First: 1\r\nUser-Agent: mine\r\nAuthorization: Bearer t\r\n\r\n");
}

void a_null_value_takes_a_default_away(void**) {
  Case c;
  c.url = "http://u:p@h.example/x";
  c.add("accept", nullptr)
      .add("User-agent", nullptr)
      .add("Authorization", nullptr)
      .add("X-None", nullptr);
  c.add("Expect", nullptr).add("Transfer-Encoding", nullptr).add("Connection", nullptr);
  writes(c, FIRST "\r\n");
  Case again;
  again.add("Accept", nullptr).add("Accept", "a/b");
  writes(again, FIRST AGENT "Accept: a/b\r\n\r\n");
}

void an_empty_value_is_sent_empty(void**) {
  writes(with("X-Empty", ""), FIRST AGENT ACCEPT "X-Empty:\r\n\r\n");
  writes(with("Accept", ""), FIRST AGENT "Accept:\r\n\r\n");
  writes(with("Host", ""), "GET /x HTTP/1.1\r\nHost:\r\n" AGENT ACCEPT "\r\n");
}

void values_may_have_tabs_and_bytes_beyond_ascii(void**) {
  writes(with("X", " a\tb \xc3\xbc\xff~"), FIRST AGENT ACCEPT "X:  a\tb \xc3\xbc\xff~\r\n\r\n");
}

void nothing_can_be_injected_through_a_value(void**) {
  refused(with("X-Name", "ab\r\nEvil: 1"), PESTER_EHEADER,
          "header X-Name, value at byte 2: a carriage return is not allowed");
  refused(with("Accept", "\nEvil: 1"), PESTER_EHEADER,
          "header Accept, value at byte 0: a line feed is not allowed");
  refused(with("Content-Type", "a/b\r"), PESTER_EHEADER,
          "header Content-Type, value at byte 3: a carriage return is not allowed");
  refused(with("Cookie", "a=\x01"), PESTER_EHEADER,
          "header Cookie, value at byte 2: the control byte \\x01 is not allowed");
  refused(with("Cookie", "a=\x7f"), PESTER_EHEADER,
          "header Cookie, value at byte 2: the control byte \\x7f is not allowed");
  refused(with("Host", "h\r\nX: y"), PESTER_EHEADER,
          "header Host, value at byte 1: a carriage return is not allowed");
  refused(with("Connection", "close\r\n"), PESTER_EHEADER,
          "header Connection, value at byte 5: a carriage return is not allowed");
  Case agent;
  agent.user_agent = std::string_view("a\0b", 3);
  refused(agent, PESTER_EHEADER,
          "header User-Agent, value at byte 1: the control byte \\x00 is not allowed");
  agent.user_agent = "a\r\nb";
  refused(agent, PESTER_EHEADER, "header User-Agent, value at byte 1: a carriage return is not allowed");
}

// Values are looked at eight bytes at a time: no place in a word may hide a byte, nor a neighbour.
void a_control_byte_is_found_wherever_it_stands(void**) {
  for (size_t size = 1; size <= 26; ++size) {
    for (size_t at = 0; at < size; ++at) {
      for (const char control : {'\x01', '\x08', '\x0a', '\x0d', '\x1f', '\x7f'}) {
        for (const char around : {'a', ' ', '~', '\t', '\x80', '\xff'}) {
          char value[32];
          memset(value, around, size);
          value[size] = '\0';
          Case good = with("X", value);
          int error = 0;
          free(head_of(good, &error));
          assert_int_equal(error, 0);
          value[at] = control;
          Case bad = with("X", value);
          free(head_of(bad, &error));
          assert_int_equal(error, PESTER_EHEADER);
        }
      }
    }
  }
}

void nothing_can_be_injected_through_a_name(void**) {
  const auto number = [](const char* name, const char* why) {
    Case c;
    c.add("X", "1").add(name, "v");
    refused(c, PESTER_EHEADER, why);
    c.headers[1].value = nullptr;
    refused(c, PESTER_EHEADER, why);
  };
  number("", "header number 2, name at byte 0: empty");
  number(nullptr, "header number 2, name at byte 0: empty");
  number("A:b", "header number 2, name at byte 1: ':' is not allowed");
  number("A b", "header number 2, name at byte 1: ' ' is not allowed");
  number("Host ", "header number 2, name at byte 4: ' ' is not allowed");
  number("A\r\nB", "header number 2, name at byte 1: a carriage return is not allowed");
  number("A\nB", "header number 2, name at byte 1: a line feed is not allowed");
  number("\xc3\xbc", "header number 2, name at byte 0: '\\xc3' is not allowed");
  number("A/b", "header number 2, name at byte 1: '/' is not allowed");
  writes(with("!#$%&'*+-.^_`|~0aZ", "v"), FIRST AGENT ACCEPT "!#$%&'*+-.^_`|~0aZ: v\r\n\r\n");
}

void a_method_is_a_token_and_connect_names_a_tunnel(void**) {
  const auto method = [](const char* text, const char* why) {
    Case c;
    c.method = text;
    refused(c, PESTER_EMETHOD, why);
  };
  method("", "method at byte 0: empty");
  method("GET ", "method at byte 3: ' ' is not allowed");
  method("GET / HTTP/1.1\r\nX: y", "method at byte 3: ' ' is not allowed");
  method("G\r\n", "method at byte 1: a carriage return is not allowed");
  method("G\xc3", "method at byte 1: '\\xc3' is not allowed");
  method("CONNECT", "method at byte 0: CONNECT, without where to");
  Case own;
  own.method = "M-SEARCH";
  writes(own, "M-SEARCH /x HTTP/1.1\r\nHost: h.example\r\n" AGENT ACCEPT "\r\n");
}

void there_is_exactly_one_host(void**) {
  Case c;
  c.add("Host", "a").add("host", "a");
  refused(c, PESTER_EHEADER, "header host, value at byte 0: a second one");
  refused(with("Host", nullptr), PESTER_EHEADER,
          "header Host, value at byte 0: HTTP/1.1 cannot do without");
  refused(with("Host", "a, b"), PESTER_EHEADER, "header Host, value at byte 1: ',' is not allowed");
  refused(with("Host", "a b"), PESTER_EHEADER, "header Host, value at byte 1: ' ' is not allowed");
  refused(with("Host", "a/b"), PESTER_EHEADER, "header Host, value at byte 1: '/' is not allowed");
  refused(with("Host", "u@b"), PESTER_EHEADER, "header Host, value at byte 1: '@' is not allowed");
  writes(with("Host", "[::1]:80"), "GET /x HTTP/1.1\r\nHost: [::1]:80\r\n" AGENT ACCEPT "\r\n");
}

void framing_is_not_the_users(void**) {
  for (const char* name : {"Transfer-Encoding", "transfer-encoding", "TE", "te", "Upgrade", "UPGRADE",
                           "Expect", "expect", "Trailer", "tRAILER"}) {
    char why[100];
    snprintf(why, sizeof why, "header %s, value at byte 0: not a header that a request may set", name);
    refused(with(name, "chunked"), PESTER_EHEADER, why);
    refused(with(name, ""), PESTER_EHEADER, why);
  }
  // Neighbours of those names are a user's.
  writes(with("X-Expect", "1"), FIRST AGENT ACCEPT "X-Expect: 1\r\n\r\n");
  writes(with("Trailes", "1"), FIRST AGENT ACCEPT "Trailes: 1\r\n\r\n");
}

void content_length_is_the_bodys(void**) {
  Case c = with("content-LENGTH", "12");
  c.has_body = true;
  c.body_bytes = 12;
  c.add("Z", "1");
  writes(c, FIRST AGENT ACCEPT "content-LENGTH: 12\r\nZ: 1\r\n\r\n");
  const char* why = "header Content-Length, value at byte 0: not the length of the body";
  for (const char* bad : {"", "11", "120", "+12", "-12", "12a", "12,12", "12 12", "0x0c", "1.2e1",
                          "18446744073709551628"}) {
    Case wrong = with("Content-Length", bad);
    wrong.has_body = true;
    wrong.body_bytes = 12;
    refused(wrong, PESTER_EHEADER, why);
  }
  refused(with("Content-Length", "12"), PESTER_EHEADER, why);  // there is no body
  Case twice = with("Content-Length", "0");
  twice.add("content-length", "0");
  refused(twice, PESTER_EHEADER, "header content-length, value at byte 0: a second one");
  Case gone = with("Content-Length", nullptr);
  gone.has_body = true;
  refused(gone, PESTER_EHEADER, "header Content-Length, value at byte 0: a body cannot do without");
}

void connection_says_close_or_keep_alive(void**) {
  Case c = with("connection", "Close");
  writes(c, FIRST AGENT ACCEPT "connection: Close\r\n\r\n");
  assert_true(c.info.close);
  Case keep = with("Connection", " keep-alive ");
  writes(keep, FIRST AGENT ACCEPT "Connection:  keep-alive \r\n\r\n");
  assert_false(keep.info.close);
  for (const char* bad :
       {"", "upgrade", "close, te", "keep-alive, close", "closE!", "Keep-Alive, Upgrade"}) {
    refused(with("Connection", bad), PESTER_EHEADER,
            "header Connection, value at byte 0: neither \"close\" nor \"keep-alive\"");
  }
  Case twice = with("Connection", "close");
  twice.add("Connection", "close");
  refused(twice, PESTER_EHEADER, "header Connection, value at byte 0: a second one");
}

void an_idempotency_key_is_noticed(void**) {
  Case c = with("idempotency-KEY", "k");
  writes(c, FIRST AGENT ACCEPT "idempotency-KEY: k\r\n\r\n");
  assert_true(c.info.idempotency_key);
  Case none = with("Idempotency-Key", nullptr);
  writes(none, FIRST AGENT ACCEPT "\r\n");
  assert_false(none.info.idempotency_key);
}

void userinfo_becomes_basic_credentials(void**) {
  const auto basic = [](const char* url, const char* base64) {
    Case c;
    c.url = url;
    char wanted[300];
    snprintf(wanted, sizeof wanted, FIRST "Authorization: Basic %s\r\n" AGENT ACCEPT "\r\n", base64);
    writes(c, wanted);
  };
  basic("http://Aladdin:open%20sesame@h.example/x", "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");  // RFC 7617 §2
  basic("http://test:123%C2%A3@h.example/x", "dGVzdDoxMjPCow==");                     // §2.1
  basic("http://user@h.example/x", "dXNlcjo=");
  basic("http://user:@h.example/x", "dXNlcjo=");
  basic("http://:@h.example/x", "Og==");
  basic("http://:p@h.example/x", "OnA=");
  basic("http://a:b:c@h.example/x", "YTpiOmM=");
  basic("http://a:b%3ac@h.example/x", "YTpiOmM=");
  basic("http://a@b:c@d@h.example/x", "YUBiOmNAZA==");
  basic("http://a:%ff%FE@h.example/x", "YTr//g==");
  Case empty;
  empty.url = "http://@h.example/x";
  writes(empty, FIRST AGENT ACCEPT "\r\n");
}

void userinfo_that_would_deceive_is_refused(void**) {
  const auto bad = [](const char* url, const char* why) {
    Case c;
    c.url = url;
    refused(c, PESTER_EHEADER, why);
  };
  const char* control =
      "header Authorization, userinfo of the URL at byte 2 of it: an encoded control byte is not "
      "allowed";
  bad("http://u:%0d%0a@h/", control);
  bad("http://u:%00@h/", control);
  bad("http://u:%7f@h/", control);
  bad("http://a%3ab:c@h/",
      "header Authorization, userinfo of the URL at byte 1 of it: a colon in the user name is not "
      "allowed");
  bad("http://a%3A@h/",
      "header Authorization, userinfo of the URL at byte 1 of it: a colon in the user name is not "
      "allowed");
}

void headers_have_a_limit(void**) {
  Case c;
  for (size_t i = 0; i < kRequestHeadersMax; ++i) c.add("a", "");
  int error = -1;
  char* text = head_of(c, &error);
  assert_int_equal(error, 0);
  free(text);
  c.add("a", "");
  refused(c, PESTER_EHEADER, "header number 257: more than 256 headers");

  const char start[] = FIRST AGENT ACCEPT "X: \r\n\r\n";
  const size_t room = kRequestHeadBytesMax - strlen(start);
  char* value = static_cast<char*>(malloc(room + 2));
  memset(value, 'v', room + 1);
  value[room] = '\0';
  Case large = with("X", value);
  text = head_of(large, &error);
  assert_int_equal(error, 0);
  assert_int_equal(large.info.bytes, kRequestHeadBytesMax);
  free(text);
  value[room] = 'v';
  value[room + 1] = '\0';
  refused(with("X", value), PESTER_EHEADER, "headers: longer than 1048576 bytes together");
  free(value);
}

void a_refusal_with_a_long_name_still_tells_the_reason(void**) {
  char name[300];
  memset(name, 'n', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  refused(with(name, "\r"), PESTER_EHEADER,
          "header nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn, value at byte 0: a carriage return is not "
          "allowed");
}

void methods_have_traits(void**) {
  struct {
    const char* method;
    bool safe, idempotent;
  } const known[] = {{"GET", true, true},    {"HEAD", true, true},    {"OPTIONS", true, true},
                     {"TRACE", true, true},  {"PUT", false, true},    {"DELETE", false, true},
                     {"POST", false, false}, {"PATCH", false, false}, {"CONNECT", false, false},
                     {"get", false, false},  {"", false, false},      {"PURGE", false, false}};
  for (const auto& row : known) {
    const MethodTraits traits = method_traits(row.method);
    assert_int_equal(traits.safe, row.safe);
    assert_int_equal(traits.idempotent, row.idempotent);
    assert_int_equal(traits.head, strcmp(row.method, "HEAD") == 0);
    assert_int_equal(traits.connect, strcmp(row.method, "CONNECT") == 0);
  }
}

void forms_are_encoded_as_browsers_do(void**) {
  const std::string_view text("aZ09*-._ ~+&=%\0\xc3\xbc\r\n/", 20);
  const char wanted[] = "aZ09*-._+%7E%2B%26%3D%25%00%C3%BC%0D%0A%2F";
  char out[sizeof wanted - 1];
  assert_int_equal(form_urlencode(text, nullptr), sizeof out);
  assert_int_equal(form_urlencode(text, out), sizeof out);
  assert_memory_equal(out, wanted, sizeof out);
  assert_int_equal(form_urlencode("", nullptr), 0);
}

// RFC 9112 §6.1; never beside a length.
void a_body_without_a_length_is_chunked(void**) {
  Case chunked;
  chunked.method = "PUT";
  chunked.has_body = true;
  chunked.body_bytes = kChunkedBody;
  writes(chunked,
         "PUT /x HTTP/1.1\r\nHost: h.example\r\n" AGENT ACCEPT "Transfer-Encoding: chunked\r\n\r\n");
  for (const char* length : {"0", "12", "18446744073709551615"}) {
    Case both = chunked;
    both.add("Content-Length", length);
    refused(both, PESTER_EHEADER, "header Content-Length, value at byte 0: not the length of the body");
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_defaults_come_in_their_order),
      cmocka_unit_test(content_length_is_written_where_a_server_expects_one),
      cmocka_unit_test(a_user_header_stands_in_the_place_of_its_default),
      cmocka_unit_test(without_a_default_the_users_order_stays),
      cmocka_unit_test(a_null_value_takes_a_default_away),
      cmocka_unit_test(an_empty_value_is_sent_empty),
      cmocka_unit_test(values_may_have_tabs_and_bytes_beyond_ascii),
      cmocka_unit_test(nothing_can_be_injected_through_a_value),
      cmocka_unit_test(a_control_byte_is_found_wherever_it_stands),
      cmocka_unit_test(nothing_can_be_injected_through_a_name),
      cmocka_unit_test(a_method_is_a_token_and_connect_names_a_tunnel),
      cmocka_unit_test(there_is_exactly_one_host),
      cmocka_unit_test(framing_is_not_the_users),
      cmocka_unit_test(content_length_is_the_bodys),
      cmocka_unit_test(connection_says_close_or_keep_alive),
      cmocka_unit_test(an_idempotency_key_is_noticed),
      cmocka_unit_test(userinfo_becomes_basic_credentials),
      cmocka_unit_test(userinfo_that_would_deceive_is_refused),
      cmocka_unit_test(headers_have_a_limit),
      cmocka_unit_test(a_refusal_with_a_long_name_still_tells_the_reason),
      cmocka_unit_test(methods_have_traits),
      cmocka_unit_test(forms_are_encoded_as_browsers_do),
      cmocka_unit_test(a_body_without_a_length_is_chunked),
  };
  const int failures = cmocka_run_group_tests_name("request_writer", tests, nullptr, nullptr);
  return failures != 0;
}

// SPDX-License-Identifier: MIT
// Claims about credentials: which go out unasked, what a challenge gets for an answer, held against a
// reckoning of the test's own, and who never sees them.
#include <mbedtls/md.h>

#include <map>

#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;
pester_auth_t auth;
std::mutex mutex;
std::vector<std::string> heads;

int begin(void**) {
  c.begin();
  outcome = {};
  heads.clear();
  return 0;
}

std::string field(const std::string& head, const std::string& name) {
  const size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "none";
  const size_t from = at + name.size() + 4;
  return head.substr(from, head.find("\r\n", from) - from);
}

// What a head of a request gets: a whole response.
using Rule = std::function<std::string(const std::string& head)>;

void serve(Rule rule) {
  c.serve([=](Peer& peer) {
    for (std::string head = peer.head(); !head.empty(); head = peer.head()) {
      const std::string length = field(head, "Content-Length");
      if (length != "none") head += peer.body(static_cast<size_t>(std::atol(length.c_str())));
      {
        const std::lock_guard<std::mutex> lock(mutex);
        heads.push_back(head);
      }
      if (!peer.send(rule(head))) return peer.close();
    }
  });
}

std::string challenge(const std::string& fields) {
  return "HTTP/1.1 401 Unauthorized\r\n" + fields + "Content-Length: 2\r\n\r\nno";
}
const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

std::string hash(mbedtls_md_type_t type, const std::string& text) {
  unsigned char out[32];
  const mbedtls_md_info_t* info = mbedtls_md_info_from_type(type);
  if (mbedtls_md(info, reinterpret_cast<const unsigned char*>(text.data()), text.size(), out) != 0)
    std::abort();
  std::string hex;
  for (int i = 0; i < mbedtls_md_get_size(info); ++i) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", out[i]);
    hex += two;
  }
  return hex;
}

// The parameters of "Digest a=b, c="d"", unquoted.
std::map<std::string, std::string> parameters(const std::string& value) {
  std::map<std::string, std::string> found;
  size_t at = value.find(' ') + 1;
  while (at < value.size()) {
    const size_t equals = value.find('=', at);
    const std::string name = value.substr(at, equals - at);
    at = equals + 1;
    std::string text;
    if (value[at] == '"') {
      for (++at; value[at] != '"'; ++at) {
        if (value[at] == '\\') ++at;
        text += value[at];
      }
      ++at;
    } else {
      while (at < value.size() && value[at] != ',') text += value[at++];
    }
    found[name] = text;
    at = value.find_first_not_of(", ", at);
  }
  return found;
}

// RFC 7616 §3.4.1, as the server reckons it.
bool is_right(const std::string& head, mbedtls_md_type_t type, const std::string& user,
              const std::string& password, bool session = false) {
  auto p = parameters(field(head, "Authorization"));
  const std::string method = head.substr(0, head.find(' '));
  std::string a1 = hash(type, user + ":" + p["realm"] + ":" + password);
  if (session) a1 = hash(type, a1 + ":" + p["nonce"] + ":" + p["cnonce"]);
  const std::string a2 = hash(type, method + ":" + p["uri"]);
  const std::string middle = p.contains("qop") ? p["nc"] + ":" + p["cnonce"] + ":auth:" : "";
  return p["response"] == hash(type, a1 + ":" + p["nonce"] + ":" + middle + a2);
}

void send(const std::string& path = "/dir?x=1", const char* method = nullptr) {
  if (c.client == nullptr) assert_int_equal(c.open(), 0);
  pester_request_t request = c.request({}, &outcome);
  const std::string url = c.server->url(path);
  request.url = url.c_str();
  request.method = method;
  request.auth = &auth;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_int_equal(outcome.done, 1);
}

void digest(const char* user = "Mufasa", const char* password = "Circle of Life") {
  pester_auth_init(&auth, PESTER_AUTH_DIGEST);
  auth.user = user;
  auth.password = password;
}

void basic_goes_out_unasked(void**) {
  serve([](const std::string&) { return kOk; });
  pester_auth_init(&auth, PESTER_AUTH_BASIC);
  auth.user = "Aladdin";
  auth.password = "open sesame";
  send();
  assert_string_equal(field(heads[0], "Authorization").c_str(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  assert_int_equal(c.end(), 0);
}

void a_token_goes_out_unasked(void**) {
  serve([](const std::string&) { return kOk; });
  pester_auth_init(&auth, PESTER_AUTH_BEARER);
  auth.token = "abc.def-ghi";
  send();
  assert_string_equal(field(heads[0], "Authorization").c_str(), "Bearer abc.def-ghi");
  assert_int_equal(c.end(), 0);
}

void an_authorization_of_the_requests_own_stands(void**) {
  serve([](const std::string&) { return kOk; });
  pester_auth_init(&auth, PESTER_AUTH_BASIC);
  auth.user = "a";
  assert_int_equal(c.open(), 0);
  pester_request_t request = c.request({}, &outcome);
  const std::string url = c.server->url("/");
  const pester_header_t own = {"authorization", "mine"};
  request.url = url.c_str();
  request.headers = &own;
  request.header_count = 1;
  request.auth = &auth;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_string_equal(field(heads[0], "authorization").c_str(), "mine");
  assert_string_equal(field(heads[0], "Authorization").c_str(), "none");
  assert_int_equal(c.end(), 0);
}

// The challenge of RFC 7616 §3.9.1, both algorithms offered, each with its own field.
const std::string kBoth =
    "WWW-Authenticate: Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=MD5, "
    "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
    "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"\r\n"
    "WWW-Authenticate: Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", "
    "algorithm=SHA-256, "
    "nonce=\"8ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
    "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"\r\n";

void the_stronger_digest_is_answered_and_right(void**) {
  serve([](const std::string& head) {
    return is_right(head, MBEDTLS_MD_SHA256, "Mufasa", "Circle of Life") ? kOk : challenge(kBoth);
  });
  digest();
  send();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(heads.size(), 2);
  assert_string_equal(field(heads[0], "Authorization").c_str(), "none");
  auto p = parameters(field(heads[1], "Authorization"));
  assert_string_equal(p["algorithm"].c_str(), "SHA-256");
  assert_string_equal(p["uri"].c_str(), "/dir?x=1");
  assert_string_equal(p["qop"].c_str(), "auth");
  assert_string_equal(p["nc"].c_str(), "00000001");
  assert_string_equal(p["opaque"].c_str(), "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS");
  assert_string_equal(p["nonce"].c_str(), "8ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v");
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_int_equal(outcome.exchanges[0].outcome, PESTER_OUTCOME_FOLLOWED);
  assert_int_equal(outcome.exchanges[1].kind, PESTER_KIND_AUTH);
  assert_int_equal(outcome.exchanges[1].attempt, 1);
  assert_int_equal(c.server->accepted, 1);
  assert_int_equal(c.end(), 0);
}

struct Variant {
  const char* fields;
  mbedtls_md_type_t type;
  bool session;
};

void every_variant_is_reckoned_right(void**) {
  static const Variant kVariants[] = {
      {"Digest realm=\"r\", nonce=\"n\"", MBEDTLS_MD_MD5, false},  // RFC 2069
      {"Digest realm=\"r\", nonce=\"n\", qop=\"auth\"", MBEDTLS_MD_MD5, false},
      {"dIgEsT nonce=n,realm=r,qop=auth,algorithm=md5-sess", MBEDTLS_MD_MD5, true},
      {"Digest realm=\"a \\\"b\\\" c\", nonce=\"n\\\\m\", qop=auth, algorithm=\"SHA-256-sess\"",
       MBEDTLS_MD_SHA256, true},
      {"Negotiate, Basic realm=\"x\", Digest realm=\"r, s\", nonce=\"n\", algorithm=SHA-256",
       MBEDTLS_MD_SHA256, false},
      {"Negotiate YWJj==, Digest realm=\"r\", nonce=\"n\", qop=\"auth\"", MBEDTLS_MD_MD5, false},
  };
  static const Variant* now;
  digest("me", "se\"cret");
  serve([](const std::string& head) {
    return is_right(head, now->type, "me", "se\"cret", now->session)
               ? kOk
               : challenge("WWW-Authenticate: " + std::string(now->fields) + "\r\n");
  });
  for (const Variant& variant : kVariants) {
    now = &variant;
    outcome = {};
    send("/", "PUT");
    if (outcome.status != 200) fail_msg("%s", variant.fields);
  }
  assert_int_equal(c.end(), 0);
}

void challenges_that_cannot_be_answered_are_delivered(void**) {
  static const char* const kFields[] = {
      "Digest realm=\"r\"",                                      // no nonce
      "Digest nonce=\"n\"",                                      // no realm
      "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256",  // unknown
      "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"",       // not done
      "Digest realm=\"r\", nonce=\"n",                           // not closed
      "Basic realm=\"r\"",
      "Bearer",
      "",
      "Digest",
      "=\"\", ,,, =",
  };
  static std::string fields;
  digest();
  serve([](const std::string&) { return challenge(fields); });
  for (const char* one : kFields) {
    fields = std::string("WWW-Authenticate: ") + one + "\r\n";
    outcome = {};
    heads.clear();
    send();
    assert_int_equal(outcome.status, 401);
    assert_int_equal(outcome.error, 0);
    assert_int_equal(heads.size(), 1);
    assert_string_equal(outcome.body.c_str(), "no");
  }
  fields = "WWW-Authenticate: Digest realm=\"r\", nonce=\"" + std::string(600, 'n') + "\"\r\n";
  outcome = {};
  send();
  assert_int_equal(outcome.status, 401);
  assert_int_equal(c.end(), 0);
}

void wrong_credentials_end_with_the_401(void**) {
  serve([](const std::string&) { return challenge(kBoth); });
  digest("Mufasa", "wrong");
  send();
  assert_int_equal(outcome.status, 401);
  assert_int_equal(heads.size(), 2);
  assert_int_equal(c.end(), 0);
}

void a_stale_nonce_is_answered_once_more(void**) {
  serve([](const std::string& head) {
    auto p = parameters(field(head, "Authorization"));
    if (p["nonce"] == "two") return kOk;
    return challenge(
        p["nonce"] == "one"
            ? "WWW-Authenticate: Digest realm=\"r\", nonce=\"two\", qop=auth, stale=TRUE\r\n"
            : "WWW-Authenticate: Digest realm=\"r\", nonce=\"one\", qop=auth\r\n");
  });
  digest();
  send();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(heads.size(), 3);
  assert_int_equal(c.end(), 0);
}

void a_nonce_that_is_always_stale_comes_to_an_end(void**) {
  serve([](const std::string&) {
    return challenge("WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=auth, stale=true\r\n");
  });
  digest();
  send();
  assert_int_equal(outcome.status, 401);
  assert_int_equal(heads.size(), 3);
  assert_int_equal(c.end(), 0);
}

void a_retry_brings_the_answer_at_once(void**) {
  static std::atomic<int> right;
  right = 0;
  serve([](const std::string& head) {
    if (!is_right(head, MBEDTLS_MD_SHA256, "Mufasa", "Circle of Life")) return challenge(kBoth);
    return ++right < 3 ? std::string("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n") : kOk;
  });
  digest();
  send();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(heads.size(), 4);
  assert_string_equal(parameters(field(heads[3], "Authorization"))["nc"].c_str(), "00000003");
  assert_int_equal(c.end(), 0);
}

void any_answers_with_the_strongest(void**) {
  static std::string fields;
  serve([](const std::string& head) {
    return field(head, "Authorization") == "none" ? challenge(fields) : kOk;
  });
  pester_auth_init(&auth, PESTER_AUTH_ANY);
  auth.user = "me";
  auth.password = "x";
  fields = "WWW-Authenticate: Basic realm=\"r\"\r\n";
  send();
  assert_string_equal(field(heads[1], "Authorization").c_str(), "Basic bWU6eA==");
  fields = "WWW-Authenticate: Basic realm=\"r\", Digest realm=\"r\", nonce=\"n\"\r\n";
  heads.clear();
  outcome = {};
  send();
  assert_int_equal(field(heads[1], "Authorization").find("Digest "), 0);
  assert_int_equal(c.end(), 0);
}

void a_body_is_sent_again_with_the_answer(void**) {
  serve([](const std::string& head) {
    return is_right(head, MBEDTLS_MD_SHA256, "Mufasa", "Circle of Life") ? kOk : challenge(kBoth);
  });
  digest();
  assert_int_equal(c.open(), 0);
  pester_request_t request = c.request({}, &outcome);
  const std::string url = c.server->url("/up");
  request.url = url.c_str();
  request.body = "the body";
  request.body_len = 8;
  request.auth = &auth;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_int_equal(outcome.status, 200);
  assert_true(heads[1].ends_with("\r\n\r\nthe body"));
  assert_int_equal(c.end(), 0);
}

void names_beyond_ascii_and_hashed_names_are_sent_as_the_rfc_says(void**) {
  static bool hashed;
  serve([](const std::string& head) {
    if (field(head, "Authorization") != "none") return kOk;
    return challenge(
        std::string("WWW-Authenticate: Digest realm=\"api@example.org\", qop=auth, algorithm=SHA-256, "
                    "nonce=\"n\", charset=UTF-8") +
        (hashed ? ", userhash=true\r\n" : "\r\n"));
  });
  digest("J\xc3\xa4s\xc3\xb8n Doe", "Secret, or not?");
  hashed = false;
  send();
  assert_string_equal(parameters(field(heads[1], "Authorization"))["username*"].c_str(),
                      "UTF-8''J%C3%A4s%C3%B8n%20Doe");
  heads.clear();
  outcome = {};
  hashed = true;
  send();
  auto p = parameters(field(heads[1], "Authorization"));
  assert_string_equal(p["username"].c_str(),
                      hash(MBEDTLS_MD_SHA256, "J\xc3\xa4s\xc3\xb8n Doe:api@example.org").c_str());
  assert_string_equal(p["userhash"].c_str(), "true");
  assert_int_equal(c.end(), 0);
}

void another_origin_gets_no_answer(void**) {
  static std::string there;
  static std::vector<std::string> seen;
  seen.clear();
  LoopbackServer other([](Peer& peer) {
    for (std::string head = peer.head(); !head.empty(); head = peer.head()) {
      seen.push_back(head);
      peer.send(challenge(kBoth));
    }
  });
  there = other.url("/");
  serve([](const std::string&) {
    return "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + there + "\r\n\r\n";
  });
  pester_redirects_t redirects;
  pester_redirects_init(&redirects);
  c.options.redirects = &redirects;
  digest();
  send();
  assert_int_equal(outcome.status, 401);
  assert_int_equal(seen.size(), 1);
  assert_string_equal(field(seen[0], "Authorization").c_str(), "none");
  assert_int_equal(c.end(), 0);
  other.stop();
}

struct Refused {
  pester_auth_t auth;
  const char* text;
};

void credentials_that_cannot_be_sent_are_refused(void**) {
  serve([](const std::string&) { return kOk; });
  const size_t size = sizeof(pester_auth_t);
  const std::string long_name(1025, 'x');
  const Refused kRefused[] = {
      {{size, 9, "a", nullptr, nullptr}, "auth.scheme: no such one"},
      {{size, PESTER_AUTH_BASIC, nullptr, nullptr, nullptr}, "auth.user: missing"},
      {{size, PESTER_AUTH_BASIC, "a:b", nullptr, nullptr}, "auth.user: a control byte or a colon"},
      {{size, PESTER_AUTH_ANY, "a\nb", nullptr, nullptr}, "auth.user: a control byte or a colon"},
      {{size, PESTER_AUTH_DIGEST, "a", "b\r\nX: y", nullptr}, "auth.password: a control byte"},
      {{size, PESTER_AUTH_DIGEST, long_name.c_str(), "b", nullptr},
       "auth.user: longer than 1,024 bytes"},
      {{size, PESTER_AUTH_BEARER, nullptr, nullptr, ""}, "auth.token: missing"},
      {{size, PESTER_AUTH_BEARER, nullptr, nullptr, "a\r\nb"},
       "auth.token: a byte that no header may have"},
      {{0, PESTER_AUTH_BASIC, "a", nullptr, nullptr}, "auth.struct_size: not initialised"},
  };
  assert_int_equal(c.open(), 0);
  for (const Refused& refused : kRefused) {
    pester_request_t request = c.request({}, &outcome);
    const std::string url = c.server->url("/");
    char text[128] = {};
    request.url = url.c_str();
    request.auth = &refused.auth;
    request.error_text = text;
    request.error_text_size = sizeof text;
    assert_int_equal(c.send(request, &outcome), PESTER_EOPTION);
    assert_string_equal(text, refused.text);
  }
  c.run();
  assert_int_equal(outcome.done, 0);
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(basic_goes_out_unasked, begin),
      cmocka_unit_test_setup(a_token_goes_out_unasked, begin),
      cmocka_unit_test_setup(an_authorization_of_the_requests_own_stands, begin),
      cmocka_unit_test_setup(the_stronger_digest_is_answered_and_right, begin),
      cmocka_unit_test_setup(every_variant_is_reckoned_right, begin),
      cmocka_unit_test_setup(challenges_that_cannot_be_answered_are_delivered, begin),
      cmocka_unit_test_setup(wrong_credentials_end_with_the_401, begin),
      cmocka_unit_test_setup(a_stale_nonce_is_answered_once_more, begin),
      cmocka_unit_test_setup(a_nonce_that_is_always_stale_comes_to_an_end, begin),
      cmocka_unit_test_setup(a_retry_brings_the_answer_at_once, begin),
      cmocka_unit_test_setup(any_answers_with_the_strongest, begin),
      cmocka_unit_test_setup(a_body_is_sent_again_with_the_answer, begin),
      cmocka_unit_test_setup(names_beyond_ascii_and_hashed_names_are_sent_as_the_rfc_says, begin),
      cmocka_unit_test_setup(another_origin_gets_no_answer, begin),
      cmocka_unit_test_setup(credentials_that_cannot_be_sent_are_refused, begin),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}

// SPDX-License-Identifier: MIT
// Claims about TLS options that a request brings: they take the place of the client's, whole; equal ones
// share what they made, different ones share nothing; there are so many and no more.
#include <unistd.h>

#include <algorithm>
#include <map>

#include "support/client_case.h"
#include "support/tls_peer.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;
TlsService service;
ServerOptions server_options;
std::vector<bool> resumed;  // of each connection that was new

std::string ok(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

// Stays where it is, unlike what pki() gives.
const char* path(const char* name) {
  static std::map<std::string, std::string> paths;
  return paths.emplace(name, pki(name)).first->second.c_str();
}

int begin(void**) {
  c.begin();
  outcome = {};
  server_options = {};
  resumed.clear();
  c.tls.ca_file = path("stranger.pem");  // what the client itself trusts
  c.options.tls = &c.tls;
  return 0;
}

void keep_serving(TlsPeer& tls, Peer&) {
  while (!tls.head().empty()) {
    tls.say(ok("hello"));
    tls.flush();
  }
}
void serve_tls(TlsService::Script script = keep_serving) {
  c.serve(service.open(server_options, std::move(script)));
}
std::string url(const char* path = "/") {
  return "https://127.0.0.1:" + std::to_string(c.server->port()) + path;
}
pester_tls_options_t trusting(const char* file = "ca.pem") {
  pester_tls_options_t tls;
  pester_tls_options_init(&tls);
  tls.ca_file = path(file);
  return tls;
}
int send(const pester_tls_options_t* tls, Outcome* one, char* why = nullptr, size_t why_size = 0) {
  const std::string to = url();
  pester_request_t request = c.request(to, one);
  request.tls = tls;
  request.error_text = why;
  request.error_text_size = why_size;
  one->at_done = [](const pester_result_t* result) {
    pester_exchange_t e;
    if (pester_result_exchange(result, 0, &e) == 0 && e.reused == 0)
      resumed.push_back(e.tls_resumed != 0);
  };
  return c.send(request, one);
}
int ask(const pester_tls_options_t* tls) {
  Outcome one;
  assert_int_equal(send(tls, &one), 0);
  c.run();
  assert_int_equal(one.done, 1);
  outcome = one;
  return one.error;
}
void end_tls() {
  assert_int_equal(c.end(), 0);
  service.close();
}

void they_take_the_place_of_the_clients(void**) {
  serve_tls();
  assert_int_equal(c.open(), 0);
  assert_int_equal(ask(nullptr), PESTER_ECERTIFICATE);
  const pester_tls_options_t own = trusting();
  assert_int_equal(ask(&own), 0);
  assert_string_equal(outcome.body.c_str(), "hello");
  assert_int_equal(ask(nullptr), PESTER_ECERTIFICATE);  // and nothing of it stays
  pester_tls_options_t blind;
  pester_tls_options_init(&blind);
  blind.verify = PESTER_NONE;
  assert_int_equal(ask(&blind), 0);
  end_tls();
}

// Nothing of the client's is mixed in: here, its pin, which would fit nobody.
void nothing_of_the_clients_is_mixed_in(void**) {
  serve_tls();
  c.tls.ca_file = path("ca.pem");
  c.tls.pinned_spki = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  assert_int_equal(c.open(), 0);
  assert_int_equal(ask(nullptr), PESTER_EPIN);
  const pester_tls_options_t own = trusting();
  assert_int_equal(ask(&own), 0);
  end_tls();
}

void equal_ones_share_a_connection(void**) {
  serve_tls();
  c.tls.ca_file = path("ca.pem");
  assert_int_equal(c.open(), 0);
  const std::string pem = file_text(path("ca.pem"));
  for (int i = 0; i < 3; ++i) {
    const std::string copy = pem;  // equal, and elsewhere
    pester_tls_options_t own;
    pester_tls_options_init(&own);
    own.ca_pem = copy.c_str();
    assert_int_equal(ask(&own), 0);
  }
  assert_int_equal(c.server->accepted, 1);
  const pester_tls_options_t as_the_client = trusting();
  assert_int_equal(ask(nullptr), 0);
  assert_int_equal(ask(&as_the_client), 0);
  assert_int_equal(c.server->accepted, 2);
  end_tls();
}

// Each field makes another configuration, which offers nobody else's session.
void different_ones_share_nothing(void**) {
  serve_tls([](TlsPeer& tls, Peer&) {
    if (tls.head().empty()) return;
    tls.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    tls.close_notify();
    tls.flush();
  });
  assert_int_equal(c.open(), 0);
  const std::string pin = "sha256//" + file_text(path("good.pin"));
  static int data[2];
  pester_tls_options_t each[12];
  for (auto& one : each) one = trusting();
  each[1].ca_dir = path("cadir");
  each[2].cert_file = path("client.pem");
  each[2].key_file = path("client.key");
  each[3].cert_file = path("client_both.pem");
  each[4].cert_file = path("client_both.pem");
  each[4].key_password = "unused";
  each[5].pinned_spki = pin.c_str();
  each[6].verify = PESTER_NONE;
  each[7].max_version = PESTER_TLS_1_2;
  each[8].verify_cb = [](const char*, const unsigned char*, size_t, const char*, void*) { return 0; };
  each[9] = each[8];
  each[9].verify_data = &data[0];
  each[10].keylog_cb = [](const char*, void*) {};
  each[11] = each[10];
  each[11].keylog_data = &data[1];
  if (pester::wire::kTlsNewest == pester::wire::kTls12)
    each[7].ca_file = path("bundle.pem");  // no other
  for (int turn = 0; turn < 2; ++turn) {
    resumed.clear();
    for (const auto& one : each) assert_int_equal(ask(&one), 0);
    assert_int_equal(resumed.size(), std::size(each));
    for (const bool it : resumed) assert_int_equal(it, turn == 1);  // its own, by the second time
  }
  end_tls();
}

void what_cannot_be_read_fails_the_attempt_and_is_looked_at_again(void**) {
  serve_tls();
  assert_int_equal(c.open(), 0);
  pester_tls_options_t own = trusting("later.pem");
  const std::string later = own.ca_file;
  own.ca_file = later.c_str();
  assert_int_equal(ask(&own), PESTER_ETRUST);
  assert_non_null(std::strstr(outcome.detail.c_str(), "later.pem: no such file"));
  assert_int_equal(symlink("ca.pem", later.c_str()), 0);
  assert_int_equal(ask(&own), 0);
  unlink(later.c_str());
  assert_int_equal(ask(&own), 0);  // read once
  pester_tls_options_t locked = trusting();
  locked.cert_file = path("client.pem");
  locked.key_file = path("client_locked.key");
  locked.key_password = "wrong";
  assert_int_equal(ask(&locked), PESTER_ECLIENTCERT);
  assert_non_null(std::strstr(outcome.detail.c_str(), "client_locked.key"));
  locked.key_password = "secret";
  assert_int_equal(ask(&locked), 0);
  end_tls();
}

void what_is_wrong_by_itself_is_refused_by_send(void**) {
  serve_tls();
  assert_int_equal(c.open(), 0);
  char why[128] = "";
  pester_tls_options_t own = trusting();
  own.pinned_spki = "sha256//short";
  assert_int_equal(send(&own, &outcome, why, sizeof why), PESTER_EOPTION);
  assert_non_null(std::strstr(why, "pinned_spki"));
  own = trusting();
  own.min_version = 0x0302;
  assert_int_equal(send(&own, &outcome, why, sizeof why), PESTER_EOPTION);
  assert_non_null(std::strstr(why, "min_version"));
  own.struct_size = 0;
  assert_int_equal(send(&own, &outcome, why, sizeof why), PESTER_EOPTION);
  assert_string_equal(why, "tls: not initialised");
  assert_int_equal(outcome.done, 0);
  end_tls();
}

// Told apart by the data of a callback.
std::vector<pester_tls_options_t> many(size_t count) {
  static char data[128];
  std::vector<pester_tls_options_t> made(count, trusting());
  for (size_t i = 0; i < count; ++i) made[i].verify_data = &data[i];
  return made;
}

void the_one_used_longest_ago_makes_room(void**) {
  serve_tls();
  c.options.idle_timeout_ms = 600'000;  // however long so many handshakes take
  assert_int_equal(c.open(), 0);
  const auto all = many(66);
  for (const auto& one : all) assert_int_equal(ask(&one), 0);
  assert_int_equal(c.stats().connections_idle, 64);  // those of the first two went with them
  assert_int_equal(ask(&all[65]), 0);
  assert_int_equal(c.server->accepted, 66);
  resumed.clear();
  assert_int_equal(ask(&all[0]), 0);
  assert_int_equal(c.server->accepted, 67);
  assert_false(resumed[0]);
  assert_int_equal(ask(&all[3]), 0);  // all[2] has gone for it
  assert_int_equal(c.server->accepted, 67);
  end_tls();
}

void when_all_are_in_use_the_next_is_refused(void**) {
  c.serve(nullptr);  // nobody answers
  assert_int_equal(c.open(), 0);
  const auto all = many(66);
  std::vector<Outcome> waiting(64);
  for (size_t i = 0; i < 64; ++i) assert_int_equal(send(&all[i], &waiting[i]), 0);
  char why[128] = "";
  assert_int_equal(send(&all[64], &outcome, why, sizeof why), PESTER_EOPTION);
  assert_string_equal(why, "tls: 64 other configurations are in use");
  Outcome as_the_first;
  assert_int_equal(send(&all[0], &as_the_first), 0);
  assert_int_equal(pester_cancel(c.client, waiting[7].id), 0);
  assert_true(run_until_done(c, waiting[7]));
  Outcome in_its_place;
  assert_int_equal(send(&all[64], &in_its_place), 0);
  assert_int_equal(send(&all[65], &outcome, why, sizeof why), PESTER_EOPTION);
  assert_int_equal(c.close_client(), 0);
  c.run();
  assert_int_equal(in_its_place.error, PESTER_ECLOSED);
  assert_int_equal(c.end(), 0);
}

// A connection that is opened ahead is in use, be it that no request waits for it.
void what_is_dialed_ahead_is_in_use(void**) {
  c.serve(nullptr);  // nobody answers
  assert_int_equal(c.open(), 0);
  const auto all = many(65);
  const std::string where = url();
  std::vector<int> told(64, 0);
  for (size_t i = 0; i < 64; ++i) {
    pester_request_t request;
    pester_request_init(&request);
    request.url = where.c_str();
    request.tls = &all[i];
    const auto on_told = [](const pester_preconnected_t* it, void* data) {
      *static_cast<int*>(data) = it->error;
    };
    assert_int_equal(pester_preconnect(c.client, &request, 1, on_told, &told[i]), 0);
  }
  for (int i = 0; i < 20; ++i) uv_run(&c.loop, UV_RUN_NOWAIT);
  char why[128] = "";
  assert_int_equal(send(&all[64], &outcome, why, sizeof why), PESTER_EOPTION);
  assert_string_equal(why, "tls: 64 other configurations are in use");
  assert_int_equal(std::count(told.begin(), told.end(), 0), 64);
  assert_int_equal(c.close_client(), 0);
  c.run();
  assert_int_equal(std::count(told.begin(), told.end(), int{PESTER_ECLOSED}), 64);
  assert_int_equal(c.end(), 0);
}

// The files are being read on another thread while this goes on.
void cancel_and_close_are_harmless_while_the_files_are_read(void**) {
  for (const bool closes : {false, true}) {
    begin(nullptr);
    serve_tls();
    assert_int_equal(c.open(), 0);
    const auto all = many(20);
    std::vector<Outcome> each(all.size());
    for (size_t i = 0; i < all.size(); ++i) assert_int_equal(send(&all[i], &each[i]), 0);
    for (int i = 0; i < 3; ++i) uv_run(&c.loop, UV_RUN_ONCE);
    for (size_t i = 0; i < all.size() && !closes; ++i) (void)pester_cancel(c.client, each[i].id);
    if (closes) assert_int_equal(c.close_client(), 0);
    c.run();
    for (const Outcome& one : each) assert_int_equal(one.done, 1);
    if (!closes) assert_int_equal(ask(&all[0]), 0);
    end_tls();
  }
}

int judge(const char*, const unsigned char*, size_t, const char*, void* data) {
  ++*static_cast<int*>(data);
  return 0;
}

void its_own_verify_callback_is_asked(void**) {
  serve_tls();
  int of_client = 0, of_request = 0;
  c.tls.verify_cb = judge;
  c.tls.verify_data = &of_client;
  assert_int_equal(c.open(), 0);
  pester_tls_options_t own = trusting();
  own.verify_cb = judge;
  own.verify_data = &of_request;
  assert_int_equal(ask(&own), 0);
  assert_int_equal(of_client, 0);
  assert_int_equal(of_request, 1);
  own.verify_cb = [](const char*, const unsigned char*, size_t, const char*, void*) { return 1; };
  assert_int_equal(ask(&own), PESTER_ECERTIFICATE);
  end_tls();
}

std::vector<std::string> secrets;
void keep_secret(const char* line, void* data) {
  assert_ptr_equal(data, &secrets);
  secrets.emplace_back(line);
}

// CLIENT_RANDOM of TLS 1.2; of 1.3 a secret for each direction of the handshake and of the data.
void the_secrets_of_each_handshake_are_told(void**) {
  serve_tls();
  c.tls.ca_file = path("ca.pem");
  c.tls.keylog_cb = keep_secret;
  c.tls.keylog_data = &secrets;
  assert_int_equal(c.open(), 0);
  secrets.clear();
  assert_int_equal(ask(nullptr), 0);
  assert_int_equal(ask(nullptr), 0);  // the same connection
  const bool is_1_3 = pester::wire::kTlsNewest == pester::wire::kTls13;
  assert_int_equal(secrets.size(), is_1_3 ? 4 : 1);
  for (const std::string& line : secrets) {
    const size_t first = line.find(' '), second = line.rfind(' ');
    assert_int_equal(second - first, 1 + 64);
    assert_true(line.size() - second - 1 >= 64);
    assert_int_equal(line.find_first_not_of("0123456789abcdef ", first), std::string::npos);
    assert_true(is_1_3 ? line.find("TRAFFIC_SECRET") != std::string::npos : first == 13);
  }
  pester_tls_options_t older = c.tls;
  older.max_version = PESTER_TLS_1_2;
  older.ca_file = path("bundle.pem");
  secrets.clear();
  assert_int_equal(ask(&older), 0);
  assert_int_equal(secrets.size(), 1);
  assert_int_equal(secrets[0].find("CLIENT_RANDOM "), 0);
  const pester_tls_options_t untold = trusting();
  assert_int_equal(ask(&untold), 0);
  assert_int_equal(secrets.size(), 1);
  end_tls();
}

void what_a_key_log_callback_does_is_harmless(void**) {
  for (int deed = 0; deed < 3; ++deed) {
    begin(nullptr);
    serve_tls();
    static int told, what;
    static Outcome other;
    told = 0;
    what = deed;
    other = {};
    c.tls.ca_file = path("ca.pem");
    c.tls.keylog_cb = [](const char*, void*) {
      if (++told != 1) return;
      if (what == 0) (void)pester_cancel(c.client, outcome.id);
      if (what == 1) (void)c.close_client();
      if (what == 2) {
        const pester_tls_options_t own = trusting("bundle.pem");
        if (send(&own, &other) != 0) std::abort();
      }
    };
    assert_int_equal(c.open(), 0);
    assert_int_equal(send(nullptr, &outcome), 0);
    c.run();
    assert_true(told != 0);
    assert_int_equal(outcome.done, 1);
    const int errors[] = {PESTER_ECANCELED, PESTER_ECLOSED, 0};
    assert_int_equal(outcome.error, errors[deed]);
    assert_int_equal(other.done, deed == 2);
    assert_int_equal(other.error, 0);
    end_tls();
  }
}

// As from one process to the next.
void sessions_go_from_one_client_to_another(void**) {
  serve_tls([](TlsPeer& tls, Peer&) {
    if (tls.head().empty()) return;
    tls.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    tls.close_notify();
    tls.flush();
  });
  c.tls.ca_file = path("ca.pem");
  assert_int_equal(c.open(), 0);
  assert_int_equal(ask(nullptr), 0);
  size_t size = 0;
  assert_int_equal(pester_client_export_sessions(c.client, nullptr, nullptr), UV_EINVAL);
  assert_int_equal(pester_client_export_sessions(c.client, nullptr, &size), UV_ENOBUFS);
  std::string bytes(size, '\0');
  assert_int_equal(pester_client_export_sessions(c.client, bytes.data(), &size), 0);
  pester_client_t* const first = c.client;
  assert_int_equal(c.open(), 0);
  // Before its certificates are read.
  assert_int_equal(pester_client_import_sessions(c.client, nullptr, 1), UV_EINVAL);
  assert_int_equal(pester_client_import_sessions(c.client, bytes.data(), size - 1), PESTER_EOPTION);
  assert_int_equal(pester_client_import_sessions(c.client, bytes.data(), size), 1);
  assert_int_equal(ask(nullptr), 0);
  assert_int_equal(resumed.size(), 2);
  assert_false(resumed[0]);
  assert_true(resumed[1]);
  assert_int_equal(pester_client_close(first, nullptr, nullptr), 0);
  assert_int_equal(pester_client_export_sessions(first, bytes.data(), &size), PESTER_ECLOSING);
  assert_int_equal(pester_client_import_sessions(first, bytes.data(), size), PESTER_ECLOSING);
  end_tls();
}

void posted_from_another_thread_they_are_copied(void**) {
  serve_tls();
  assert_int_equal(c.open(), 0);
  pester_inbox_t* inbox;
  assert_int_equal(pester_inbox_new(&inbox, c.client, nullptr), 0);
  std::thread([&] {
    std::string file = path("ca.pem"), pin = "sha256//" + file_text(path("good.pin"));
    pester_tls_options_t own;
    pester_tls_options_init(&own);
    own.ca_file = file.c_str();
    own.pinned_spki = pin.c_str();
    const std::string to = url();
    pester_request_t request = c.request(to, &outcome);
    request.tls = &own;
    const auto refused = [](int, const char* why, void*) {
      std::fprintf(stderr, "%s\n", why), std::abort();
    };
    if (pester_inbox_post(inbox, &request, refused, nullptr) != 0) std::abort();
    file.assign(file.size(), 'x');
    pin.assign(pin.size(), 'x');
  }).join();
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.body.c_str(), "hello");
  pester_inbox_free(inbox);
  end_tls();
}

// Both servers insist on a client certificate. Where the redirect leads none is shown, be it the
// request's or the client's.
void a_client_certificate_stays_behind_when_a_redirect_leaves(void**) {
  for (const bool of_request : {true, false}) {
    begin(nullptr);
    static std::string location;
    server_options.wants_client = true;
    TlsService elsewhere;
    std::atomic<int> asked{0};
    LoopbackServer other(elsewhere.open(server_options, [&](TlsPeer& tls, Peer&) {
      if (tls.head().empty()) return;
      ++asked;
      tls.say(ok("leaked"));
      tls.flush();
    }));
    serve_tls([](TlsPeer& tls, Peer&) {
      if (tls.head().empty()) return;
      tls.say("HTTP/1.1 302 Found\r\nLocation: " + location + "\r\nContent-Length: 0\r\n\r\n");
      tls.flush();
    });
    location = other.url("/", "https");
    pester_tls_options_t own = trusting();
    own.cert_file = path("client.pem");
    own.key_file = path("client.key");
    if (!of_request) c.tls = own;
    pester_redirects_t redirects;
    pester_redirects_init(&redirects);
    c.options.redirects = &redirects;
    c.policy.max_attempts = 1;
    assert_int_equal(c.open(), 0);
    // How the refusal looks depends on the TLS version, and on whether it overtakes the end.
    assert_int_not_equal(ask(of_request ? &own : nullptr), 0);
    assert_int_equal(outcome.exchanges.size(), 2);
    assert_int_equal(outcome.exchanges[0].status, 302);
    assert_int_equal(asked, 0);
    Outcome straight;
    pester_request_t request = c.request(location, &straight);
    if (of_request) request.tls = &own;
    assert_int_equal(c.send(request, &straight), 0);
    c.run();
    assert_string_equal(straight.body.c_str(), "leaked");
    other.stop();
    elsewhere.close();
    end_tls();
  }
}

int make(void**) {
  return make_pki() ? 0 : -1;
}
int unmake(void**) {
  remove_pki();
  return 0;
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(they_take_the_place_of_the_clients, begin),
      cmocka_unit_test_setup(nothing_of_the_clients_is_mixed_in, begin),
      cmocka_unit_test_setup(equal_ones_share_a_connection, begin),
      cmocka_unit_test_setup(different_ones_share_nothing, begin),
      cmocka_unit_test_setup(what_cannot_be_read_fails_the_attempt_and_is_looked_at_again, begin),
      cmocka_unit_test_setup(what_is_wrong_by_itself_is_refused_by_send, begin),
      cmocka_unit_test_setup(the_one_used_longest_ago_makes_room, begin),
      cmocka_unit_test_setup(when_all_are_in_use_the_next_is_refused, begin),
      cmocka_unit_test_setup(what_is_dialed_ahead_is_in_use, begin),
      cmocka_unit_test(cancel_and_close_are_harmless_while_the_files_are_read),
      cmocka_unit_test_setup(its_own_verify_callback_is_asked, begin),
      cmocka_unit_test_setup(the_secrets_of_each_handshake_are_told, begin),
      cmocka_unit_test(what_a_key_log_callback_does_is_harmless),
      cmocka_unit_test_setup(sessions_go_from_one_client_to_another, begin),
      cmocka_unit_test_setup(posted_from_another_thread_they_are_copied, begin),
      cmocka_unit_test(a_client_certificate_stays_behind_when_a_redirect_leaves),
  };
  return cmocka_run_group_tests(tests, make, unmake) != 0;
}

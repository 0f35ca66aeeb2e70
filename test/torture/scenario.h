// SPDX-License-Identifier: MIT
// What is tortured: a client is made, sends, receives and is closed, in several ways. Whatever fails on
// the way, a scenario checks that there is one end for each accepted request, that a success is whole,
// and that nothing stays on the loop.
#ifndef PESTER_TEST_TORTURE_SCENARIO_H_
#define PESTER_TEST_TORTURE_SCENARIO_H_

#include "support/body_source.h"
#include "support/client_case.h"
#include "support/dns_server.h"
#include "support/proxy_peer.h"
#include "support/unix_server.h"

namespace pester::test {

enum class Way {
  plain,
  lanes,
  retry,
  grows,
  streamed,
  paused,
  post,
  closed_midway,
  told,
  unix_socket,
  bound,   // to an address of this host
  hooked,  // the host program resolves the name
  served,  // c-ares does
  forwarded,
  tunnelled,
  socks,
  uploaded,  // from a source, with trailers, and again
  expected,  // a body from memory that waits for its 100
  form       // of a text and a file
};
inline constexpr Way kWays[] = {
    Way::plain,     Way::lanes,         Way::retry, Way::grows,       Way::streamed, Way::paused,
    Way::post,      Way::closed_midway, Way::told,  Way::unix_socket, Way::bound,    Way::hooked,
#ifdef PESTER_HAVE_CARES
    Way::served,
#endif
    Way::forwarded, Way::tunnelled,     Way::socks, Way::uploaded,    Way::expected, Way::form,
};
inline constexpr const char* kWayNames[] = {
    "plain",         "lanes", "retry",       "grows",    "streamed", "paused", "post",
    "closed_midway", "told",  "unix_socket", "bound",    "hooked",   "served", "forwarded",
    "tunnelled",     "socks", "uploaded",    "expected", "form",
};

class Scenario {
 public:
  // /big and /chunks answer at length, /busy twice with a 503 first, others shortly. Both servers are
  // proxies, too, that play the origin.
  void open() {
    for (int i = 0; i < 40'000; ++i) big_ += std::to_string(i);
    const int file = mkstemp(file_);
    if (file < 0 || write(file, big_.data(), big_.size()) < 0 || ::close(file) != 0) std::abort();
    const auto script = [this](Peer& peer) { serve(peer); };
    server_ = new LoopbackServer(script);
    socket_ = abstract_name("torture");
    unix_server_ = new LoopbackServer(script, listen_unix(socket_));
    dns_ = new DnsServer([](const DnsQuestion&) {
      return DnsReply{DnsReply::Kind::answer, 0, {"127.0.0.1"}};
    });
    socks_ = new LoopbackServer([this](Peer& peer) {
      socks_greeting(peer);
      peer.send(kSocksPassword);
      socks_password(peer);
      peer.send(kSocksWelcome);
      socks_request(peer);
      peer.send(kSocksGranted);
      serve(peer);
    });
  }
  void close() {
    unlink(file_);
    delete server_;
    delete socks_;
    delete unix_server_;
    delete dns_;
  }

  // Returns nullptr when all is well, else what is not. `allocator` may be nullptr.
  const char* run(Way way, const pester_allocator_t* allocator) {
    case_.begin();
    case_.client = nullptr;
    outcome_ = {};
    case_.options.allocator = allocator;
    case_.policy.first_byte_timeout_ms = case_.policy.body_gap_timeout_ms = 2000;
    case_.policy.connect_timeout_ms = 2000;
    if (way == Way::lanes) case_.policy.concurrency = 3;
    if (way == Way::told) {
      case_.options.keep_log = 1;
      case_.options.log_hook = [](const pester_exchange_t*, const char*, void*) {};
      case_.options.trace_hook = [](int, const pester_exchange_t*, pester_slice_t, void*) {};
    }
    set_way(way);
    source_ = {};
    server_->count = 0;
    const char* wrong = nullptr;
    pester_budget_t* budget = nullptr;
    if (way == Way::retry) {  // shared: whatever fails, nobody keeps it for ever
      case_.policy.budget = 1;
      (void)pester_budget_new(&budget, nullptr);
      case_.options.shared_budget = budget;
    }
    pester_proxy_init(&proxy_);
    const bool is_socks = way == Way::socks;
    proxy_url_ = (is_socks ? "socks5h://user:secret@" : "http://user:secret@") +
                 std::string("127.0.0.1:") + std::to_string((is_socks ? socks_ : server_)->port());
    proxy_.url = proxy_url_.c_str();
    proxy_.tunnel = way == Way::tunnelled;
    if (way == Way::forwarded || is_socks) case_.options.proxy = &proxy_;
    const int rc = case_.open();
    pester_budget_free(budget);
    if (rc == 0) {
      for (int i = 0; i < 2 && wrong == nullptr && !case_.closed; ++i) wrong = send_and_check(way);
    } else if (case_.client != nullptr) {
      wrong = "a refused client was given out";
    }
    if (case_.end() != 0 && wrong == nullptr) wrong = "something stayed on the loop";
    return wrong;
  }
  int last_error() const { return outcome_.error; }

 private:
  void serve(Peer& peer) {
    for (std::string head; !(head = peer.head()).empty();) {
      if (head.starts_with("CONNECT ")) {
        peer.send("HTTP/1.1 200 OK\r\n\r\n");
        continue;
      }
      if (head.find("\r\nExpect: ") != std::string::npos) {
        peer.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
      }
      if (head.find("Transfer-Encoding: chunked") != std::string::npos) {
        peer.chunks();
      } else if (const size_t at = head.find("Content-Length: "); at != std::string::npos) {
        peer.body(std::strtoul(head.c_str() + at + 16, nullptr, 10));
      }
      if (head.find(" /big") != std::string::npos) {
        peer.answer(big_);
      } else if (head.find(" /chunks") != std::string::npos) {
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (int i = 0; i < 20; ++i) peer.send("5\r\nhello\r\n");
        peer.send("0\r\nX-Trailer: yes\r\n\r\n");
      } else if (head.find(" /busy") != std::string::npos && server_->count++ % 3 != 2) {
        peer.answer("busy", "503 Busy");
      } else {
        peer.answer("hello");
      }
    }
  }
  static void answer_name(pester_client_t* client, const pester_resolve_question_t* question, void*) {
    const char* const addresses[] = {"127.0.0.1"};
    (void)pester_resolve_done(client, question->token, 0, addresses, 1);
  }
  void set_way(Way way) {
    pester_route_init(&route_);
    if (way == Way::unix_socket) route_.unix_socket = socket_.c_str();
    if (way == Way::bound) route_.local_address = "127.0.0.2";
    if (way == Way::hooked) case_.options.resolve_hook = answer_name;
    if (way != Way::served) return;
    case_.options.resolver = PESTER_RESOLVER_CARES;
    case_.options.dns_servers = dns_->address();
    case_.options.dns_timeout_ms = 20;
  }
  const char* send_and_check(Way way) {
    outcome_ = {};
    const std::string expected = way == Way::grows                            ? big_
                                 : way == Way::streamed || way == Way::paused ? hellos()
                                                                              : "hello";
    const bool streamed = way == Way::streamed || way == Way::paused;
    std::string url = server_->url(
        way == Way::grows                                                                   ? "/big"
        : streamed                                                                          ? "/chunks"
        : way == Way::retry || way == Way::told || way == Way::uploaded || way == Way::form ? "/busy"
                                                                                            : "/");
    if (way == Way::hooked || way == Way::served) {
      url = "http://name.test:" + std::to_string(server_->port()) + "/";
    }
    pester_request_t request = case_.request(url, &outcome_);
    if (way == Way::unix_socket || way == Way::bound) request.route = &route_;
    if (streamed) {
      request.on_head = Outcome::on_head;
      request.on_body = Outcome::on_body;
    }
    if (way == Way::tunnelled) request.proxy = &proxy_;
    if (way == Way::post) {
      request.body = big_.data();
      request.body_len = big_.size();
      request.idempotent = 1;
    }
    if (way == Way::expected) {
      request.body = big_.data();
      request.body_len = big_.size();
      request.idempotent = request.expect_continue = 1;
      request.expect_timeout_ms = 20;
      request.on_informational = [](const pester_result_t*, void*) {};
    }
    if (way == Way::uploaded) give_source(&request);
    pester_body_source_t form_source;
    if (way == Way::form && !give_form(&request, &form_source)) return nullptr;
    bool paused = false;
    if (way == Way::paused) {
      outcome_.at_body = [this, &paused](const pester_result_t* result) {
        paused = pester_pause(case_.client, pester_result_id(result)) == 0;
      };
    }
    outcome_.at_done = [](const pester_result_t* result) {
      pester_result_free(pester_result_take(result));
      (void)pester_result_header(result, "content-length");
    };
    if (case_.send(request, &outcome_) != 0) {
      if (way == Way::form) form_source.done(form_source.data);
      if (source_.ended != 0) return "a source that was not taken was ended";
      case_.run();
      return outcome_.done == 0 ? nullptr : "a refused request was ended";
    }
    if (way == Way::closed_midway) {
      uv_run(&case_.loop, UV_RUN_NOWAIT);
      (void)case_.close_client();
    }
    for (int turns = 0; outcome_.done == 0; ++turns) {
      if (turns == 10'000'000) return "it never ended";
      if (way == Way::paused) {  // a pause may come in any turn: none may wait
        if (uv_run(&case_.loop, UV_RUN_NOWAIT) != 0 && !paused) sched_yield();
        if (paused) (void)pester_resume(case_.client, outcome_.id);
        paused = false;
      } else {
        uv_run(&case_.loop, UV_RUN_ONCE);
      }
    }
    case_.run();
    if (outcome_.done != 1) return "it ended twice";
    if (way == Way::uploaded && source_.ended != 1) return "its source was not ended once";
    if (outcome_.error != 0) return nullptr;
    if (outcome_.status != 200) return outcome_.status == 503 ? nullptr : "a wrong status";
    return (streamed ? outcome_.streamed : outcome_.body) == expected ? nullptr
                                                                      : "a body that is not whole";
  }
  // Chunked, with a trailer, and nothing to give at times.
  void give_source(pester_request_t* request) {
    source_ = {};
    request->source = source_.give(big_);
    request->idempotent = 1;
    source_.rewindable();
    source_.piece = 20'000;
    source_.before = [this] {
      if (source_.reads % 4 != 3) return 0;
      (void)pester_source_ready(case_.client, source_.id);  // it has again
      return PESTER_NOT_NOW;
    };
    source_.source.make_trailers = [](const pester_header_t** trailers, void*) {
      static const pester_header_t sum = {"X-Sum", "1"};
      *trailers = &sum;
      return int64_t{1};
    };
  }
  // Of a text and a file; false when memory was out.
  bool give_form(pester_request_t* request, pester_body_source_t* source) {
    pester_multipart_t* form = nullptr;
    pester_body_source_init(source);
    if (pester_multipart_new(&form, case_.client) != 0) return false;
    if (pester_multipart_field(form, "text", big_.c_str()) != 0 ||
        pester_multipart_file(form, "file", file_, nullptr, nullptr) != 0 ||
        pester_multipart_source(form, source) != 0) {
      pester_multipart_free(form);
      return false;
    }
    request->source = source;
    request->idempotent = 1;
    return true;
  }
  static std::string hellos() {
    std::string text;
    for (int i = 0; i < 20; ++i) text += "hello";
    return text;
  }
  Case case_;
  Outcome outcome_;
  BodySource source_;
  char file_[32] = "/tmp/pester-torture-XXXXXX";
  pester_route_t route_{};
  std::string socket_;  // abstract
  LoopbackServer* unix_server_ = nullptr;
  DnsServer* dns_ = nullptr;
  LoopbackServer* server_ = nullptr;
  LoopbackServer* socks_ = nullptr;
  pester_proxy_t proxy_;
  std::string proxy_url_;
  std::string big_;
};

}  // namespace pester::test

#endif

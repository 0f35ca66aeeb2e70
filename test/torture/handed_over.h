// SPDX-License-Identifier: MIT
// What is tortured of the ways out of plain HTTP and of the plain thread: an upgrade that is tried
// again, bytes both ways on its stream, and a post through an inbox. Whatever fails on the way, a run
// checks that each callback comes as often as it may, that what was read is what was said, and that
// nothing stays.
#ifndef PESTER_TEST_TORTURE_HANDED_OVER_H_
#define PESTER_TEST_TORTURE_HANDED_OVER_H_

#include "feature.h"
#include "support/stream_case.h"
#include "support/tls_peer.h"

namespace pester::test {

class HandedOver {
 public:
  explicit HandedOver(bool tls) : tls_(tls) {
    const auto talk = [this](auto& far) {
      for (std::string head; !(head = far.head()).empty();) {
        if (head.find("Upgrade: echo") == std::string::npos) {
          say(far, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        } else if (count_++ % 2 == 0) {
          say(far, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
        } else {
          say(far, std::string(kSwitched) + "first,");
          for (std::string part; !(part = far.body(kPart)).empty();) say(far, part);
          return;
        }
      }
    };
    server_ = std::make_unique<LoopbackServer>(
        tls ? service_.open({}, [talk](TlsPeer& far, Peer&) { talk(far); })
            : LoopbackServer::Script([talk](Peer& far) { talk(far); }));
    const std::string port = ":" + std::to_string(server_->port());
    url_ = tls ? "https://host.example.test" + port + "/" : server_->url();
    rule_ = "host.example.test" + port + ":127.0.0.1";
  }
  ~HandedOver() {
    server_->stop();
    if (tls_) service_.close();
  }
  HandedOver(const HandedOver&) = delete;
  HandedOver& operator=(const HandedOver&) = delete;

  // Before the loop's nth turn, from 1.
  void interrupt(Deed deed, int turn) {
    deed_ = deed;
    deed_turn_ = turn;
  }
  [[nodiscard]] int turns() const { return turns_; }
  // The last run went as it does when nothing fails.
  [[nodiscard]] bool went_as_meant() const {
    return handover_.upgrades == 1 && handover_.read.size() == expected_.size() && posts_done_ == 1;
  }

  // Returns nullptr when all is well, else what is not. `allocator` may be nullptr.
  const char* run(const pester_allocator_t* allocator) {
    set_up(allocator);
    if (case_.open() == 0) {
      const bool sent = send_it();
      post_it();
      const bool ended = case_.run_until([&] {
        if (++turns_ == deed_turn_) do_deed();
        return is_over(sent);
      });
      if (!ended) return "it never ended";
      if (inbox_ != nullptr) pester_inbox_free(inbox_);
    }
    if (case_.end() != 0) return "something stayed on the loop";
    return check();
  }

 private:
  static constexpr size_t kPart = 5000, kParts = 8;

  static void say(Peer& far, std::string_view text) { far.send(text); }
  static void say(TlsPeer& far, std::string_view text) {
    far.say(text);
    far.flush();
  }

  void set_up(const pester_allocator_t* allocator) {
    case_.begin();
    case_.client = nullptr;
    handover_ = {};
    inbox_ = nullptr;
    turns_ = writes_ = posted_ = posts_done_ = posts_refused_ = 0;
    count_ = 0;
    case_.options.allocator = allocator;
    case_.policy.connect_timeout_ms = case_.policy.first_byte_timeout_ms = 5000;
    case_.tls.ca_file = pki("ca.pem");
    case_.options.tls = &case_.tls;
    rules_[0] = rule_.c_str();
    case_.options.resolve = rules_;
    case_.options.resolve_count = 1;
    expected_ = "first," + std::string(kPart * kParts, 'x');
    handover_.reads = false;
    handover_.at_upgrade = [this] { begin_talking(); };
    handover_.at_read = [this] {
      if (handover_.read.size() >= expected_.size()) (void)handover_.close();
    };
    handover_.at_written = [this] {
      if (handover_.written.back() != 0) (void)handover_.close();
    };
    handover_.at_end = [this] { (void)handover_.close(); };
  }
  void begin_talking() {
    const std::string part(kPart, 'x');
    int rc = handover_.read_start();
    for (size_t i = 0; i < kParts && rc == 0; ++i) {
      rc = handover_.write(part);
      writes_ += rc == 0;
    }
    if (rc != 0) (void)handover_.close();  // what could not be written will not come back
  }
  bool send_it() {
    return send_upgrade(case_, upgrade_request(case_, url_, &handover_), &handover_) == 0;
  }
  void post_it() {
    if (pester_inbox_new(&inbox_, case_.client, nullptr) != 0) return;
    pester_request_t made = case_.request(url_, nullptr);
    made.data = this;
    made.on_done = [](const pester_result_t*, void* data) {
      ++static_cast<HandedOver*>(data)->posts_done_;
    };
    pester_post_id_t id = 0;
    posted_ = pester_inbox_post(
                  inbox_, &made,
                  [](int, const char*, void* data) { ++static_cast<HandedOver*>(data)->posts_refused_; },
                  &id) == 0;
    post_ = id;
  }
  void do_deed() {
    if (deed_ == Deed::close) (void)case_.close_client();
    if (deed_ != Deed::cancel) return;
    (void)pester_cancel(case_.client, handover_.outcome.id);
    if (handover_.stream != nullptr) (void)handover_.close();
    if (inbox_ != nullptr) (void)pester_inbox_cancel(inbox_, post_);
  }
  [[nodiscard]] bool is_over(bool sent) const {
    const bool talked = handover_.outcome.done == 1 && handover_.closes == handover_.upgrades;
    return (!sent || talked) && posts_done_ + posts_refused_ == posted_;
  }
  const char* check() const {
    if (handover_.outcome.done > 1 || handover_.upgrades > 1) return "it ended twice";
    if (handover_.closes != handover_.upgrades) return "a stream was not closed once";
    if (static_cast<int>(handover_.written.size()) != writes_) return "a write was not told once";
    if (!expected_.starts_with(handover_.read)) return "other bytes than were said";
    if (posts_done_ + posts_refused_ != posted_) return "a post did not end once";
    if (handover_.upgrades == 1 && handover_.outcome.error != 0) return "an error, and a stream";
    return nullptr;
  }

  const bool tls_;
  TlsService service_;
  std::unique_ptr<LoopbackServer> server_;
  Case case_;
  Handover handover_;
  pester_inbox_t* inbox_ = nullptr;
  pester_post_id_t post_ = 0;
  std::string url_, rule_, expected_;
  const char* rules_[1] = {};
  std::atomic<int> count_{0};  // of those that asked for the echo
  int turns_ = 0, writes_ = 0, posted_ = 0, posts_done_ = 0, posts_refused_ = 0;
  Deed deed_ = Deed::none;
  int deed_turn_ = 0;
};

}  // namespace pester::test

#endif

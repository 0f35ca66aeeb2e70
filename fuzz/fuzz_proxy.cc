// SPDX-License-Identifier: MIT
// Any bytes as a proxy's URL, as a list of exempted hosts and as a proxy's answers. The claims: a URL
// that is taken means the same when its normal form is read, and its reason never shows credentials;
// answers that come whole and answers cut anywhere end alike; what is taken is no more than was fed; who
// fails says why.
//
// The input: a proxy's URL, LF, a list, LF, bytes that cut the answers, LF, the answers.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "wire/connect_handshake.h"
#include "wire/no_proxy.h"
#include "wire/proxy_url.h"
#include "wire/socks5_handshake.h"

namespace {

using namespace pester::wire;

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

struct ReadUrl {
  std::vector<char> storage;
  ProxyUrl url;
  pester::core::Why why;
  int error = 0;

  explicit ReadUrl(std::string_view text) : storage(proxy_url_storage_bytes(text)) {
    error = parse_proxy_url(text, storage.data(), &url, &why);
  }
};

void check_url(const ReadUrl& parsed, std::string_view text) {
  if (parsed.error != 0) {
    must(!parsed.why.empty(), "who refuses says why");
    return;
  }
  const ProxyUrl& url = parsed.url;
  must(url.text.find('@') == std::string_view::npos, "the normal form has no credentials");
  must(url.port != 0 && !url.host.empty() && url.host.size() <= kHostBytesMax, "host and port");
  must(url.userinfo.size() < text.size() + 1, "credentials are a part of the text");
  const ReadUrl again(url.text);
  must(again.error == 0 && again.url.text == url.text && again.url.kind == url.kind &&
           again.url.host == url.host && again.url.zone == url.zone && again.url.port == url.port,
       "read again it is the same");
}

// What came of a handshake, and the bytes that it wrote and took.
struct End {
  ProxyStep step = ProxyStep::more;
  size_t taken = 0;
  int error = 0;
  std::string written, why;

  bool operator==(const End&) const = default;
};

// `cuts`: how many bytes to feed at a time, in turn; none: all at once.
template <class Handshake>
End run(Handshake& handshake, std::string_view answers, std::string_view cuts) {
  End end;
  size_t at = 0;
  const auto send = [&] {
    end.written += handshake.output();
    handshake.consume_output(handshake.output().size());
  };
  send();
  for (size_t turn = 0; at < answers.size() && end.step == ProxyStep::more; ++turn) {
    size_t count = answers.size() - at;
    if (!cuts.empty()) {
      const size_t cut = static_cast<unsigned char>(cuts[turn % cuts.size()]) % 32 + 1;
      count = cut < count ? cut : count;
    }
    size_t taken = 0;
    end.step = handshake.feed(answers.substr(at, count), &taken);
    must(taken <= count, "no more is taken than was fed");
    must(end.step != ProxyStep::more || taken == count, "who wants more has taken all");
    at += taken;
    send();
  }
  if (end.step == ProxyStep::more) end.step = handshake.end();
  must(end.step != ProxyStep::more, "the end is an end");
  must((end.step == ProxyStep::failed) == (handshake.error() != 0), "who fails has a code");
  must(end.step == ProxyStep::done || !handshake.why().empty(), "who fails says why");
  end.taken = end.step == ProxyStep::done ? at : 0;
  end.error = handshake.error();
  end.why = handshake.why().view();
  return end;
}

End run_connect(const ProxyTarget& target, std::string_view answers, std::string_view cuts) {
  BlockPool pool(Allocator::system());
  ParserLimits limits;
  limits.head_bytes = 512;
  ConnectHandshake connect;
  must(connect.start(&pool, &limits, target, "fuzz") == 0, "it starts");
  const End end = run(connect, answers, cuts);
  must(end.written.ends_with("\r\n\r\n") && end.written.find("\r\n\r\n") == end.written.size() - 4,
       "one head is written");
  connect.release();
  pool.trim();
  return end;
}

End run_socks(const ProxyTarget& target, std::string_view answers, std::string_view cuts) {
  Socks5Handshake socks;
  socks.start(target);
  return run(socks, answers, cuts);
}

// The answers of a SOCKS proxy each come in their turn, as a proxy that keeps to it sends them: fed in
// one piece they would be early, so they are never fed so.
void check_socks(const ProxyTarget& target, std::string_view answers, std::string_view cuts) {
  const End bytewise = run_socks(target, answers, std::string_view("\0", 1));
  const End cut = run_socks(target, answers, cuts);
  must(bytewise == cut || cut.why.find("before they were asked for") != std::string::npos,
       "cut elsewhere it ends alike");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::string_view lines[3];
  for (std::string_view& line : lines) {
    const size_t end = rest.find('\n');
    line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  const ReadUrl parsed(lines[0]);
  check_url(parsed, lines[0]);
  (void)is_without_proxy(lines[1], "www.example.com", HostKind::name, 80);
  (void)is_without_proxy(lines[1], "192.0.2.1", HostKind::ipv4, 443);
  (void)is_without_proxy(lines[1], "2001:db8::1", HostKind::ipv6, 8080);
  ProxyTarget target = {"example.com", HostKind::name, 443, {}};
  const bool is_http = parsed.error != 0 || parsed.url.kind == ProxyKind::http;
  if (parsed.error == 0) target.userinfo = parsed.url.userinfo;
  if (is_http) {
    const End whole = run_connect(target, rest, {});
    must(run_connect(target, rest, lines[2].empty() ? std::string_view("\0", 1) : lines[2]) == whole,
         "cut elsewhere it ends alike");
  } else {
    check_socks(target, rest, lines[2].empty() ? std::string_view("\3", 1) : lines[2]);
  }
  return 0;
}

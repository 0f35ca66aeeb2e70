// SPDX-License-Identifier: MIT
// What a TLS client makes of hostile bytes. The first byte says how: raw, the rest is all that the
// server ever sends; or tampered, where a true server in this process speaks and the rest says which of
// its bytes are changed. The second byte is the size of the portions fed.
#include <cstdlib>

#include "support/tls_server.h"
#include "wire/tls_session.h"

using namespace pester;
using namespace pester::test;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

wire::BlockPool pool{wire::Allocator::system()};
wire::TlsContext* context = nullptr;
Server peer;
const std::string said = std::string(20'000, 'x') + "end";  // two records

// Drives the client with what is in `line` until it gives up or wants more than there is.
void drive_raw(Connection* line) {
  TlsStatus status = wire::tls_handshake(line->client);
  while (status == TlsStatus::want_input && line->feed()) status = wire::tls_handshake(line->client);
  require(status != TlsStatus::ok);  // nobody forges a handshake
  require(status != TlsStatus::failed || wire::tls_error(line->client) < 0);
  require(status != TlsStatus::failed || !wire::tls_why(line->client).empty());
}

// Changes of the server's bytes, each three bytes of input: where (16 bits) and what to flip (never 0).
struct Tamper {
  const uint8_t* changes;
  size_t size;
  size_t passed = 0;  // bytes the client has been given

  void change(std::string* next) const {
    for (size_t i = 0; i + 3 <= size; i += 3) {
      const size_t at = static_cast<size_t>(changes[i]) << 8 | changes[i + 1];
      if (at < passed || at - passed >= next->size()) continue;
      char& byte = (*next)[at - passed];
      byte = static_cast<char>(byte ^ changes[i + 2]);
    }
  }
  bool feed(Connection* line) {
    // Only what is lent now is changed, so that no byte is flipped twice.
    std::string rest = line->to_client.size() > line->chunk ? line->to_client.substr(line->chunk) : "";
    line->to_client.resize(line->to_client.size() - rest.size());
    change(&line->to_client);
    passed += line->to_client.size();
    const bool fed = line->feed();
    line->to_client = rest;
    return fed;
  }
};

void drive_tampered(Connection* line, Tamper tamper) {
  TlsStatus status = TlsStatus::want_input;
  for (bool moved = true; moved && status == TlsStatus::want_input;) {
    status = wire::tls_handshake(line->client);
    moved = line->take_output();
    line->serve();
    if (status == TlsStatus::want_input) moved = tamper.feed(line) || moved;
  }
  if (status != TlsStatus::ok || !line->server_done) return;
  if (!line->server_says(said)) return;
  mbedtls_ssl_close_notify(&line->server);
  std::string got;
  static char room[20'000];
  for (;;) {
    size_t count = 0;
    status = wire::tls_read(line->client, room, sizeof room, &count);
    got.append(room, count);
    if (status == TlsStatus::want_input && !tamper.feed(line)) break;
    if (status != TlsStatus::want_input && status != TlsStatus::ok) break;
  }
  // Whatever was done to the bytes, what arrives is what was said, and its end is its end.
  require(got.size() <= said.size() && said.compare(0, got.size(), got) == 0);
  require(status != TlsStatus::closed || got.size() == said.size());
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  require(make_pki());
  require(std::atexit(remove_pki) == 0);
  wire::TlsOptions options;
  options.ca_file = pki("ca.pem");
  core::Why why;
  require(wire::tls_context_create(&context, options, wire::Allocator::system(), &why) == 0);
  require(wire::tls_context_load(context, &why) == 0);
  require(peer.open({}));
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const bool raw = (data[0] & 1) != 0;
  if ((data[0] & 2) != 0) context->cache.clear();  // else a resumed handshake, which is quicker
  Connection line;
  require(line.open(&peer, context, &pool, "localhost"));
  if (data[1] != 0) line.chunk = size_t{data[1]} * (raw ? 1 : 16);
  if (raw) {
    line.to_client.assign(reinterpret_cast<const char*>(data + 2), size - 2);
    line.cut = (data[0] & 4) != 0;
    drive_raw(&line);
  } else {
    drive_tampered(&line, {data + 2, size - 2});
  }
  line.close();
  return 0;
}

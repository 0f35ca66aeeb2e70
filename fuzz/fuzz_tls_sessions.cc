// SPDX-License-Identifier: MIT
// Saved TLS sessions from hostile hands: signed anew, so that every byte reaches the reader and
// mbedTLS's. The claims: they are refused or taken whole, what is taken can be offered to a true server,
// and what is written of it can be read again.
//
// The input: a byte that says how. Even: the rest are changes of sessions that were saved, three bytes
// each: where (16 bits) and what to flip. Odd: how many entries there are, then the entries as bytes.
#include <cstdlib>

#include "pester/errors.h"
#include "support/tls_server.h"
#include "wire/tls_session.h"

using namespace pester;
using namespace pester::test;

namespace {

constexpr size_t kChecksumBytes = 32;
constexpr size_t kCountAt = 9 + 32;  // behind the magic bytes and the configuration's digest
constexpr size_t kEntriesAt = kCountAt + 4;

void require(bool condition) {
  if (!condition) std::abort();
}

wire::BlockPool pool{wire::Allocator::system()};
wire::TlsContext* context = nullptr;
Server peer;
std::string saved;

std::string write() {
  size_t size = 0;
  (void)wire::tls_sessions_write(context, nullptr, &size);
  std::string bytes(size, '\0');
  require(wire::tls_sessions_write(context, bytes.data(), &size) == 0);
  return bytes;
}

std::string entries(const uint8_t* data, size_t size) {
  std::string bytes = saved.substr(0, kEntriesAt);
  bytes.replace(kCountAt, 4, {static_cast<char>(data[0]), '\0', '\0', '\0'});
  bytes.append(reinterpret_cast<const char*>(data + 1), size - 1);
  return bytes.append(kChecksumBytes, '\0');
}

std::string changed(const uint8_t* changes, size_t size) {
  std::string bytes = saved;
  for (size_t i = 0; i + 3 <= size; i += 3) {
    const size_t at = static_cast<size_t>(changes[i]) << 8 | changes[i + 1];
    if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ changes[i + 2]);
  }
  return bytes;
}

void sign(std::string* bytes) {
  auto* const all = reinterpret_cast<unsigned char*>(bytes->data());
  const size_t size = bytes->size() - kChecksumBytes;
  require(wire::tls_sha256(all, size, all + size) == 0);
}

// Whatever the session is: a full handshake, a resumed one, or none.
void offer(const char* host, wire::HostKind kind) {
  Connection line;
  require(line.open(&peer, context, &pool, host, kind));
  (void)line.handshake();
  line.close();
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
  Connection line;
  require(line.open(&peer, context, &pool, "localhost"));
  require(line.handshake() == TlsStatus::ok);
  require(line.server_says("hello"));  // in TLS 1.3 the ticket comes before it
  std::string text;
  (void)line.read_all(&text);
  line.close();
  saved = write();
  require(saved.size() > kEntriesAt + kChecksumBytes);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::string bytes = (data[0] & 1) != 0 ? entries(data + 1, size - 1) : changed(data + 1, size - 1);
  sign(&bytes);
  context->cache.clear();
  const int taken = wire::tls_sessions_read(context, bytes);
  require(taken == PESTER_EOPTION || taken >= 0);
  require(taken <= 0 ? context->cache.size() == 0 : context->cache.size() != 0);
  if (taken <= 0) return 0;
  const std::string again = write();
  require(wire::tls_sessions_read(context, again) >= 0);
  offer("localhost", wire::HostKind::name);
  offer("127.0.0.1", wire::HostKind::ipv4);
  return 0;
}

// SPDX-License-Identifier: MIT
// Sessions as bytes, for another process: a head with the format's version and a digest of the
// configuration, the entries, a checksum. The checksum finds accidents; against who can write the bytes
// there is no help, see wire/tls.h. Numbers are little-endian. Refuses to know files.
#include <cerrno>
#include <ctime>

#include "core/text.h"
#include "pester/errors.h"
#include "wire/tls_context.h"
#include "wire/tls_words.h"

namespace pester::wire {

namespace {

constexpr std::string_view kMagic = "PESTERTS\1";  // the last byte is the version
constexpr size_t kDigestBytes = 32;
constexpr size_t kHeadBytes = 9 + kDigestBytes + 4;
constexpr size_t kHostBytesMax = 255;
constexpr size_t kSessionBytesMax = TlsCache::kTicketBytesMax + 4096;

// Counts, and writes as far as there is room.
class Writer {
 public:
  Writer(char* out, size_t room) : out_(out), room_(room) {}
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] size_t left() const { return size_ < room_ ? room_ - size_ : 0; }
  [[nodiscard]] char* here() { return left() != 0 ? out_ + size_ : nullptr; }
  void skip(size_t count) { size_ += count; }
  void bytes(std::string_view bytes) {
    core::copy_text(bytes, here(), left());
    size_ += bytes.size();
  }
  void number(uint64_t value, size_t count) {
    char text[8];
    for (size_t i = 0; i < count; ++i) text[i] = static_cast<char>(value >> (8 * i));
    bytes({text, count});
  }

 private:
  char* out_;
  size_t room_;
  size_t size_ = 0;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  std::string_view bytes(size_t count) {
    good_ = good_ && count <= rest_.size();
    if (!good_) return {};
    const std::string_view taken = core::part(rest_, 0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  uint64_t number(size_t count) {
    uint64_t value = 0;
    size_t shift = 0;
    for (const char c : bytes(count)) {
      value |= uint64_t{static_cast<unsigned char>(c)} << shift;
      shift += 8;
    }
    return value;
  }

 private:
  std::string_view rest_;
  bool good_ = true;
};

bool checksum(std::string_view bytes, unsigned char (&out)[kDigestBytes]) {
  return tls_sha256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out) == 0;
}
std::string_view view(const unsigned char (&bytes)[kDigestBytes]) {
  return {reinterpret_cast<const char*>(bytes), sizeof bytes};
}

struct Entry {
  uint8_t version;  // 2 or 3, of TLS 1.x
  HostKind kind;
  uint16_t port;
  uint32_t verify_flags;
  int64_t verified_s, saved_s, expires_s;
  std::string_view host, leaf, session;
};

// A walk over the entries: false at their end, or where they make no sense.
bool read_entry(Reader& reader, Entry* entry) {
  entry->version = static_cast<uint8_t>(reader.number(1));
  entry->kind = static_cast<HostKind>(reader.number(1));
  const size_t host_bytes = reader.number(1);
  entry->port = static_cast<uint16_t>(reader.number(2));
  entry->verify_flags = static_cast<uint32_t>(reader.number(4));
  const size_t leaf_bytes = reader.number(4);
  const size_t session_bytes = reader.number(4);
  entry->verified_s = static_cast<int64_t>(reader.number(8));
  entry->saved_s = static_cast<int64_t>(reader.number(8));
  entry->expires_s = static_cast<int64_t>(reader.number(8));
  if (leaf_bytes > TlsCache::kLeafBytesMax || session_bytes > kSessionBytesMax) return false;
  entry->host = reader.bytes(host_bytes);
  entry->leaf = reader.bytes(leaf_bytes);
  entry->session = reader.bytes(session_bytes);
  return reader.good() && !entry->host.empty() && entry->kind <= HostKind::ipv6;
}

// As it could have been written, and of use now.
bool is_fit(const TlsContext& context, const Entry& entry, int64_t now_s) {
  const int64_t most = entry.version == 3 ? TlsCache::kAgeMaxSeconds13 : TlsCache::kAgeMaxSeconds12;
  const bool in_order =
      entry.verified_s >= 0 && entry.verified_s <= entry.saved_s && entry.saved_s <= now_s;
  const bool in_time = now_s <= entry.expires_s && entry.expires_s - most <= entry.verified_s;
  return in_order && in_time && (entry.verify_flags == 0 || !context.options.verify);
}

// 1 when it was taken, 0 when not; kTlsNoMemory.
int take(TlsContext* context, const Entry& from, int64_t now_s) {
  TlsCache& cache = context->cache;
  const TlsCacheKey key{from.host, from.kind, from.port};
  if (const TlsCacheEntry* own = cache.find(key, now_s);
      own != nullptr && own->saved_s >= from.saved_s) {
    return 0;
  }
  TlsCacheEntry* const entry = cache.make(key, from.leaf);
  if (entry == nullptr) return kTlsNoMemory;
  const int code = mbedtls_ssl_session_load(
      &entry->session, reinterpret_cast<const unsigned char*>(from.session.data()), from.session.size());
  if (code == 0) tls_strip_certificate(&entry->session);
  const bool is_as_said = code == 0 && tls_is_1_3(entry->session) == (from.version == 3) &&
                          tls_is_of_client(entry->session) &&
                          tls_ticket_size(entry->session) <= TlsCache::kTicketBytesMax;
  const bool has_room =
      !is_as_said || tls_set_session_host(&entry->session,
                                          from.kind == HostKind::name ? from.host : std::string_view());
  if (!is_as_said || !has_room) {
    cache.release(entry);
    return !has_room || tls_is_no_memory(code) ? kTlsNoMemory : 0;
  }
  tls_set_ticket_age(&entry->session, now_s - from.saved_s);
  entry->verify_flags = from.verify_flags;
  entry->verified_s = from.verified_s;
  entry->saved_s = from.saved_s;
  entry->expires_s = from.expires_s;
  cache.add(entry);
  return 1;
}

// mbedTLS writes all or nothing, and tells what it needs.
size_t session_bytes(const mbedtls_ssl_session& session) {
  size_t bytes = 0;
  const int code = mbedtls_ssl_session_save(&session, nullptr, 0, &bytes);
  return code == 0 || code == MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL ? bytes : 0;
}

bool write_entry(const TlsCacheEntry& entry, size_t bytes, Writer& writer) {
  writer.number(tls_is_1_3(entry.session) ? 3 : 2, 1);
  writer.number(static_cast<uint64_t>(entry.kind), 1);
  writer.number(entry.host_size, 1);
  writer.number(entry.port, 2);
  writer.number(entry.verify_flags, 4);
  writer.number(entry.leaf_size, 4);
  writer.number(bytes, 4);
  writer.number(static_cast<uint64_t>(entry.verified_s), 8);
  writer.number(static_cast<uint64_t>(entry.saved_s), 8);
  writer.number(static_cast<uint64_t>(entry.expires_s), 8);
  writer.bytes(entry.host());
  writer.bytes(entry.leaf());
  size_t written = bytes;
  bool good = true;
  if (writer.left() >= bytes) {
    good = mbedtls_ssl_session_save(&entry.session, reinterpret_cast<unsigned char*>(writer.here()),
                                    bytes, &written) == 0;
  }
  writer.skip(bytes);
  return good && written == bytes;
}

bool is_worth_it(const TlsCacheEntry& entry, int64_t now_s) {
  const size_t bytes = session_bytes(entry.session);
  return now_s <= entry.expires_s && bytes != 0 && bytes <= kSessionBytesMax &&
         entry.host_size <= kHostBytesMax;
}

}  // namespace

int tls_sessions_write(const TlsContext* context, char* out, size_t* size) {
  const size_t room = *size;
  const int64_t now_s = static_cast<int64_t>(std::time(nullptr));
  unsigned char digest[kDigestBytes];
  if (!tls_digest_options(context->options, digest)) return kTlsNoMemory;
  const TlsCache& cache = context->cache;
  size_t count = 0;
  for (size_t i = 0; i < cache.size(); ++i) count += is_worth_it(cache.at(i), now_s) ? 1 : 0;

  Writer writer(out, room);
  writer.bytes(kMagic);
  writer.bytes(view(digest));
  writer.number(count, 4);
  for (size_t i = 0; i < cache.size(); ++i) {
    const TlsCacheEntry& entry = cache.at(i);
    if (!is_worth_it(entry, now_s)) continue;
    if (!write_entry(entry, session_bytes(entry.session), writer)) return kTlsNoMemory;
  }
  *size = writer.size() + kDigestBytes;
  if (*size > room) return -ENOBUFS;
  if (!checksum({out, writer.size()}, digest)) return kTlsNoMemory;
  writer.bytes(view(digest));
  return 0;
}

int tls_sessions_read(TlsContext* context, std::string_view bytes) {
  if (bytes.size() < kHeadBytes + kDigestBytes) return PESTER_EOPTION;
  const std::string_view told = core::part(bytes, bytes.size() - kDigestBytes);
  const std::string_view body = core::part(bytes, 0, bytes.size() - kDigestBytes);
  unsigned char digest[kDigestBytes];
  if (!checksum(body, digest)) return kTlsNoMemory;
  Reader head(body);
  if (head.bytes(kMagic.size()) != kMagic || view(digest) != told) return PESTER_EOPTION;
  const std::string_view configuration = head.bytes(kDigestBytes);
  const size_t count = head.number(4);
  if (count > TlsCache::kEntriesMax) return PESTER_EOPTION;

  Reader check = head;  // all of it is looked at before anything is taken
  Entry entry{};
  for (size_t i = 0; i < count; ++i) {
    if (!read_entry(check, &entry)) return PESTER_EOPTION;
  }
  if (!check.at_end()) return PESTER_EOPTION;
  if (!tls_digest_options(context->options, digest)) return kTlsNoMemory;
  if (configuration != view(digest)) return 0;

  const int64_t now_s = static_cast<int64_t>(std::time(nullptr));
  int taken = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!read_entry(head, &entry) || !is_fit(*context, entry, now_s)) continue;
    const int one = take(context, entry, now_s);
    if (one < 0) return one;
    taken += one;
  }
  return taken;
}

}  // namespace pester::wire

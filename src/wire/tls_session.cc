// SPDX-License-Identifier: MIT
// One TLS connection as mbedTLS sees it: the handshake, what is cached of it, and reading and writing
// between the lent input and the output buffer. How it ends in words is in tls_failure.cc.
#include "wire/tls_session.h"
#include "core/text.h"

#include <ctime>
#include <new>

#include "core/assert.h"
#include "pester/errors.h"
#include "wire/certificate_match.h"
#include "wire/must_staple.h"
#include "wire/tls_words.h"

namespace pester::wire {

namespace {

constexpr size_t kHostMax = 255;
constexpr size_t kOutputMax = 65536;
// What a record may add to its plaintext: header 5, IV 16, MAC 48, padding 256, and room to spare.
constexpr size_t kRecordOverhead = 512;
// Below this a record is not worth its overhead: wait for room.
constexpr size_t kPartMin = 4096;
// Answers that mbedTLS makes by itself (alerts, refused renegotiations) may pass the bound by this much;
// a server that provokes more without reading is given up.
constexpr size_t kOwnAnswersMax = 32768;
// mbedTLS may say WANT_READ without having asked for input, once per handshake message it met in a
// record. A record of 16 KiB holds 4096 of the shortest.
constexpr unsigned kSpinsMax = 8192;
#if PESTER_WIRE_TLS_1_3
// Of the tickets a server sends on one connection; the rest are passed over.
constexpr unsigned kTicketsMax = 8;
#endif

// ---- what mbedTLS calls ------------------------------------------------------------------------------

int receive(void* data, unsigned char* out, size_t size) {
  auto* session = static_cast<TlsSession*>(data);
  std::string_view& input = session->input;
  if (input.empty()) {
    if (session->ended) return 0;
    session->starved = true;
    return MBEDTLS_ERR_SSL_WANT_READ;
  }
  session->spins = 0;
  const size_t count = core::copy_text(input, reinterpret_cast<char*>(out), size);
  input.remove_prefix(count);
  return static_cast<int>(count);
}

int send(void* data, const unsigned char* bytes, size_t size) {
  auto* session = static_cast<TlsSession*>(data);
  Bytes& output = session->output;
  if (output.size() - session->sent + size > kOutputMax + kOwnAnswersMax) {
    session->flooded = true;
    return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
  }
  if (session->sent != 0 && output.capacity() - output.size() < size) {
    output.consume(session->sent);
    session->sent = 0;
  }
  if (!output.append(*session->pool, bytes, size)) return MBEDTLS_ERR_SSL_ALLOC_FAILED;
  return static_cast<int>(size);
}

// Called for each certificate of the chain, the leaf last, in a full handshake only. mbedTLS's own name
// check is undone: it knows no iPAddress in 2.28 and falls back to the common name.
int on_certificate(void* data, mbedtls_x509_crt* certificate, int depth, uint32_t* flags) {
  auto* session = static_cast<TlsSession*>(data);
  const TlsContext& context = *session->context;
  if (depth == 0) {
    session->certificate_seen = true;
    *flags &= ~uint32_t{MBEDTLS_X509_BADCERT_CN_MISMATCH};
    if (!certificate_matches(*certificate, session->host(), session->host_kind)) {
      *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
      session->named.clear();
      name_certificate_hosts(*certificate, &session->named);
    }
  }
  if (depth == 0 && must_staple(*certificate)) *flags |= MBEDTLS_X509_BADCERT_OTHER;
  session->flags_seen |= *flags;
  if (depth == 0 && context.pins.count != 0) {
    const bool refused_anyway = context.options.verify && session->flags_seen != 0;
    if (!refused_anyway && !pins_match(context.pins, *certificate)) {
      session->pin_refused = true;
      return MBEDTLS_ERR_X509_FATAL_ERROR;  // before our certificate or request is on the wire
    }
  }
  return 0;
}

// ---- the session cache -------------------------------------------------------------------------------

int64_t wall_seconds() {
  return static_cast<int64_t>(std::time(nullptr));
}

TlsCacheKey key_of(const TlsSession& session) {
  return {session.host(), session.host_kind, session.port};
}

// Saves what is pending, once the connection was fully accepted. Where a verify callback decides after
// the handshake, the first byte written is the sign that it did.
void save_session(TlsSession* session) {
  if (!session->save_pending) return;
  if (session->context->options.verify_cb != nullptr && !session->written) return;
  session->save_pending = false;
  const int64_t now_s = wall_seconds();
  session->context->cache.put(key_of(*session), session->ssl, tls_peer_leaf(session),
                              session->verify_flags, session->verified_s, now_s);
}

int offer_session(TlsSession* session) {
  TlsCache& cache = session->context->cache;
  const TlsCacheEntry* entry = cache.find(key_of(*session), wall_seconds());
  if (entry == nullptr) return 0;
  const int code = mbedtls_ssl_set_session(&session->ssl, &entry->session);
  if (code != 0) {
    const bool no_memory = tls_is_no_memory(code);
    cache.drop(entry->serial);
    return no_memory ? kTlsNoMemory : 0;
  }
  if (!session->leaf.append(*session->pool, entry->leaf().data(), entry->leaf().size())) {
    return kTlsNoMemory;
  }
  session->offered = entry->serial;
  session->offered_flags = entry->verify_flags;
  session->verified_s = entry->verified_s;
  return 0;
}

// ---- the loop around mbedTLS -------------------------------------------------------------------------

// What a negative answer of mbedTLS means: call it again, wait for input, or give up.
enum class Next : uint8_t { again, wait, fail };

Next after(TlsSession* session, int code) {
#if PESTER_WIRE_TLS_1_3
  if (code == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
    if (++session->tickets <= kTicketsMax) {
      session->save_pending = true;
      save_session(session);
    }
    return Next::again;
  }
#endif
  if (code != MBEDTLS_ERR_SSL_WANT_READ) return Next::fail;
  if (session->starved) return Next::wait;
  return ++session->spins <= kSpinsMax ? Next::again : Next::fail;
}

TlsStatus handshake_done(TlsSession* session) {
  TlsContext& context = *session->context;
  const bool resumed = session->offered != 0 && !session->certificate_seen;
  const uint32_t flags = resumed ? session->offered_flags : mbedtls_ssl_get_verify_result(&session->ssl);
  // mbedTLS has refused all this already; a second look costs nothing.
  if (!resumed && !session->certificate_seen)
    return tls_fail(session, MBEDTLS_ERR_SSL_CA_CHAIN_REQUIRED);
  if (context.options.verify && flags != 0) {
    return tls_fail(session, MBEDTLS_ERR_X509_CERT_VERIFY_FAILED);
  }
  session->verify_flags = flags;
  if (flags != 0) {
    session->verify_text.clear();
    tls_add_verify_flags(flags, &session->verify_text);
  }
  if (!resumed) {
    session->verified_s = wall_seconds();
    session->leaf.release(*session->pool);
    if (session->offered != 0) context.cache.drop(session->offered);
  }
  TlsInfo& info = session->info;
  info.resumed = resumed;
  info.version = mbedtls_ssl_get_version(&session->ssl);
  info.cipher = tls_cipher_name(mbedtls_ssl_get_ciphersuite(&session->ssl));
  if (const char* alpn = mbedtls_ssl_get_alpn_protocol(&session->ssl); alpn != nullptr) {
    const size_t size = core::copy_text(alpn, info.alpn, sizeof info.alpn - 1);
    info.alpn[size] = '\0';
  }
  session->state = TlsState::open;
  // Of TLS 1.3 there is nothing to resume before a ticket came.
  session->save_pending = std::string_view(info.version) == "TLSv1.2";
  save_session(session);
  return TlsStatus::ok;
}

int set_up(TlsSession* session) {
  mbedtls_ssl_context* ssl = &session->ssl;
  const int code = mbedtls_ssl_setup(ssl, &session->context->config);
  if (code != 0) return kTlsNoMemory;
  mbedtls_ssl_set_bio(ssl, session, send, receive, nullptr);
  mbedtls_ssl_set_verify(ssl, on_certificate, session);
  if (session->context->options.key_log_cb != nullptr) tls_key_log_set_up(session);
  // For SNI, which is for names only (RFC 6066 §3). NULL says that no name check is wanted of mbedTLS.
  const bool is_name = session->host_kind == HostKind::name;
  if (mbedtls_ssl_set_hostname(ssl, is_name ? session->host_text : nullptr) != 0) return kTlsNoMemory;
  return offer_session(session);
}

}  // namespace

int tls_session_create(TlsSession** session, TlsContext* context, BlockPool* pool, std::string_view host,
                       HostKind kind, uint16_t port) {
  PESTER_ASSERT(context->configured);
  if (host.size() > kHostMax) return PESTER_EURL;
  const Block block = pool->take(sizeof(TlsSession) + host.size() + 1);
  if (block.at == nullptr) return kTlsNoMemory;
  auto* made = new (block.at) TlsSession{};
  made->block = block;
  made->context = context;
  made->pool = pool;
  made->host_kind = kind;
  made->port = port;
  made->host_text = reinterpret_cast<char*>(made + 1);
  made->host_size = core::copy_text(host, made->host_text, host.size());
  made->host_text[host.size()] = '\0';
  mbedtls_ssl_init(&made->ssl);
  ++context->sessions;
  const int code = set_up(made);
  if (code != 0) {
    tls_session_free(made);
    return code;
  }
  *session = made;
  return 0;
}

void tls_session_free(TlsSession* session) {
  if (session == nullptr) return;
  --session->context->sessions;
  mbedtls_ssl_free(&session->ssl);
  session->output.release(*session->pool);
  session->leaf.release(*session->pool);
  tls_key_log_clear(session);
  session->pool->give(session->block);
}

void tls_feed(TlsSession* session, std::string_view ciphertext) {
  PESTER_ASSERT(session->input.empty() && !session->ended);
  const bool listens = session->state == TlsState::handshaking || session->state == TlsState::open;
  if (listens) session->input = ciphertext;
}

void tls_feed_end(TlsSession* session) {
  session->ended = true;
}

TlsStatus tls_handshake(TlsSession* session) {
  if (session->state == TlsState::failed) return TlsStatus::failed;
  if (session->state != TlsState::handshaking) return TlsStatus::ok;
  for (;;) {
    session->starved = false;
    session->context->shaking = session;
    const int code = mbedtls_ssl_handshake(&session->ssl);
    session->context->shaking = nullptr;
    if (code == 0) return handshake_done(session);
    const Next next = after(session, code);
    if (next == Next::wait) return TlsStatus::want_input;
    if (next == Next::fail) return tls_fail(session, code);
  }
}

TlsStatus tls_read(TlsSession* session, char* out, size_t capacity, size_t* count) {
  PESTER_ASSERT(session->state != TlsState::handshaking && capacity != 0);
  *count = 0;
  if (session->state != TlsState::open) return tls_ending(session);
  for (;;) {
    session->starved = false;
    const int code = mbedtls_ssl_read(&session->ssl, reinterpret_cast<unsigned char*>(out), capacity);
    if (code > 0) {
      *count = static_cast<size_t>(code);
      return TlsStatus::ok;
    }
    if (code == 0 || code == MBEDTLS_ERR_SSL_CONN_EOF) return tls_end(session, TlsState::truncated);
    if (code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) return tls_end(session, TlsState::closed);
    const Next next = after(session, code);
    if (next == Next::wait) return TlsStatus::want_input;
    if (next == Next::fail) return tls_fail(session, code);
  }
}

TlsStatus tls_write(TlsSession* session, std::string_view plain, size_t* count) {
  PESTER_ASSERT(session->state != TlsState::handshaking);
  *count = 0;
  if (session->state == TlsState::failed) return TlsStatus::failed;
  const int record_max = mbedtls_ssl_get_max_out_record_payload(&session->ssl);
  if (record_max <= 0) return tls_fail(session, record_max);
  session->written = true;
  save_session(session);
  while (!plain.empty()) {
    std::string_view part = core::part(plain, 0, static_cast<size_t>(record_max));
    const size_t waiting = session->output.size() - session->sent;
    const size_t room =
        waiting + kRecordOverhead < kOutputMax ? kOutputMax - waiting - kRecordOverhead : 0;
    if (room < part.size() && room < kPartMin) return TlsStatus::ok;
    part = core::part(part, 0, room);
    const int code = mbedtls_ssl_write(&session->ssl,
                                       reinterpret_cast<const unsigned char*>(part.data()), part.size());
    if (code <= 0) {
      if (after(session, code) == Next::again) continue;
      return tls_fail(session, code);
    }
    *count += static_cast<size_t>(code);
    plain.remove_prefix(static_cast<size_t>(code));
  }
  return TlsStatus::ok;
}

std::string_view tls_output(const TlsSession* session) {
  return core::part(session->output.view(), session->sent);
}

void tls_output_consume(TlsSession* session, size_t count) {
  session->sent += count;
  PESTER_ASSERT(session->sent <= session->output.size());
  if (session->sent < session->output.size()) return;
  session->output.release(*session->pool);  // an idle connection holds no buffer
  session->sent = 0;
}

void tls_shutdown(TlsSession* session) {
  const bool alive = session->state == TlsState::open || session->state == TlsState::closed;
  if (!alive || session->shut) return;
  session->shut = true;
  // Out of memory here only means that the goodbye is not said.
  (void)mbedtls_ssl_close_notify(&session->ssl);
}

}  // namespace pester::wire

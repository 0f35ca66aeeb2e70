// SPDX-License-Identifier: MIT
// A TLS server of mbedTLS in this very process, and the two strings between it and a client session:
// no socket, no thread, so that a test decides each byte's moment. For tests of wire/tls only.
#ifndef PESTER_TEST_SUPPORT_TLS_SERVER_H_
#define PESTER_TEST_SUPPORT_TLS_SERVER_H_

#include <mbedtls/ssl_cache.h>
#include <mbedtls/ssl_ticket.h>
#include <stdlib.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "wire/tls.h"
#include "wire/tls_compat.h"

namespace pester::test {

using wire::TlsStatus;

// ---- the PKI -----------------------------------------------------------------------------------------

// Made once per test program by make_pki.sh; `pki("ca.pem")` is a path in it (a ring of eight results).
inline std::string& pki_directory() {
  static std::string directory;
  return directory;
}
inline bool make_pki() {
  char name[] = "/tmp/pester-pki-XXXXXX";
  if (mkdtemp(name) == nullptr) return false;
  pki_directory() = name;
  const std::string command = std::string(PESTER_TEST_SUPPORT_DIR "/make_pki.sh ") + name;
  return std::system(command.c_str()) == 0;
}
inline void remove_pki() {
  const std::string command = "rm -rf " + pki_directory();
  if (std::system(command.c_str()) != 0) std::fprintf(stderr, "%s failed\n", command.c_str());
}
inline const char* pki(const char* file) {
  static std::string ring[8];
  static size_t turn = 0;
  std::string& text = ring[turn++ % 8];
  text = pki_directory() + "/" + file;
  return text.c_str();
}
inline std::string file_text(const char* path) {
  std::string text;
  FILE* file = std::fopen(path, "rb");
  if (file == nullptr) return text;
  char part[4096];
  for (size_t n = 0; (n = std::fread(part, 1, sizeof part, file)) != 0;) text.append(part, n);
  std::fclose(file);
  return text;
}

// ---- the server --------------------------------------------------------------------------------------

struct ServerOptions {
  const char* certificate = "good";  // NAME.pem and NAME.key of the PKI
  int oldest = wire::kTls12;
  int newest = wire::kTlsNewest;
  bool tickets = true;
  uint32_t ticket_seconds = 86400;
  bool session_ids = false;
  const char* protocol = nullptr;  // ALPN
  bool wants_client = false;
  bool renegotiates = false;
};

// What outlives one connection: certificate, ticket keys, session cache.
struct Server {
  mbedtls_ssl_config config;
  mbedtls_x509_crt chain, ca;
  mbedtls_pk_context key;
  mbedtls_ssl_ticket_context tickets;
  mbedtls_ssl_cache_context ids;
  const char* protocols[2] = {};
  int tickets_accepted = 0;  // sessions resumed by ticket, as the server sees it

  static int accept_ticket(void* data, mbedtls_ssl_session* session, unsigned char* bytes, size_t size) {
    auto* server = static_cast<Server*>(data);
    const int code = mbedtls_ssl_ticket_parse(&server->tickets, session, bytes, size);
    if (code == 0) ++server->tickets_accepted;
    return code;
  }
  static int write_ticket(void* data, const mbedtls_ssl_session* session, unsigned char* start,
                          const unsigned char* end, size_t* size, uint32_t* lifetime) {
    return mbedtls_ssl_ticket_write(&static_cast<Server*>(data)->tickets, session, start, end, size,
                                    lifetime);
  }

  bool open(const ServerOptions& options) {
#if PESTER_MBEDTLS_3
    if (psa_crypto_init() != PSA_SUCCESS) return false;
#endif
    mbedtls_ssl_config_init(&config);
    mbedtls_x509_crt_init(&chain);
    mbedtls_x509_crt_init(&ca);
    mbedtls_pk_init(&key);
    mbedtls_ssl_ticket_init(&tickets);
    mbedtls_ssl_cache_init(&ids);
    tickets_accepted = 0;
    int code = mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                           MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_rng(&config, wire::tls_random, nullptr);
#if PESTER_MBEDTLS_3
    wire::tls_set_versions(&config, options.oldest, options.newest);
#else
    mbedtls_ssl_conf_min_version(&config, options.oldest >> 8, options.oldest & 0xff);
    mbedtls_ssl_conf_max_version(&config, options.newest >> 8, options.newest & 0xff);
#endif
    const std::string name = options.certificate;
    code |= mbedtls_x509_crt_parse_file(&chain, pki((name + ".pem").c_str()));
    code |= wire::tls_parse_key_file(&key, pki((name + ".key").c_str()), nullptr);
    code |= mbedtls_ssl_conf_own_cert(&config, &chain, &key);
    if (options.wants_client) {
      code |= mbedtls_x509_crt_parse_file(&ca, pki("ca.pem"));
      mbedtls_ssl_conf_ca_chain(&config, &ca, nullptr);
      mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_REQUIRED);
    }
    if (options.tickets) {
      code |= mbedtls_ssl_ticket_setup(&tickets, wire::tls_random, nullptr, MBEDTLS_CIPHER_AES_256_GCM,
                                       options.ticket_seconds);
      mbedtls_ssl_conf_session_tickets_cb(&config, write_ticket, accept_ticket, this);
    }
    if (options.session_ids) {
      mbedtls_ssl_conf_session_cache(&config, &ids, mbedtls_ssl_cache_get, mbedtls_ssl_cache_set);
    }
    if (options.protocol != nullptr) {
      protocols[0] = options.protocol;
      code |= mbedtls_ssl_conf_alpn_protocols(&config, protocols);
    }
    if (options.renegotiates) mbedtls_ssl_conf_renegotiation(&config, MBEDTLS_SSL_RENEGOTIATION_ENABLED);
    return code == 0;
  }
  // As a restart with new ticket keys does.
  bool forget_tickets() {
    mbedtls_ssl_ticket_free(&tickets);
    mbedtls_ssl_ticket_init(&tickets);
    return mbedtls_ssl_ticket_setup(&tickets, wire::tls_random, nullptr, MBEDTLS_CIPHER_AES_256_GCM,
                                    86400) == 0;
  }
  void close() {
    mbedtls_ssl_cache_free(&ids);
    mbedtls_ssl_ticket_free(&tickets);
    mbedtls_pk_free(&key);
    mbedtls_x509_crt_free(&ca);
    mbedtls_x509_crt_free(&chain);
    mbedtls_ssl_config_free(&config);
  }
};

// ---- one connection ----------------------------------------------------------------------------------

constexpr size_t kWhole = SIZE_MAX;

struct Connection {
  wire::TlsSession* client = nullptr;
  mbedtls_ssl_context server;
  std::string to_server, to_client;
  std::string lent;  // what the client holds right now
  size_t chunk = kWhole;
  int server_error = 0;
  bool server_done = false;
  bool cut = false;  // nothing more will come from the server

  static int server_receive(void* data, unsigned char* out, size_t size) {
    std::string& queue = static_cast<Connection*>(data)->to_server;
    if (queue.empty()) return MBEDTLS_ERR_SSL_WANT_READ;
    const size_t count = queue.copy(reinterpret_cast<char*>(out), size);
    queue.erase(0, count);
    return static_cast<int>(count);
  }
  static int server_send(void* data, const unsigned char* bytes, size_t size) {
    static_cast<Connection*>(data)->to_client.append(reinterpret_cast<const char*>(bytes), size);
    return static_cast<int>(size);
  }

  bool open(Server* from, wire::TlsContext* context, wire::BlockPool* pool, std::string_view host,
            wire::HostKind kind = wire::HostKind::name, uint16_t port = 443) {
    mbedtls_ssl_init(&server);
    if (mbedtls_ssl_setup(&server, &from->config) != 0) return false;
    mbedtls_ssl_set_bio(&server, this, server_send, server_receive, nullptr);
    return wire::tls_session_create(&client, context, pool, host, kind, port) == 0;
  }
  void close() {
    wire::tls_session_free(client);
    mbedtls_ssl_free(&server);
    client = nullptr;
  }

  // Moves what the client has to say; true if it was anything.
  bool take_output() {
    const std::string_view out = wire::tls_output(client);
    if (out.empty()) return false;
    to_server.append(out);
    wire::tls_output_consume(client, out.size());
    return true;
  }
  // Lends the client the next bytes; true if there were any or the end was told.
  bool feed() {
    if (to_client.empty()) {
      if (!cut) return false;
      wire::tls_feed_end(client);
      return true;
    }
    lent = to_client.substr(0, chunk);
    lent.shrink_to_fit();  // so that a read past the lent bytes is seen by the sanitizer
    to_client.erase(0, lent.size());
    wire::tls_feed(client, lent);
    return true;
  }
  void serve() {
    if (server_done || server_error != 0) return;
    const int code = mbedtls_ssl_handshake(&server);
    server_done = code == 0;
    if (code != 0 && code != MBEDTLS_ERR_SSL_WANT_READ) {
      server_error = code;
      cut = true;
    }
  }
  // The client's verdict; want_input when both sides wait.
  TlsStatus handshake() {
    for (;;) {
      const TlsStatus status = wire::tls_handshake(client);
      const bool said = take_output();
      serve();
      if (status != TlsStatus::want_input) return status;
      if (!feed() && !said) return status;
    }
  }
  // What the client makes of all that the server sent: appended to `text` until something but data.
  TlsStatus read_all(std::string* text) {
    static char room[20000];
    for (;;) {
      size_t count = 0;
      const TlsStatus status = wire::tls_read(client, room, sizeof room, &count);
      if (status == TlsStatus::ok) text->append(room, count);
      if (status == TlsStatus::ok) continue;
      if (status != TlsStatus::want_input || !feed()) return status;
    }
  }
  // The server's application data, encrypted whole.
  bool server_says(std::string_view text) {
    while (!text.empty()) {
      const int code =
          mbedtls_ssl_write(&server, reinterpret_cast<const unsigned char*>(text.data()), text.size());
      if (code <= 0) return false;
      text.remove_prefix(static_cast<size_t>(code));
    }
    return true;
  }
  // What the server has got so far; server_error tells of an end.
  std::string server_hears() {
    std::string text;
    unsigned char room[4096];
    for (;;) {
      const int code = mbedtls_ssl_read(&server, room, sizeof room);
      if (code <= 0) {
        server_error = code == MBEDTLS_ERR_SSL_WANT_READ ? server_error : code;
        return text;
      }
      text.append(reinterpret_cast<const char*>(room), static_cast<size_t>(code));
    }
  }
};

}  // namespace pester::test

#endif

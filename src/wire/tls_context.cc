// SPDX-License-Identifier: MIT
#include "wire/tls_context.h"

#include <mbedtls/ecp.h>
#include <mbedtls/platform_util.h>

#include <cstring>
#include <new>
#include <utility>

#include "core/assert.h"
#include "pester/errors.h"
#include "wire/tls_session.h"
#include "wire/tls_words.h"
#include "wire/trust.h"

namespace pester::wire {

namespace {

int refuse_option(core::Why* why, const char* text) {
  why->add(text);
  return PESTER_EOPTION;
}

int check_options(TlsOptions* options, core::Why* why) {
  if (options->min_version == 0) options->min_version = kTls12;
  if (options->max_version == 0) options->max_version = kTls13;
  const int oldest = options->min_version;
  const int newest = options->max_version;
  if (oldest < kTls12 || oldest > kTls13) return refuse_option(why, "min_version: TLS 1.2 or 1.3");
  if (newest < kTls12 || newest > kTls13) return refuse_option(why, "max_version: TLS 1.2 or 1.3");
  if (oldest > newest) return refuse_option(why, "min_version is above max_version");
  if (oldest > kTlsNewest) return refuse_option(why, "min_version: this mbedTLS has no TLS 1.3");
  if (options->max_version > kTlsNewest) options->max_version = kTlsNewest;
  if (options->key_file != nullptr && options->cert_file == nullptr) {
    return refuse_option(why, "key_file without cert_file");
  }
  return 0;
}

// The strings that have to outlive the caller's.
constexpr const char* TlsOptions::*kTexts[] = {
    &TlsOptions::ca_file,  &TlsOptions::ca_dir,       &TlsOptions::ca_pem,     &TlsOptions::cert_file,
    &TlsOptions::key_file, &TlsOptions::key_password, &TlsOptions::pinned_spki};

int copy_texts(TlsContext* context) {
  TlsOptions& options = context->options;
  for (const auto text : kTexts) {
    if (options.*text != nullptr) context->text_size += std::strlen(options.*text) + 1;
  }
  if (context->text_size == 0) return 0;
  const Allocator& a = context->allocator;
  context->text = static_cast<char*>(a.alloc(context->text_size, a.data));
  if (context->text == nullptr) return kTlsNoMemory;
  char* at = context->text;
  for (const auto text : kTexts) {
    if (options.*text == nullptr) continue;
    const size_t size = std::strlen(options.*text) + 1;
    std::memcpy(at, options.*text, size);
    options.*text = at;
    at += size;
  }
  return 0;
}

int load_own_ca(TlsContext* context, core::Why* why) {
  const TlsOptions& options = context->options;
  int code = 0;
  if (options.ca_file != nullptr) code = trust_load_file(&context->own_ca, options.ca_file, why);
  if (code == 0 && options.ca_dir != nullptr) {
    code = trust_load_directory(&context->own_ca, options.ca_dir, why);
  }
  if (code == 0 && options.ca_pem != nullptr)
    code = trust_load_pem(&context->own_ca, options.ca_pem, why);
  if (code == 0) mbedtls_ssl_conf_ca_chain(&context->config, &context->own_ca, nullptr);
  return code;
}

int load_trust(TlsContext* context, core::Why* why) {
  const TlsOptions& options = context->options;
  if (options.ca_file != nullptr || options.ca_dir != nullptr || options.ca_pem != nullptr) {
    return load_own_ca(context, why);
  }
  const mbedtls_x509_crt* system = nullptr;
  core::Why unused;
  const int code = trust_acquire_system(&system, options.verify ? why : &unused);
  // Unverified, the store only serves to tell what verification would have said.
  if (code != 0) return options.verify || code == kTlsNoMemory ? code : 0;
  context->shares_system = true;
  // mbedTLS takes a mutable chain and only reads it.
  mbedtls_ssl_conf_ca_chain(&context->config, const_cast<mbedtls_x509_crt*>(system), nullptr);
  return 0;
}

int refuse_client(const char* what, const char* path, int code, core::Why* why) {
  if (tls_is_no_memory(code)) return kTlsNoMemory;
  why->add(what).add(" ").add(path).add(": ");
  tls_add_file_code(code, why);
  return PESTER_ECLIENTCERT;
}

int load_client_certificate(TlsContext* context, core::Why* why) {
  const TlsOptions& options = context->options;
  if (options.cert_file == nullptr) return 0;
  int code = tls_parse_certificate_file(&context->client_chain, options.cert_file);
  if (code > 0) code = MBEDTLS_ERR_X509_INVALID_FORMAT;  // a chain with a hole is no chain
  if (code != 0) return refuse_client("client certificate", options.cert_file, code, why);

  const char* key_file = options.key_file != nullptr ? options.key_file : options.cert_file;
  code = tls_parse_key_file(&context->client_key, key_file, options.key_password);
  if (code != 0) return refuse_client("client key", key_file, code, why);
  code = tls_check_pair(&context->client_chain.pk, &context->client_key);
  if (code != 0) {
    if (tls_is_no_memory(code)) return kTlsNoMemory;
    why->add("client key ").add(key_file).add(": does not belong to ").add(options.cert_file);
    return PESTER_ECLIENTCERT;
  }
  code = mbedtls_ssl_conf_own_cert(&context->config, &context->client_chain, &context->client_key);
  return code == 0 ? 0 : kTlsNoMemory;
}

#if PESTER_WIRE_TLS_1_3
// 3.6 offers RSA-PSS, which TLS 1.3 needs, before PKCS #1, and then cannot check a PSS signature when
// the server speaks TLS 1.2 and takes the first offer (against RFC 8446 §4.2.3): every RSA server of
// TLS 1.2 on OpenSSL would be out of reach. PKCS #1 first costs nothing: TLS 1.3 does not sign with it.
// What remains out of reach is such a server that insists on its own order; max_version 1.2 helps there.
constexpr uint16_t kSignatures[] = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512, MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,       MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,    MBEDTLS_TLS1_3_SIG_NONE};
#endif

#if !PESTER_MBEDTLS_3
// 2.28 prefers the largest curves, which doubles the time of a handshake. The list also limits the
// curves of certificates, hence the rest. 3.6 has this order by itself.
constexpr mbedtls_ecp_group_id kCurves[] = {MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1,
                                            MBEDTLS_ECP_DP_SECP384R1,  MBEDTLS_ECP_DP_SECP521R1,
                                            MBEDTLS_ECP_DP_BP256R1,    MBEDTLS_ECP_DP_BP384R1,
                                            MBEDTLS_ECP_DP_BP512R1,    MBEDTLS_ECP_DP_NONE};
#endif

#if defined(MBEDTLS_DHM_C)
// As OpenSSL at its usual level; mbedTLS would take 1024 (weakdh.org).
constexpr unsigned kDhBitsMin = 2048;
#endif

int configure(TlsContext* context) {
  mbedtls_ssl_config* config = &context->config;
  const TlsOptions& options = context->options;
  if (mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                  MBEDTLS_SSL_PRESET_DEFAULT) != 0) {
    return kTlsNoMemory;
  }
  mbedtls_ssl_conf_rng(config, tls_random, nullptr);
  tls_set_versions(config, options.min_version, options.max_version);
  // Never VERIFY_NONE: with it the certificate callback, which says that there was a full handshake, is
  // not called, and nobody would learn what verification would have said.
  mbedtls_ssl_conf_authmode(config,
                            options.verify ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_OPTIONAL);
  mbedtls_ssl_conf_session_tickets(config, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
#if defined(MBEDTLS_DHM_C)
  mbedtls_ssl_conf_dhm_min_bitlen(config, kDhBitsMin);
#endif
#if !PESTER_MBEDTLS_3
  mbedtls_ssl_conf_curves(config, kCurves);
#endif
#if PESTER_WIRE_TLS_1_3
  mbedtls_ssl_conf_sig_algs(config, kSignatures);
  mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
      config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
  // Resumption without a fresh key exchange would give up forward secrecy.
  mbedtls_ssl_conf_tls13_key_exchange_modes(config, MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL);
#endif
  if (options.key_log_cb != nullptr) tls_key_log_configure(context);
  return mbedtls_ssl_conf_alpn_protocols(config, context->alpn) == 0 ? 0 : kTlsNoMemory;
}

void init_parts(TlsContext* context) {
  mbedtls_ssl_config_init(&context->config);
  mbedtls_x509_crt_init(&context->own_ca);
  mbedtls_x509_crt_init(&context->client_chain);
  mbedtls_pk_init(&context->client_key);
}

// What load() made.
void free_parts(TlsContext* context) {
  mbedtls_ssl_config_free(&context->config);
  mbedtls_x509_crt_free(&context->own_ca);
  mbedtls_x509_crt_free(&context->client_chain);
  mbedtls_pk_free(&context->client_key);
  if (context->shares_system) trust_release_system();
  context->shares_system = false;
}

}  // namespace

int tls_context_create(TlsContext** context, const TlsOptions& options, const Allocator& allocator,
                       core::Why* why) {
  TlsOptions checked = options;
  TlsPins pins;
  int code = check_options(&checked, why);
  if (code == 0 && checked.pinned_spki != nullptr) code = parse_pins(checked.pinned_spki, &pins, why);
  if (code != 0) return code;

  void* block = allocator.alloc(sizeof(TlsContext), allocator.data);
  if (block == nullptr) return kTlsNoMemory;
  auto* made = new (block) TlsContext{};
  made->allocator = allocator;
  made->options = checked;
  made->pins = pins;
  made->cache.init(allocator);
  init_parts(made);
  code = copy_texts(made);
  if (code != 0) {
    tls_context_free(made);
    return code;
  }
  *context = made;
  return 0;
}

int tls_context_load(TlsContext* context, core::Why* why) {
  PESTER_ASSERT(!context->configured);
#if PESTER_MBEDTLS_3
  if (psa_crypto_init() != PSA_SUCCESS) return kTlsNoMemory;  // does nothing from the second call on
#endif
  int code = configure(context);
  if (code == 0) code = load_trust(context, why);
  if (code == 0) code = load_client_certificate(context, why);
  context->configured = code == 0;
  if (code != 0) {
    free_parts(context);
    init_parts(context);
  }
  return code;
}

void tls_context_forget_sessions(TlsContext* context) {
  context->cache.clear();
}

const TlsOptions& tls_context_options(const TlsContext* context) {
  return context->options;
}

bool tls_same_options(const TlsOptions& a, const TlsOptions& b) {
  for (const auto text : kTexts) {
    const char* const one = a.*text;
    const char* const other = b.*text;
    if ((one == nullptr) != (other == nullptr)) return false;
    if (one != nullptr && one != other && std::strcmp(one, other) != 0) return false;
  }
  const auto versions = [](const TlsOptions& options) {
    const int oldest = options.min_version == 0 ? kTls12 : options.min_version;
    const int newest = options.max_version == 0 ? kTls13 : options.max_version;
    return std::pair(oldest, newest > kTlsNewest && newest <= kTls13 ? kTlsNewest : newest);
  };
  return a.verify == b.verify && versions(a) == versions(b) && a.verify_cb == b.verify_cb &&
         a.verify_data == b.verify_data && a.key_log_cb == b.key_log_cb &&
         a.key_log_data == b.key_log_data;
}

// Each text by the hash of it, so that no two run into each other.
bool tls_digest_options(const TlsOptions& options, unsigned char (&digest)[32]) {
  constexpr size_t kTextCount = sizeof kTexts / sizeof kTexts[0];
  unsigned char all[4 + 33 * kTextCount] = {static_cast<unsigned char>(options.verify),
                                            static_cast<unsigned char>(options.verify_cb != nullptr),
                                            static_cast<unsigned char>(options.min_version),
                                            static_cast<unsigned char>(options.max_version)};
  unsigned char* at = all + 4;
  for (const auto text : kTexts) {
    const char* const bytes = options.*text;
    *at++ = bytes != nullptr ? 1 : 0;
    if (bytes != nullptr) {
      const auto* const first = reinterpret_cast<const unsigned char*>(bytes);
      if (tls_sha256(first, std::strlen(bytes), at) != 0) return false;
    }
    at += 32;
  }
  return tls_sha256(all, sizeof all, digest) == 0;
}

void tls_context_free(TlsContext* context) {
  if (context == nullptr) return;
  PESTER_ASSERT(context->sessions == 0);
  const Allocator allocator = context->allocator;
  context->cache.clear();
  free_parts(context);
  if (context->text != nullptr) {
    mbedtls_platform_zeroize(context->text, context->text_size);  // it held the key's password
    allocator.release(context->text, allocator.data);
  }
  allocator.release(context, allocator.data);
}

}  // namespace pester::wire

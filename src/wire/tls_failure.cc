// SPDX-License-Identifier: MIT
// How a TLS session ended: mbedTLS's answers turned into Pester's errors and a sentence each. Also what
// is told about a session from outside.
#include "pester/errors.h"
#include "wire/tls_session.h"
#include "wire/tls_words.h"

namespace pester::wire {

namespace {

#if PESTER_MBEDTLS_3
constexpr int kBadCertificate = MBEDTLS_ERR_SSL_BAD_CERTIFICATE;
#else
constexpr int kBadCertificate = MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE;
#endif

// A certificate that mbedTLS cannot even read: a critical extension that it does not know, for one.
bool is_unreadable_certificate(int code) {
  return code <= MBEDTLS_ERR_X509_FEATURE_UNAVAILABLE && code > MBEDTLS_ERR_X509_CERT_VERIFY_FAILED;
}

uint32_t failed_flags(const TlsSession& session) {
  const uint32_t result = mbedtls_ssl_get_verify_result(&session.ssl);
  constexpr uint32_t kNotKnown = 0xFFFFFFFF;
  return result == kNotKnown ? session.flags_seen : result | session.flags_seen;
}

int refuse_certificate(TlsSession* session, int code) {
  const uint32_t flags = failed_flags(*session);
  session->why.add("the certificate of ").add(session->host());
  if (flags == 0) {
    session->why.add(": ");
    tls_add_code(code, &session->why);
    return PESTER_ECERTIFICATE;
  }
  session->why.add(" is ");
  tls_add_verify_flags(flags, &session->why);
  session->verify_text.clear();
  tls_add_verify_flags(flags, &session->verify_text);
  if ((flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0) {
    session->why.add("; it is for ").add(session->named.view());
  }
  return PESTER_ECERTIFICATE;
}

int explain_handshake(TlsSession* session, int code) {
  core::Why& why = session->why;
  if (session->pin_refused) {
    why.add("the public key of ").add(session->host()).add(" is none of the pinned ones");
    return PESTER_EPIN;
  }
  if (code == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED || code == kBadCertificate ||
      code == MBEDTLS_ERR_SSL_CA_CHAIN_REQUIRED || is_unreadable_certificate(code)) {
    return refuse_certificate(session, code);
  }
  if (code == MBEDTLS_ERR_SSL_CONN_EOF) {
    why.add("the server closed the connection during the TLS handshake");
    return PESTER_EEMPTY;
  }
  if (code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
    why.add("the server ended the TLS handshake");
    return PESTER_ETLS;
  }
  if (code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
    why.add("the server refused the TLS handshake: ");
    tls_add_alert(tls_last_alert(session->ssl), &why);
    return PESTER_ETLS;
  }
  why.add("TLS handshake: ");
  tls_add_code(code, &why);
  return PESTER_ETLS;
}

int explain_data(TlsSession* session, int code) {
  core::Why& why = session->why;
  if (session->flooded) {
    why.add("the server provokes TLS messages and does not read them");
  } else if (code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
    why.add("the server broke TLS off: ");
    tls_add_alert(tls_last_alert(session->ssl), &why);
  } else {
    why.add("TLS: ");
    tls_add_code(code, &why);
  }
  return PESTER_ETLSDATA;
}

}  // namespace

TlsStatus tls_fail(TlsSession* session, int code) {
  session->why.clear();
  if (tls_is_no_memory(code)) {
    session->error = kTlsNoMemory;
    session->why.add("out of memory in TLS");
  } else if (session->state == TlsState::handshaking) {
    session->error = explain_handshake(session, code);
    // Perhaps the offered session was the reason: the next try does without.
    if (session->offered != 0) session->context->cache.drop(session->offered);
  } else {
    session->error = explain_data(session, code);
  }
  session->state = TlsState::failed;
  session->input = {};
  return TlsStatus::failed;
}

TlsStatus tls_end(TlsSession* session, TlsState state) {
  session->state = state;
  session->input = {};
  if (state == TlsState::truncated) session->why.add("the TLS stream ended without close_notify");
  return tls_ending(session);
}

TlsStatus tls_ending(const TlsSession* session) {
  switch (session->state) {
    case TlsState::closed:
      return TlsStatus::closed;
    case TlsState::truncated:
      return TlsStatus::truncated;
    case TlsState::handshaking:
    case TlsState::open:
      return TlsStatus::want_input;
    case TlsState::failed:
      break;
  }
  return TlsStatus::failed;
}

int tls_error(const TlsSession* session) {
  return session->error;
}

const core::Why& tls_why(const TlsSession* session) {
  return session->why;
}

const TlsInfo& tls_info(const TlsSession* session) {
  return session->info;
}

std::string_view tls_peer_leaf(const TlsSession* session) {
  if (session->info.resumed) return session->leaf.view();
  const mbedtls_x509_crt* leaf = mbedtls_ssl_get_peer_cert(&session->ssl);
  if (leaf == nullptr) return {};
  return {reinterpret_cast<const char*>(leaf->raw.p), leaf->raw.len};
}

const char* tls_verify_error(const TlsSession* session) {
  return session->verify_text.empty() ? nullptr : session->verify_text.c_str();
}

}  // namespace pester::wire

// SPDX-License-Identifier: MIT
#include "api/tls.h"

#include <cstring>

#include "api/objects.h"
#include "api/policy_reader.h"

namespace pester::api {

int read_tls(const pester_tls_options_t* from, wire::TlsOptions* out, core::Why* why) {
  if (from == nullptr) return 0;
  pester_tls_options_t given;
  if (!read_sized(&given, from)) return refuse(why, "tls", "not initialised");
  out->verify = given.verify != PESTER_NONE;
  out->ca_file = given.ca_file;
  out->ca_dir = given.ca_dir;
  out->ca_pem = given.ca_pem;
  out->cert_file = given.cert_file;
  out->key_file = given.key_file;
  out->key_password = given.key_password;
  out->pinned_spki = given.pinned_spki;
  if (given.min_version != PESTER_TLS_DEFAULT) out->min_version = given.min_version;
  if (given.max_version != PESTER_TLS_DEFAULT) out->max_version = given.max_version;
  out->verify_cb = given.verify_cb;
  out->verify_data = given.verify_data;
  out->key_log_cb = given.keylog_cb;
  out->key_log_data = given.keylog_data;
  return 0;
}

}  // namespace pester::api

void pester_tls_options_init_sized(pester_tls_options_t* tls, size_t struct_size) {
  std::memset(tls, 0, struct_size);
  tls->struct_size = struct_size;
}

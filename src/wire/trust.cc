// SPDX-License-Identifier: MIT
#include "wire/trust.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstring>

#include "pester/errors.h"
#include "wire/tls_compat.h"
#include "wire/tls_words.h"

namespace pester::wire {

namespace {

constexpr const char* kSystemFiles[] = {
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Arch, Alpine, Gentoo
    "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",                             // SUSE
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // RHEL 7, CentOS
    "/etc/pki/tls/cacert.pem",                            // OpenELEC
    "/etc/ssl/cert.pem",                                  // Alpine, OpenBSD, macOS
    "/usr/local/share/certs/ca-root-nss.crt",             // FreeBSD
    "/usr/local/etc/ssl/cert.pem",                        // FreeBSD
    "/etc/certs/ca-certificates.crt",                     // Solaris
};
constexpr const char* kSystemDirectories[] = {
    "/etc/ssl/certs", "/etc/pki/tls/certs",
    "/system/etc/security/cacerts",  // Android
};

int refuse(const char* what, const char* path, int code, core::Why* why) {
  if (tls_is_no_memory(code)) return kTlsNoMemory;
  why->add(what).add(" ").add(path).add(": ");
  tls_add_file_code(code, why);
  return PESTER_ETRUST;
}

bool holds(const mbedtls_x509_crt& chain, const mbedtls_x509_buf& der) {
  for (const auto* at = &chain; at != nullptr && at->raw.p != nullptr; at = at->next) {
    if (at->raw.len == der.len && std::memcmp(at->raw.p, der.p, der.len) == 0) return true;
  }
  return false;
}

// Adds to `chain` what it does not hold yet, and counts what was found. Negative only when memory is
// out.
int append_new(mbedtls_x509_crt* chain, const mbedtls_x509_crt& found, size_t* count) {
  for (const auto* at = &found; at != nullptr && at->raw.p != nullptr; at = at->next) {
    ++*count;
    if (holds(*chain, at->raw)) continue;
    if (tls_is_no_memory(mbedtls_x509_crt_parse_der(chain, at->raw.p, at->raw.len))) return kTlsNoMemory;
  }
  return 0;
}

// Adds one file of a directory. What is no certificate is none of our business.
int append_file(mbedtls_x509_crt* chain, const char* path, size_t* count) {
  struct stat status;
  if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  mbedtls_x509_crt found;
  mbedtls_x509_crt_init(&found);
  int code = mbedtls_x509_crt_parse_file(&found, path);
  code = tls_is_no_memory(code) ? kTlsNoMemory : append_new(chain, found, count);
  mbedtls_x509_crt_free(&found);
  return code;
}

bool exists(const char* path) {
  struct stat status;
  return stat(path, &status) == 0;
}

}  // namespace

int trust_load_file(mbedtls_x509_crt* chain, const char* path, core::Why* why) {
  const int code = tls_parse_certificate_file(chain, path);
  return code >= 0 ? 0 : refuse("CA file", path, code, why);
}

int trust_load_pem(mbedtls_x509_crt* chain, const char* pem, core::Why* why) {
  // The length counts the NUL: that is how mbedTLS tells PEM from DER.
  const int code =
      mbedtls_x509_crt_parse(chain, reinterpret_cast<const unsigned char*>(pem), std::strlen(pem) + 1);
  return code >= 0 ? 0 : refuse("CA certificates", "in memory", code, why);
}

int trust_load_directory(mbedtls_x509_crt* chain, const char* path, core::Why* why) {
  DIR* directory = opendir(path);
  if (directory == nullptr) {
    return errno == ENOMEM ? kTlsNoMemory
                           : refuse("CA directory", path, MBEDTLS_ERR_X509_FILE_IO_ERROR, why);
  }
  int code = 0;
  size_t count = 0;
  while (code == 0) {
    const dirent* entry = readdir(directory);
    if (entry == nullptr) break;
    char file[4096];
    const int size = std::snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
    if (size > 0 && static_cast<size_t>(size) < sizeof file) code = append_file(chain, file, &count);
  }
  closedir(directory);
  if (code != 0) return code;
  if (count != 0) return 0;
  why->add("CA directory ").add(path).add(": holds no CA certificate");
  return PESTER_ETRUST;
}

int trust_load_first(mbedtls_x509_crt* chain, std::span<const char* const> files,
                     std::span<const char* const> directories, core::Why* why) {
  for (const char* file : files) {
    if (exists(file)) return trust_load_file(chain, file, why);
  }
  for (const char* directory : directories) {
    core::Why passed_over;
    const int code = trust_load_directory(chain, directory, &passed_over);
    if (code != PESTER_ETRUST) return code;
  }
  why->add("no CA certificates on this system, as looked for in");
  for (const char* file : files) why->add(" ").add(file);
  return PESTER_ETRUST;
}

namespace {

// The one mutable global of this layer.
struct SystemStore {
  pthread_mutex_t mutex;
  size_t users;
  bool survives_fork;
  mbedtls_x509_crt chain;
};
SystemStore system_store = {PTHREAD_MUTEX_INITIALIZER, 0, false, {}};

void lock_store() {
  pthread_mutex_lock(&system_store.mutex);
}
void unlock_store() {
  pthread_mutex_unlock(&system_store.mutex);
}

// With the mutex held.
int fill_store(core::Why* why) {
  if (!system_store.survives_fork) {
    // Otherwise a fork during another thread's parsing would leave the child a locked mutex for ever.
    if (pthread_atfork(lock_store, unlock_store, unlock_store) != 0) return kTlsNoMemory;
    system_store.survives_fork = true;
  }
  mbedtls_x509_crt_init(&system_store.chain);
  const int code = trust_load_first(&system_store.chain, kSystemFiles, kSystemDirectories, why);
  if (code != 0) mbedtls_x509_crt_free(&system_store.chain);
  return code;
}

}  // namespace

int trust_acquire_system(const mbedtls_x509_crt** chain, core::Why* why) {
  lock_store();
  const int code = system_store.users == 0 ? fill_store(why) : 0;
  if (code == 0) {
    ++system_store.users;
    *chain = &system_store.chain;
  }
  unlock_store();
  return code;
}

void trust_release_system() {
  lock_store();
  if (--system_store.users == 0) mbedtls_x509_crt_free(&system_store.chain);
  unlock_store();
}

}  // namespace pester::wire

// SPDX-License-Identifier: MIT
// getaddrinfo, blocking. Refuses to know caches and who asked.
#include "uv/name_lookup.h"

#include <netdb.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/assert.h"

namespace pester::uv {

namespace {

int uv_error_of(int error) {
  switch (error) {
    case 0:
      return 0;
    case EAI_ADDRFAMILY:
      return UV_EAI_ADDRFAMILY;
    case EAI_AGAIN:
      return UV_EAI_AGAIN;
    case EAI_BADFLAGS:
      return UV_EAI_BADFLAGS;
    case EAI_FAIL:
      return UV_EAI_FAIL;
    case EAI_FAMILY:
      return UV_EAI_FAMILY;
    case EAI_MEMORY:
      return UV_EAI_MEMORY;
    case EAI_NODATA:
      return UV_EAI_NODATA;
    case EAI_NONAME:
      return UV_EAI_NONAME;
    case EAI_OVERFLOW:
      return UV_EAI_OVERFLOW;
    case EAI_SERVICE:
      return UV_EAI_SERVICE;
    case EAI_SOCKTYPE:
      return UV_EAI_SOCKTYPE;
    // Out of descriptors, a name service that is down: likely to pass.
    case EAI_SYSTEM:
      return errno == ENOMEM ? UV_EAI_MEMORY : UV_EAI_AGAIN;
  }
  return UV_EAI_FAIL;
}

bool is_localhost(std::string_view host) {
  constexpr std::string_view kName = "localhost";
  if (!host.ends_with(kName)) return false;
  return host.size() == kName.size() || host[host.size() - kName.size() - 1] == '.';
}

// RFC 6761 §6.3: these names are the loopback, whether or not a hosts file says so.
void add_loopbacks(Interleaver* found, int family) {
  Address loopback;
  if (family != 4 && parse_address("::1", {}, &loopback)) found->add(loopback);
  if (family != 6 && parse_address("127.0.0.1", {}, &loopback)) found->add(loopback);
}

void add_found(Interleaver* found, const addrinfo* list) {
  for (const addrinfo* info = list; info != nullptr; info = info->ai_next) {
    Address address;
    std::memset(&address, 0, sizeof address);
    if (info->ai_addr == nullptr || info->ai_addrlen > sizeof address) continue;
    std::memcpy(&address, info->ai_addr, info->ai_addrlen);
    set_port(&address, 0);
    found->add(address);
  }
}

void run(Job* job) {
  auto* lookup = reinterpret_cast<NameLookup*>(job);
  lookup->error = lookup->ask(lookup->host, lookup->family, &lookup->addresses);
  if (lookup->error == 0 && lookup->addresses.count == 0) lookup->error = UV_EAI_NODATA;
  if (lookup->error != 0) lookup->addresses.count = 0;
}

void discard(Job* job) {
  std::free(reinterpret_cast<NameLookup*>(job));
}

}  // namespace

int system_getaddrinfo(const char* host, int family, Addresses* out) {
  const bool local = is_localhost(host);
  addrinfo hints;
  std::memset(&hints, 0, sizeof hints);
  hints.ai_family = family == 4 ? AF_INET : family == 6 ? AF_INET6 : AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  // No AAAA questions where there is no IPv6 but on the loopback. Not for localhost, which would lose
  // ::1 by it; not for a family that was asked for, since its absence should show as what it is.
  if (family == 0 && !local) hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  const int error = uv_error_of(getaddrinfo(host, nullptr, &hints, &list));
  Interleaver found;
  if (error == 0) {
    add_found(&found, list);
    freeaddrinfo(list);
  } else if (local) {
    add_loopbacks(&found, family);
  }
  found.finish(out);
  if (out->count != 0) return 0;
  return error != 0 ? error : UV_EAI_NODATA;
}

NameLookup* name_lookup_new(std::string_view host, int family, GetaddrinfoFn ask) {
  PESTER_ASSERT(host.size() <= kNameBytesMax);
  auto* lookup = static_cast<NameLookup*>(std::malloc(sizeof(NameLookup)));
  if (lookup == nullptr) return nullptr;
  lookup->job = Job{};
  lookup->job.run = run;
  lookup->job.discard = discard;
  lookup->ask = ask;
  lookup->family = family;
  lookup->error = UV_EAI_FAIL;
  lookup->addresses.count = 0;
  std::memcpy(lookup->host, host.data(), host.size());
  lookup->host[host.size()] = '\0';
  return lookup;
}

}  // namespace pester::uv

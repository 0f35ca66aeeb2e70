// SPDX-License-Identifier: MIT
// Answers of the user's to questions for names.
#include <string_view>

#include "api/objects.h"
#include "core/text.h"

namespace pester::api {

namespace {

static_assert(PESTER_RESOLVE_ADDRESSES_MAX == uv::kAddressesMax);

// "192.0.2.1", "fe80::1%eth0"
bool read_address(std::string_view text, uv::Address* address) {
  const size_t percent = text.find('%');
  if (percent == std::string_view::npos) return uv::parse_address(text, {}, address);
  const std::string_view zone = core::part(text, percent + 1);
  return !zone.empty() && uv::parse_address(core::part(text, 0, percent), zone, address);
}

// The families interleaved, as those of the system are.
int read_addresses(const char* const* given, size_t count, uv::Addresses* addresses) {
  uv::Interleaver found;
  for (size_t i = 0; i < count; ++i) {
    uv::Address address;
    if (given[i] == nullptr || !read_address(given[i], &address)) return UV_EINVAL;
    found.add(address);
  }
  found.finish(addresses);
  return 0;
}

}  // namespace

}  // namespace pester::api

int pester_resolve_done(pester_client_t* client, pester_resolve_token_t token, int error,
                        const char* const* addresses, size_t count) {
  if (client == nullptr || error > 0 || (addresses == nullptr && count != 0)) return UV_EINVAL;
  pester::uv::Addresses read;
  if (error == 0) {
    if (const int rc = pester::api::read_addresses(addresses, count, &read); rc != 0) return rc;
  }
  return pester::uv::client_answer(*client->client, token, error, read);
}

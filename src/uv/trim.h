// SPDX-License-Identifier: MIT
// What a client gives back when it is asked to, or when memory ran out: idle connections, and all that
// is kept to be quicker next time. Requests in flight are left alone.
#ifndef PESTER_UV_TRIM_H_
#define PESTER_UV_TRIM_H_

#include <cstddef>
#include <cstdint>

namespace pester::uv {

struct Client;

// Returns how many were closed.
uint32_t client_close_idle(Client& client);
// Returns the bytes that went back to the allocator at once.
size_t client_trim(Client& client);
// The client's pool had no block to give: what idles is closed soon. From within any call.
void client_starved(void* client);

}  // namespace pester::uv

#endif

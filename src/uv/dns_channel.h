// SPDX-License-Identifier: MIT
// A client's channel to DNS servers: c-ares on the client's loop. Its sockets are polled like the
// client's own, its timeouts are of the client's one timer; no thread is needed, and none hangs. Refuses
// to know who waits for a name.
#ifndef PESTER_UV_DNS_CHANNEL_H_
#define PESTER_UV_DNS_CHANNEL_H_

#include <cstdint>

#include "core/types.h"
#include "uv/resolver.h"

namespace pester::uv {

struct Client;
class DnsChannel;

// UV_ENOMEM, or UV_EAI_FAIL when c-ares cannot begin. Reads resolv.conf, once.
[[nodiscard]] int dns_channel_create(DnsChannel** channel, Client& client);
// Asks; the answer goes to resolver_answer, in here or later, within the client's entry.
void dns_channel_ask(DnsChannel& channel, const NameQuestion& question, uint64_t token, core::Now now);
// The client's timer is over, perhaps for the channel's sake.
void dns_channel_expire(DnsChannel& channel, core::Now now);
// Gives up what is being asked: nobody hears of it. nullptr is fine.
void dns_channel_free(DnsChannel* channel, Client& client);

}  // namespace pester::uv

#endif

// SPDX-License-Identifier: MIT
// What is told of a request beside its result: a line of the log for each attempt that failed, and the
// events on the wire for those who listen. Refuses to know when it is told: the pump does.
#ifndef PESTER_UV_JOURNAL_H_
#define PESTER_UV_JOURNAL_H_

#include <string_view>

#include "core/objects.h"
#include "uv/request.h"

namespace pester::uv {

struct Client;

// Attempts that failed and were not told yet: to the log, the hook, or both.
void journal_tell_failures(Client& client, Request& request);
// What became of exchanges that were not told yet, for those who listen to the wire.
void journal_tell_ends(Client& client, Request& request);

// An event of the wire, to be told by the pump, with a copy of its text; left out beyond kTraceBytesMax
// and when memory is out.
void journal_add(Client& client, core::Lane& lane, Trace event, std::string_view text);
// A response's head as such an event.
void journal_head(Client& client, core::Lane& lane, const wire::ResponseHead& head);
// Tells those that were added.
void journal_tell_traces(Client& client, Request& request);

}  // namespace pester::uv

#endif

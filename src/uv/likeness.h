// SPDX-License-Identifier: MIT
// What makes two requests the same: a key of the method, the URL and the whole head as it is sent, names
// of fields in lower case, and of how the answer is read. Refuses to know who else has sent one.
#ifndef PESTER_UV_LIKENESS_H_
#define PESTER_UV_LIKENESS_H_

#include "uv/request.h"

namespace pester::uv {

struct Client;

// What stands in a request's heads beside its key.
struct Likeness {
  bool is_personal = false;   // Authorization, Cookie: it is for one alone
  bool wants_anew = false;    // Cache-Control: no-store or no-cache, Pragma: no-cache
  bool wants_a_part = false;  // Range
};
[[nodiscard]] Likeness look_at(const Request& request);
// False when memory is out.
[[nodiscard]] bool write_key(Client& client, const Request& request, wire::Bytes* key);

}  // namespace pester::uv

#endif

// SPDX-License-Identifier: MIT
// HTTP's authentication on a challenge (RFC 9110 §11, RFC 7616): what a 401 asks for, and the
// credentials that answer it. Refuses to know who may get them, and keeps no password.
#ifndef PESTER_WIRE_DIGEST_AUTH_H_
#define PESTER_WIRE_DIGEST_AUTH_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wire/memory.h"
#include "wire/response_head.h"

namespace pester::wire {

inline constexpr size_t kChallengeTextMax = 512;  // of a realm, a nonce, an opaque

// What is to be answered, chosen from all that a response offers.
struct Challenge {
  enum class Scheme : uint8_t { none, basic, digest };
  enum class Hash : uint8_t { md5, sha256 };
  struct Text {
    uint16_t bytes = 0;
    char at[kChallengeTextMax];
    [[nodiscard]] std::string_view view() const { return {at, bytes}; }
  };

  Scheme scheme = Scheme::none;
  Hash hash = Hash::md5;
  bool session = false;  // MD5-sess, SHA-256-sess
  bool has_qop = false;  // then it is "auth"
  bool has_opaque = false;
  bool stale = false;  // only the nonce of the last answer was too old
  bool userhash = false;
  Text realm, nonce, opaque;
};

// Which schemes may be answered.
struct Willing {
  bool basic = false, digest = false;
};

// The strongest challenge in the response's WWW-Authenticate fields that can be answered: SHA-256 before
// MD5 before Basic. Scheme::none: there is none.
void find_challenge(const ResponseHead& head, Willing willing, Challenge* challenge);

struct DigestUser {
  std::string_view user, password;
};

// The value of Authorization for a request `method` `target`, the `count`th with this nonce, from 1;
// `salt` is random. False when memory is out.
[[nodiscard]] bool add_digest_credentials(const Challenge& challenge, const DigestUser& user,
                                          std::string_view method, std::string_view target,
                                          uint32_t count, uint64_t salt, BlockPool& pool, Bytes* out);
// The same for the Basic scheme.
[[nodiscard]] bool add_basic_credentials(const DigestUser& user, BlockPool& pool, Bytes* out);

// As the userinfo of a URL, everything percent-encoded.
[[nodiscard]] bool add_userinfo(const DigestUser& user, BlockPool& pool, Bytes* out);

// Whether they can be sent: no control bytes, and no colon in the user's name where `basic`.
[[nodiscard]] bool are_credentials(const DigestUser& user, bool basic);

}  // namespace pester::wire

#endif

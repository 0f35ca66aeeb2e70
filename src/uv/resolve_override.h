// SPDX-License-Identifier: MIT
// What the user said about names, in curl's words: --resolve gives a host and port its addresses,
// --connect-to sends a host and port elsewhere. Parsed and copied once, then searched. Refuses to know
// the system's resolver.
#ifndef PESTER_UV_RESOLVE_OVERRIDE_H_
#define PESTER_UV_RESOLVE_OVERRIDE_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "core/why.h"
#include "uv/address.h"
#include "wire/memory.h"
#include "wire/url.h"

namespace pester::uv {

// Where to connect to. The views point into the overrides or to what was asked.
struct Target {
  std::string_view host;
  wire::HostKind kind = wire::HostKind::name;
  std::string_view zone;
  uint16_t port = 0;
};

class Overrides {
 public:
  static constexpr size_t kMax = 1024;  // of each kind

  // PESTER_EOPTION naming the bad one, or UV_ENOMEM: to be release()d in any case.
  [[nodiscard]] int parse(std::span<const char* const> resolve, std::span<const char* const> connect_to,
                          const wire::Allocator& allocator, core::Why* why);
  void release(const wire::Allocator& allocator);

  void redirect(Target* target) const;
  // Null: nothing was said.
  [[nodiscard]] const Addresses* find(const Target& target) const;
  // Calls `visit` with each host that connections to `host` may be sent to.
  template <typename Visit>
  void each_target_of(std::string_view host, Visit visit) const {
    for (const ConnectTo* rule = connect_to_; rule != nullptr; rule = rule->next) {
      if (rule->from_host.empty() || rule->from_host == host) visit(rule->target.host);
    }
  }

 private:
  struct Resolve {
    Resolve* next;
    std::string_view host;  // behind the struct; "*": any
    uint16_t port;
    Addresses addresses;
  };
  struct ConnectTo {
    ConnectTo* next;
    std::string_view from_host;  // behind the struct, as the others; empty: any
    uint16_t from_port;          // 0: any
    Target target;               // empty host, port 0: kept
  };

  int add_resolve(std::string_view text, const wire::Allocator& allocator, core::Why* why);
  int add_connect_to(std::string_view text, const wire::Allocator& allocator, core::Why* why);

  Resolve* resolve_ = nullptr;       // the last given comes first
  ConnectTo* connect_to_ = nullptr;  // in the order given
  ConnectTo* connect_to_last_ = nullptr;
};

}  // namespace pester::uv

#endif

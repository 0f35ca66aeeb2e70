// SPDX-License-Identifier: MIT
#include "wire/public_suffix.h"

#ifdef PESTER_HAVE_PSL
#include <libpsl.h>
#endif

namespace pester::wire {

#ifdef PESTER_HAVE_PSL

// Names of one label that are on no list count as suffixes, too.
PublicSuffixes built_in_suffixes() {
  if (psl_builtin() == nullptr) return {};  // libpsl may be built without its list
  const auto is_one = [](const char* domain, void*) {
    return psl_is_public_suffix(psl_builtin(), domain);
  };
  return {is_one, nullptr};
}

#else

PublicSuffixes built_in_suffixes() {
  return {};
}

#endif

}  // namespace pester::wire

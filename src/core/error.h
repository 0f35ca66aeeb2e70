// SPDX-License-Identifier: MIT
// Names and sentences of Pester's own codes and enums. Refuses to know libuv's.
#ifndef PESTER_CORE_ERROR_H_
#define PESTER_CORE_ERROR_H_

#include "core/record.h"

namespace pester::core {

// "PESTER_EURL"; nullptr when the code is not ours. Static storage.
const char* error_name(int code);
// "malformed URL"; nullptr when the code is not ours. Static storage.
const char* error_text(int code);

// What PESTER_EQUEUE was about; "" when nothing was waited for.
const char* queue_text(Wait waited_for);

}  // namespace pester::core

#endif

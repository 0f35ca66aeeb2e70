// SPDX-License-Identifier: MIT
// Content codings as the user has them: asked for, and what the result tells.
#include "api/content.h"

#include <new>

#include "api/policy_reader.h"
#include "wire/content_coding.h"
#include "wire/response_head.h"

namespace pester::api {

int read_decoding(const pester_client_options_t& given, pester_client_s* client,
                  uv::ClientOptions* options, core::Why* why) {
  if (given.decode != 0 && given.decode != 1 && given.decode != PESTER_NONE) {
    return refuse(why, "decode", "must be 0, 1 or PESTER_NONE");
  }
  if (given.max_decode_ratio < PESTER_NONE || given.max_decode_ratio > UINT32_MAX) {
    return refuse(why, "max_decode_ratio", "out of range");
  }
  client->decodes = given.decode == 1;
  if (client->decodes) client->extras = true;
  if (given.max_decode_ratio == PESTER_NONE) options->decode_ratio = 0;
  if (given.max_decode_ratio > 0) options->decode_ratio = static_cast<uint32_t>(given.max_decode_ratio);
  return 0;
}

int ask_for_codings(pester_client_s& client, Checked* checked, core::Why* why) {
  const pester_request_t& given = checked->given;
  if (given.decode != 0 && given.decode != 1 && given.decode != PESTER_NONE) {
    return refuse(why, PESTER_EOPTION, "decode: must be 0, 1 or PESTER_NONE");
  }
  checked->decodes = given.decode != PESTER_NONE;
  bool asks = checked->decodes && !checked->traits.head;
  for (size_t i = 0; asks && i < given.header_count; ++i) {
    const char* const name = given.headers[i].name;
    if (name == nullptr) return 0;  // it is refused soon
    asks = !wire::equals_ignoring_case(name, "accept-encoding") &&
           !wire::equals_ignoring_case(name, "range");
  }
  if (!asks) return 0;
  wire::Block& block = checked->headers_block;
  block = client.client->pool.take((given.header_count + 1) * sizeof(wire::HeaderIn));
  if (block.at == nullptr) return refuse(why, UV_ENOMEM, "out of memory");
  auto* const headers = static_cast<wire::HeaderIn*>(block.at);
  for (size_t i = 0; i < given.header_count; ++i) {
    ::new (static_cast<void*>(headers + i))
        wire::HeaderIn{given.headers[i].name, given.headers[i].value};
  }
  ::new (static_cast<void*>(headers + given.header_count))
      wire::HeaderIn{"Accept-Encoding", wire::kKnownCodings};
  checked->head.headers = {headers, given.header_count + 1};
  return 0;
}

}  // namespace pester::api

const char* pester_codings(void) {
  return pester::wire::kKnownCodings;
}

const char* pester_result_content_coding(const pester_result_t* result) {
  if (result->shown == nullptr) return nullptr;
  const pester::wire::ResponseHead& head = result->shown->head;
  for (size_t i = 0; i < head.hidden_count; ++i) {
    if (!pester::wire::equals_ignoring_case(head.received_name(i), "content-encoding")) continue;
    return head.received_value(i).data();
  }
  return nullptr;
}

uint64_t pester_result_encoded_bytes(const pester_result_t* result) {
  if (result->shown == nullptr) return 0;
  return result->shown->decoded() ? uint64_t{result->shown->coded_bytes} : result->shown->body_bytes;
}

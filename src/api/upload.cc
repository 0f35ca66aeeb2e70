// SPDX-License-Identifier: MIT
#include "api/upload.h"

#include <cstring>
#include <new>

#include "wire/chunk_writer.h"

namespace pester::api {

static_assert(PESTER_NOT_NOW == UV_EAGAIN && uv::kSourceNotNow == UV_EAGAIN);

namespace {

using core::Why;

constexpr int64_t kContinueWaitMs = 1000;
constexpr size_t kTrailersMax = 64;

UserUpload& upload_of(uv::Request& request) {
  return static_cast<UserUpload&>(*request.upload());
}

int check_trailers(const pester_header_t* trailers, size_t count, Why* why) {
  if (count > kTrailersMax) return refuse(why, PESTER_EHEADER, "trailers: more than 64");
  if (trailers == nullptr && count != 0) return refuse(why, UV_EINVAL, "trailers: missing");
  size_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    const int rc = wire::check_request_trailer(trailers[i].name, trailers[i].value, why);
    if (rc != 0) return rc;
    bytes += std::strlen(trailers[i].name) + std::strlen(trailers[i].value) + std::strlen(": \r\n");
  }
  if (bytes <= uv::kRequestTrailerBytesMax) return 0;
  return refuse(why, PESTER_EHEADER, "trailers: longer than 16384 bytes together");
}

int check_source(const pester_request_t& given, const pester_body_source_t& source, Why* why) {
  if (given.body != nullptr) return refuse(why, PESTER_EOPTION, "source: beside a body");
  if (source.read == nullptr) return refuse(why, UV_EINVAL, "source: no read function");
  if (source.length < PESTER_NONE) return refuse(why, PESTER_EOPTION, "source: a negative length");
  const bool trails = source.trailer_count != 0 || source.make_trailers != nullptr;
  if (trails && source.length != PESTER_NONE) {
    return refuse(why, PESTER_EOPTION, "source: trailers behind a body of a known length");
  }
  if (source.trailer_count != 0 && source.make_trailers != nullptr) {
    return refuse(why, PESTER_EOPTION, "source: trailers beside make_trailers");
  }
  return check_trailers(source.trailers, source.trailer_count, why);
}

bool add(wire::BlockPool& pool, std::string_view text, wire::Bytes* to) {
  return to->append(pool, text.data(), text.size());
}

bool add_lines(wire::BlockPool& pool, const pester_header_t* trailers, size_t count, wire::Bytes* to) {
  bool ok = true;
  for (size_t i = 0; ok && i < count; ++i) {
    ok = add(pool, trailers[i].name, to) && add(pool, ": ", to) && add(pool, trailers[i].value, to) &&
         add(pool, "\r\n", to);
  }
  return ok;
}

// RFC 9110 §6.6.2: what will stand behind the body.
bool announce(wire::BlockPool& pool, const pester_body_source_t& source, wire::Bytes* to) {
  if (source.trailer_count == 0) return true;
  bool ok = add(pool, "Trailer: ", to);
  for (size_t i = 0; ok && i < source.trailer_count; ++i) {
    ok = (i == 0 || add(pool, ", ", to)) && add(pool, source.trailers[i].name, to);
  }
  return ok && add(pool, "\r\n", to);
}

void end_source(const pester_result_t* result, void* data) {
  const auto& upload = static_cast<const UserUpload&>(*result->upload());
  if (upload.source.done != nullptr) upload.source.done(upload.source.data);
  upload.on_done(result, data);
}

bool keep_source(wire::BlockPool& pool, const pester_body_source_t& source, UserUpload* upload) {
  upload->source = source;
  upload->source.trailers = nullptr;  // theirs; copied
  upload->rewinds = source.rewind != nullptr;
  upload->asks_trailers = source.make_trailers != nullptr;
  if (source.length != PESTER_NONE) upload->length = static_cast<uint64_t>(source.length);
  return announce(pool, source, &upload->head_fields) &&
         add_lines(pool, source.trailers, source.trailer_count, &upload->trailers);
}

core::Duration continue_wait(const pester_request_t& given) {
  if (given.expect_continue == 0) return {};
  if (given.expect_timeout_ms == PESTER_NONE) return core::Duration::never();
  return core::Duration::from_ms(given.expect_timeout_ms != 0 ? given.expect_timeout_ms
                                                              : kContinueWaitMs);
}

}  // namespace

int check_upload(Checked* checked, Why* why) {
  const pester_request_t& given = checked->given;
  if (given.expect_continue < 0 || given.expect_continue > 1) {
    return refuse(why, PESTER_EOPTION, "expect_continue: neither 0 nor 1");
  }
  if (given.expect_timeout_ms < PESTER_NONE) {
    return refuse(why, PESTER_EOPTION, "expect_timeout_ms: negative");
  }
  if (given.source == nullptr) return 0;
  pester_body_source_t& source = checked->source;
  if (!read_sized(&source, given.source)) {
    return refuse(why, PESTER_EOPTION, "source: not initialised");
  }
  if (const int rc = check_source(given, source, why); rc != 0) return rc;
  checked->head.has_body = true;
  checked->head.body_bytes =
      source.length == PESTER_NONE ? wire::kChunkedBody : static_cast<uint64_t>(source.length);
  return 0;
}

int keep_upload(pester_client_s& client, const Checked& checked, pester_result_s* result) {
  const pester_request_t& given = checked.given;
  wire::BlockPool& pool = client.client->pool;
  if (given.on_informational != nullptr) {
    if (uv::request_rare(*result, pool) == nullptr) return UV_ENOMEM;
    result->rare->on_informational = given.on_informational;
  }
  const bool expects = given.expect_continue != 0;
  if (given.source == nullptr && (!expects || given.body_len == 0)) return 0;
  void* const at = uv::upload_block(*result, pool, sizeof(UserUpload));
  if (at == nullptr) return UV_ENOMEM;
  auto* upload = ::new (at) UserUpload;
  upload->block_bytes = sizeof(UserUpload);
  upload->continue_wait = continue_wait(given);
  result->rare->upload = upload;
  result->composes = true;
  if (expects) result->attends = true;
  if (given.source == nullptr) {
    upload->from_memory = true;
    upload->length = given.body_len;
    return 0;
  }
  if (!keep_source(pool, checked.source, upload)) return UV_ENOMEM;
  upload->on_done = result->on_done;
  result->on_done = end_source;
  return 0;
}

void on_informational(uv::Request& request) {
  auto& result = result_of(request);
  result.rare->on_informational(&result, result.data);
}

int64_t on_source(uv::Request& request, char* to, size_t capacity) {
  const pester_body_source_t& source = upload_of(request).source;
  return source.read(request.id, to, capacity, source.data);
}

int on_rewind(uv::Request& request) {
  const pester_body_source_t& source = upload_of(request).source;
  const int rc = source.rewind(source.data);
  return rc < 0 ? rc : 0;
}

int on_trailers(uv::Request& request, wire::Bytes* lines, Why* why) {
  const pester_body_source_t& source = upload_of(request).source;
  const pester_header_t* trailers = nullptr;
  const int64_t count = source.make_trailers(&trailers, source.data);
  if (count < 0) return refuse(why, static_cast<int>(count), "the trailers could not be made");
  if (const int rc = check_trailers(trailers, static_cast<size_t>(count), why); rc != 0) return rc;
  if (add_lines(request.client->pool, trailers, static_cast<size_t>(count), lines)) return 0;
  return refuse(why, UV_ENOMEM, "out of memory");
}

}  // namespace pester::api

void pester_body_source_init_sized(pester_body_source_t* source, size_t struct_size) {
  std::memset(source, 0, struct_size);
  source->struct_size = struct_size;
  source->length = PESTER_NONE;
}

int pester_source_ready(pester_client_t* client, pester_request_id_t id) {
  return client == nullptr ? UV_EINVAL : pester::uv::client_source_ready(*client->client, id);
}

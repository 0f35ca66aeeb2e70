// SPDX-License-Identifier: MIT
// Forms of several parts: their texts lie in one buffer, and at some places in it a part's source is
// read in between. A form is itself a source.
#include "wire/multipart.h"

#include <pester.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "api/upload.h"
#include "wire/request_writer.h"

namespace {

using pester::wire::Bytes;

// A part that is read, where the text before it ends.
struct Inset {
  size_t text_at;
  uint64_t given;
  pester_body_source_t source;
};

constexpr std::string_view kType = "multipart/form-data; boundary=";

}  // namespace

struct pester_multipart_s {
  pester_client_t* client = nullptr;
  Bytes text;
  Bytes inset_bytes;  // Insets
  bool is_source = false;
  size_t text_at = 0, inset_at = 0;  // how far it was read
  char content_type[kType.size() + pester::wire::kBoundaryBytes + 1];

  [[nodiscard]] pester::wire::BlockPool& pool() const { return client->client->pool; }
  [[nodiscard]] std::string_view boundary() const {
    return {content_type + kType.size(), pester::wire::kBoundaryBytes};
  }
  [[nodiscard]] size_t inset_count() const { return inset_bytes.size() / sizeof(Inset); }
  Inset* insets() { return reinterpret_cast<Inset*>(inset_bytes.data()); }
};

namespace {

using pester::api::read_sized;

// What is given already counts, so that no part makes up for another.
int64_t read_inset(Inset& inset, pester_request_id_t id, char* to, size_t capacity) {
  const bool known = inset.source.length != PESTER_NONE;
  const uint64_t left = known ? static_cast<uint64_t>(inset.source.length) - inset.given : UINT64_MAX;
  if (left == 0) return 0;
  if (left < capacity) capacity = static_cast<size_t>(left) + 1;
  const int64_t count = inset.source.read(id, to, capacity, inset.source.data);
  if (count < 0) return count;
  if ((count == 0 && known) || static_cast<uint64_t>(count) > left) return PESTER_ESOURCE;
  inset.given += static_cast<uint64_t>(count);
  return count;
}

int64_t read_form(pester_request_id_t id, char* to, size_t capacity, void* data) {
  auto& form = *static_cast<pester_multipart_t*>(data);
  while (form.inset_at < form.inset_count()) {
    Inset& inset = form.insets()[form.inset_at];
    if (form.text_at != inset.text_at) break;
    if (const int64_t count = read_inset(inset, id, to, capacity); count != 0) return count;
    ++form.inset_at;
  }
  const bool more = form.inset_at < form.inset_count();
  const size_t end = more ? form.insets()[form.inset_at].text_at : form.text.size();
  const size_t count = std::min(end - form.text_at, capacity);
  std::memcpy(to, form.text.data() + form.text_at, count);
  form.text_at += count;
  return static_cast<int64_t>(count);
}

int rewind_form(void* data) {
  auto& form = *static_cast<pester_multipart_t*>(data);
  form.text_at = form.inset_at = 0;
  for (size_t i = 0; i < form.inset_count(); ++i) {
    Inset& inset = form.insets()[i];
    inset.given = 0;
    if (const int rc = inset.source.rewind(inset.source.data); rc < 0) return rc;
  }
  return 0;
}

void end_form(void* data) {
  pester_multipart_free(static_cast<pester_multipart_t*>(data));
}

int check_part(const pester_multipart_t& form, const pester_part_t& part, pester_body_source_t* source) {
  if (part.name == nullptr || (part.value == nullptr && part.value_len != 0)) return UV_EINVAL;
  if (form.is_source || (part.value != nullptr && part.source != nullptr)) return PESTER_EOPTION;
  if (part.content_type != nullptr && !pester::wire::is_field("Content-Type", part.content_type)) {
    return PESTER_EHEADER;
  }
  if (part.source == nullptr) return 0;
  if (!read_sized(source, part.source) || source->length < PESTER_NONE) return PESTER_EOPTION;
  if (source->trailer_count != 0 || source->make_trailers != nullptr) return PESTER_EOPTION;
  return source->read == nullptr ? UV_EINVAL : 0;
}

const char* type_of(const pester_part_t& part) {
  if (part.content_type != nullptr || part.filename == nullptr) return part.content_type;
  return "application/octet-stream";
}

bool add_part(pester_multipart_t& form, const pester_part_t& part, const pester_body_source_t& source) {
  pester::wire::BlockPool& pool = form.pool();
  const std::string_view end = pester::wire::kPartEnd;
  if (!pester::wire::add_part_head(pool, form.boundary(), part.name, part.filename, type_of(part),
                                   &form.text)) {
    return false;
  }
  if (part.source == nullptr) {
    return form.text.append(pool, part.value, part.value_len) &&
           form.text.append(pool, end.data(), end.size());
  }
  const Inset inset = {form.text.size(), 0, source};
  // The inset last: of what fails before it nothing but text is to be taken back.
  return form.text.append(pool, end.data(), end.size()) &&
         form.inset_bytes.append(pool, &inset, sizeof inset);
}

// Of all parts, or PESTER_NONE.
int64_t length_of(pester_multipart_t& form) {
  auto length = static_cast<int64_t>(form.text.size());
  for (size_t i = 0; i < form.inset_count(); ++i) {
    const int64_t part = form.insets()[i].source.length;
    if (part == PESTER_NONE || part > INT64_MAX - length) return PESTER_NONE;
    length += part;
  }
  return length;
}

bool rewinds(pester_multipart_t& form) {
  const Inset* const insets = form.insets();
  return std::all_of(insets, insets + form.inset_count(),
                     [](const Inset& inset) { return inset.source.rewind != nullptr; });
}

}  // namespace

void pester_part_init_sized(pester_part_t* part, size_t struct_size) {
  std::memset(part, 0, struct_size);
  part->struct_size = struct_size;
}

int pester_multipart_new(pester_multipart_t** out, pester_client_t* client) {
  if (out == nullptr || client == nullptr) return UV_EINVAL;
  const pester::wire::Block block = client->client->pool.take(sizeof(pester_multipart_t));
  if (block.at == nullptr) return UV_ENOMEM;
  auto* form = ::new (block.at) pester_multipart_t;
  form->client = client;
  char boundary[pester::wire::kBoundaryBytes];
  pester::core::Engine& engine = client->client->engine;
  const uint64_t high = engine.random_bits();
  pester::wire::write_boundary(high, engine.random_bits(), boundary);
  *std::copy(std::begin(boundary), std::end(boundary),
             std::copy(kType.begin(), kType.end(), form->content_type)) = '\0';
  *out = form;
  return 0;
}

void pester_multipart_free(pester_multipart_t* form) {
  if (form == nullptr) return;
  for (size_t i = 0; i < form->inset_count(); ++i) {
    const pester_body_source_t source = form->insets()[i].source;
    if (source.done != nullptr) source.done(source.data);
  }
  pester::wire::BlockPool& pool = form->pool();
  form->text.release(pool);
  form->inset_bytes.release(pool);
  pool.give({form, sizeof *form});
}

int pester_multipart_add(pester_multipart_t* form, const pester_part_t* given) {
  pester_part_t part;
  pester_body_source_t source{};
  if (form == nullptr || !read_sized(&part, given)) return UV_EINVAL;
  if (const int rc = check_part(*form, part, &source); rc != 0) return rc;
  const size_t before = form->text.size();
  if (add_part(*form, part, source)) return 0;
  form->text.set_size(before);
  return UV_ENOMEM;
}

int pester_multipart_field(pester_multipart_t* form, const char* name, const char* value) {
  pester_part_t part;
  pester_part_init(&part);
  part.name = name;
  part.value = value != nullptr ? value : "";
  part.value_len = std::strlen(value != nullptr ? value : "");
  return pester_multipart_add(form, &part);
}

int pester_multipart_file(pester_multipart_t* form, const char* name, const char* path,
                          const char* filename, const char* content_type) {
  if (form == nullptr || path == nullptr) return UV_EINVAL;
  pester_body_source_t source;
  pester_body_source_init(&source);
  if (const int rc = pester_file_source(form->client, path, &source); rc != 0) return rc;
  const char* const slash = std::strrchr(path, '/');
  pester_part_t part;
  pester_part_init(&part);
  part.name = name;
  part.filename = filename != nullptr ? filename : slash != nullptr ? slash + 1 : path;
  part.content_type = content_type;
  part.source = &source;
  const int rc = pester_multipart_add(form, &part);
  if (rc != 0) source.done(source.data);
  return rc;
}

const char* pester_multipart_content_type(const pester_multipart_t* form) {
  return form->content_type;
}

int pester_multipart_source(pester_multipart_t* form, pester_body_source_t* source) {
  if (form == nullptr || source == nullptr) return UV_EINVAL;
  if (form->is_source || !pester::api::is_initialised(*source)) return PESTER_EOPTION;
  const size_t before = form->text.size();
  if (!pester::wire::add_form_end(form->pool(), form->boundary(), &form->text)) {
    form->text.set_size(before);
    return UV_ENOMEM;
  }
  form->is_source = true;
  source->length = length_of(*form);
  source->read = read_form;
  source->rewind = rewinds(*form) ? rewind_form : nullptr;
  source->done = end_form;
  source->data = form;
  return 0;
}

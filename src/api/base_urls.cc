// SPDX-License-Identifier: MIT
#include "api/base_urls.h"

#include <uv.h>

#include <cstring>
#include <new>

#include "core/text.h"

namespace pester::api {

namespace {

int refuse(core::Why* why, size_t index, std::string_view reason) {
  why->clear();
  why->add("base_urls, number ").add(static_cast<int64_t>(index + 1)).add(": ").add(reason);
  return PESTER_EOPTION;
}

int check_one(const pester_base_url_t& given, size_t index, char* storage, core::Why* why) {
  if (given.url == nullptr) return refuse(why, index, "missing");
  if (given.weight < 0) return refuse(why, index, "a negative weight");
  const std::string_view text(given.url);
  if (text.find('?') != std::string_view::npos || text.find('#') != std::string_view::npos) {
    return refuse(why, index, "a query or fragment");
  }
  wire::Url url;
  core::Why reason;
  if (wire::parse_url(text, storage, &url, &reason) == 0) return 0;
  return refuse(why, index, reason.view());
}

std::string_view without_slashes(std::string_view text) {
  while (!text.empty() && text.back() == '/') text.remove_suffix(1);
  return text;
}

}  // namespace

int copy_base_urls(const pester_base_url_t* given, size_t count, const wire::Allocator& memory,
                   BaseUrls** out, core::Why* why) {
  *out = nullptr;
  if (count == 0) return 0;
  if (count > core::kTargetsMax) return refuse(why, core::kTargetsMax, "more than 16");
  if (given == nullptr) return refuse(why, 0, "missing");
  size_t bytes = sizeof(BaseUrls);
  size_t longest = 0;
  for (size_t i = 0; i < count; ++i) {
    if (given[i].url == nullptr) return refuse(why, i, "missing");
    const size_t size = std::strlen(given[i].url);
    if (size > wire::kUrlBytesMax) return refuse(why, i, "too long");
    longest = size > longest ? size : longest;
    bytes += size + 1;
  }
  const size_t scratch = wire::url_storage_bytes({given[0].url, longest});
  auto* at = static_cast<char*>(memory.alloc(bytes + scratch, memory.data));
  if (at == nullptr) return UV_ENOMEM;
  auto* bases = ::new (static_cast<void*>(at)) BaseUrls;
  char* room = at + sizeof(BaseUrls);
  for (size_t i = 0; i < count; ++i) {
    if (const int rc = check_one(given[i], i, at + bytes, why); rc != 0) {
      memory.release(at, memory.data);
      return rc;
    }
    const std::string_view text = without_slashes(given[i].url);
    std::memcpy(room, text.data(), text.size());
    room[text.size()] = '\0';
    bases->at[bases->count++] = {room, text.size(), static_cast<uint32_t>(given[i].weight)};
    room += text.size() + 1;
  }
  *out = bases;
  return 0;
}

int join_base_urls(wire::BlockPool& pool, const BaseUrls& bases, std::string_view path,
                   Destinations** out, core::Why* why) {
  size_t bytes = sizeof(Destinations);
  for (uint8_t i = 0; i < bases.count; ++i) {
    const size_t joined = bases.at[i].bytes + path.size();
    if (joined > wire::kUrlBytesMax) {
      why->clear();
      why->add("url: too long behind its base URL");
      return PESTER_EURL;
    }
    bytes += joined + wire::url_storage_bytes({bases.at[i].text, joined});
  }
  const wire::Block block = pool.take(bytes);
  if (block.at == nullptr) return UV_ENOMEM;
  auto* destinations = ::new (block.at) Destinations;
  destinations->block = block;
  char* room = static_cast<char*>(block.at) + sizeof(Destinations);
  for (uint8_t i = 0; i < bases.count; ++i) {
    const BaseUrl& base = bases.at[i];
    const std::string_view text = {room, base.bytes + path.size()};
    std::memcpy(room, base.text, base.bytes);
    std::memcpy(room + base.bytes, path.data(), path.size());
    room += text.size();
    Destination& destination = destinations->at[destinations->count++];
    destination.weight = base.weight;
    if (const int rc = wire::parse_url(text, room, &destination.url, why); rc != 0) {
      pool.give(block);
      return rc;
    }
    room += wire::url_storage_bytes(text);
  }
  *out = destinations;
  return 0;
}

}  // namespace pester::api

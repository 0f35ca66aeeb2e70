// SPDX-License-Identifier: MIT
// A logical request as the shell keeps it: what to send, what came back, what to tell. One block holds
// the request, its lanes, its first records and its bytes. Refuses to decide anything: the engine does.
#ifndef PESTER_UV_REQUEST_H_
#define PESTER_UV_REQUEST_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/objects.h"
#include "core/why.h"
#include "uv/address.h"
#include "wire/memory.h"
#include "wire/response_head.h"
#include "wire/url.h"

struct pester_result_s;
namespace pester::wire {
class CookieJar;
}

namespace pester::uv {

struct Client;
struct Connection;

// A response as far as it has come.
struct Response {
  static constexpr uint64_t kCodedBytesMax = (uint64_t{1} << 56) - 1;
  wire::ResponseHead head;
  wire::LargeBytes body;          // gathered
  uint64_t body_bytes = 0;        // seen, gathered or streamed; of a decoded body, decoded
  bool any = false;               // a complete head is in
  uint64_t coded_bytes : 56 = 0;  // as they came, where decoded(); beside `any`: it costs no room

  // For the next one; the buffers stay.
  void clear() {
    head.clear();
    body.clear();
    body_bytes = 0;
    any = false;
  }
  void add_coded(size_t bytes) { coded_bytes = (coded_bytes + bytes) & kCodedBytesMax; }
  // The body is told decoded, the head without what it says of that.
  [[nodiscard]] bool decoded() const { return head.hidden_count != 0; }
  void release(wire::BlockPool& pool);
};

// What is told of an exchange beyond core::Record, in an array beside it.
struct RecordExtra {
  Address remote{};                   // any.sa_family 0: nothing was connected; see format_remote
  uint32_t detail = 0;                // into Request::texts; 0: none
  const char* tls_version = nullptr;  // static; nullptr: no TLS
  const char* tls_cipher = nullptr;
  uint32_t tls_alpn = 0;  // into Request::texts
  bool tls_resumed : 1 = false;
  bool end_told : 1 = false;  // to the trace
  uint16_t proxy = 0;         // into Request::texts, which are no longer; 0: none
};

inline constexpr uint32_t kRecordsMax = 256;  // of one request; then the oldest told one is dropped
inline constexpr size_t kLogBytesMax = 65536;
inline constexpr size_t kTraceBytesMax = size_t{1} << 20;  // untold; what is more is not told

// What happened on the wire, waiting to be told by the pump.
enum class Trace : uint8_t { connected, request, response, ended };
struct TraceEvent {
  uint32_t record, bytes;
  Trace event;
};

namespace shell_work {
inline constexpr uint16_t kBody = 0x100;           // `span` is a part of the streamed body
inline constexpr uint16_t kTrace = 0x200;          // rare->traces has events
inline constexpr uint16_t kSource = 0x400;         // the source of its body is wanted
inline constexpr uint16_t kInformational = 0x800;  // some lane's connection `informs`
// What few requests have, and nobody else is to look for.
inline constexpr uint16_t kRare = kTrace | kSource | kInformational;
}  // namespace shell_work

// How a request is sent to one of its base URLs: the texts lie in the request's block.
struct TargetText {
  const char* url;
  size_t url_bytes;
  const char* head;
  size_t head_bytes;
};

struct Decoding;
struct Resume;
struct Upload;
struct Letter;
struct Upgrade;
struct Sharing;
struct Way;
struct Redirects;
struct Auth;
// As pester_informational_cb.
using InformationalCallback = void (*)(const pester_result_s* result, void* data);

// What few requests need: a request in backoff is to be small.
struct Rare {
  wire::Bytes log;
  wire::Bytes traces;                        // TraceEvents, each followed by its text and a NUL
  const TargetText* target_texts = nullptr;  // beside core::Request::targets
  Resume* resume = nullptr;                  // of a streamed answer that could go on; a block of its own
  Decoding* decoding = nullptr;              // of that answer, when it is told decoded; likewise
  Response* fixed_fallback = nullptr;        // for when nothing acceptable comes; likewise
  Upload* upload = nullptr;                  // of its body, if that is not simply there; likewise
  InformationalCallback on_informational = nullptr;
  Way* way = nullptr;                    // its own route or proxies; likewise
  Upgrade* upgrade = nullptr;            // it asks for another protocol; likewise
  Letter* letter = nullptr;              // that another thread's post is
  uint32_t attempts_dropped = 0;         // records of attempts that made room for later ones
  uint8_t lenient = 0;                   // bits of wire::lenient, of its responses
  wire::Block redirects_block;           // a block of its own, too
  const Redirects* redirects = nullptr;  // of the request's own, in it
  Auth* auth = nullptr;                  // what a challenge would be answered with; likewise
  wire::Block hops;                      // where each lane was sent on to: a Hop*, or nullptr
  wire::Bytes hop_urls;                  // of all hops so far: uint32_t, into Request::texts
  wire::CookieJar* cookies = nullptr;    // its own, joined, instead of the client's
  Sharing* sharing = nullptr;            // it shares a run, or may have a kept answer; likewise
  bool no_cookies = false;               // none are sent, none kept
  bool no_cookie_field = false;          // none are sent
};

// One block: the caller's extension of this, the lanes, the first records; then the texts that make it
// up, each where the one before it ends: URL, NUL, method, NUL, head, body.
struct Request : core::Request {
  Client* client = nullptr;
  Request* next = nullptr;  // among the client's live ones
  Request** back = nullptr;
  uint64_t id = 0;
  size_t block_bytes = 0;            // this request's own memory, which begins with it
  RecordExtra* extras = nullptr;     // beside core::Request::records
  const char* wire_bytes = nullptr;  // head and body, one behind the other
  size_t wire_size = 0, wire_head_bytes = 0, url_bytes = 0, method_bytes = 0;
  uint32_t records_bytes = 0;  // of the records' own block, once the first ones' room is used up
  uint16_t record_room = 0;
  bool no_body : 1 = false;      // HEAD
  bool wants_close : 1 = false;  // the user sent "Connection: close"
  bool is_form : 1 = false;      // the log has Pester's word for it
  bool composes : 1 = false;     // a head as it goes out may differ from the one in wire_bytes
  bool decodes : 1 = false;      // coded bodies of its responses are told decoded
  bool late_head : 1 = false;    // streamed, and nobody hears of its head before its first span
  bool attends : 1 = false;      // its responses are read for more than what frames them
  bool paused = false;
  const core::Lane* asked = nullptr;  // while the user is asked about a lane
  Response response;                  // of the winner, once it is whole; or kept in case none comes
  Response* shown = nullptr;          // what the result shows now; nullptr: no response
  Connection* shown_by = nullptr;     // whose response that is, while it still has it
  std::string_view span;              // with kBody
  wire::Bytes texts;                  // details of the records, each with a NUL
  char* into = nullptr;               // the user's buffer for the gathered body
  size_t into_size = 0, into_used = 0;
  uint64_t body_bytes_max = 0;
  core::Instant ended{};
  Rare* rare = nullptr;  // a block of its own, once something of it is needed

  [[nodiscard]] std::string_view method() const { return {wire_bytes - 1 - method_bytes, method_bytes}; }
  [[nodiscard]] std::string_view url() const { return {method().data() - 1 - url_bytes, url_bytes}; }
  [[nodiscard]] std::string_view url_of(uint8_t target) const {
    if (target >= core::kTargetsMax) return hop_url(static_cast<uint8_t>(target - core::kTargetsMax));
    if (rare == nullptr || rare->target_texts == nullptr) return url();
    return {rare->target_texts[target].url, rare->target_texts[target].url_bytes};
  }
  [[nodiscard]] std::string_view body() const {
    return {wire_bytes + wire_head_bytes, wire_size - wire_head_bytes};
  }
  [[nodiscard]] Resume* resume() const { return rare != nullptr ? rare->resume : nullptr; }
  [[nodiscard]] Upload* upload() const { return rare != nullptr ? rare->upload : nullptr; }
  // Empty where there was no room to keep it.
  [[nodiscard]] std::string_view hop_url(uint8_t place) const {
    const wire::Bytes& places = rare->hop_urls;
    if (place >= places.size() / sizeof(uint32_t)) return "";
    return text(reinterpret_cast<const uint32_t*>(places.data())[place]);
  }
  [[nodiscard]] std::string_view text(uint32_t at) const {
    return at == 0 ? std::string_view("") : std::string_view(texts.data() + at);
  }
};

// Room for a request of `size` bytes (at least sizeof(Request): the caller's own extension of it), its
// lanes and `bytes` more. nullptr when memory is out. `extra` is where the further bytes begin.
[[nodiscard]] void* request_block(wire::BlockPool& pool, size_t size, uint8_t lanes, size_t bytes,
                                  wire::Block* block, char** extra, core::Lane** lane_room,
                                  core::Record** record_room, RecordExtra** extra_room);
void request_release(Request& request, wire::BlockPool& pool);
// The user hears of `span` next: from now on the response is the one, be it that its head was late.
inline void request_tell_span(Request& request, std::string_view span) {
  request.span = span;
  request.head_told = true;
}
// Shows `response`, of the request's own or nullptr.
void request_show(Request& request, Response* response);

// It will not go to its origins any more.
[[gnu::noinline]] void request_leave_origins(Request& request);

// What is rare of it, made if there is none yet; nullptr when memory is out.
[[nodiscard]] Rare* request_rare(Request& request, wire::BlockPool& pool);
// Room for one more record, which is returned; false when memory is out.
[[nodiscard]] bool request_add_record(Request& request, wire::BlockPool& pool, core::Lane& lane);
// Whom the record's exchange was with: "127.0.0.1:80", "unix:/run/x.sock"; "" when nothing was
// connected. `out` has kAddressTextBytes.
void format_remote(const Request& request, uint32_t record, char* out);
// Keeps a text; 0 when it is empty or memory is out.
uint32_t request_keep_text(Request& request, wire::BlockPool& pool, std::string_view text);

}  // namespace pester::uv

#endif

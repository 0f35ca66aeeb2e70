// SPDX-License-Identifier: MIT
// How a response goes wrong: the end of the stream, the limits, the two parsers at odds, and the words
// for each. The fault named is the first byte that breaks the grammar, under every version of llhttp and
// however the bytes were cut.
#include <cerrno>

#include "pester/errors.h"

#include "core/text.h"
#include "wire/head_grammar.h"
#include "wire/response_parser.h"

namespace pester::wire {

Item ResponseParser::finish(bool clean) {
  if (error_ != 0) return Item::error;
  if (phase_ == Phase::switching) {
    phase_ = Phase::done;
    return Item::switched;
  }
  if (phase_ == Phase::ending || phase_ == Phase::done || (phase_ == Phase::until_close && clean)) {
    phase_ = Phase::done;
    return Item::end;
  }
  const bool within_head = phase_ == Phase::head && !after_informational_;
  if ((within_head || phase_ == Phase::trailers) && blame_section()) return Item::error;
  if (phase_ != Phase::head) return fail_cut_body();
  if (bytes_ == 0) {
    why_.add("no byte of a response came");
    return fail(PESTER_EEMPTY);
  }
  why_at(bytes_).add(after_informational_ ? "the end, behind an informational response"
                                          : "the end, within the response head");
  return fail(PESTER_EHEADCUT);
}

Item ResponseParser::fail_cut_body() {
  if (phase_ == Phase::until_close) {
    why_at(bytes_).add("TLS ended without close_notify, so the body may have been cut");
  } else if (phase_ == Phase::body) {
    add_count(body_left_).add(" of ");
    add_count(content_length_).add(" body bytes are missing");
  } else if (phase_ == Phase::chunk_data) {
    add_count(body_left_).add(" bytes of a chunk, and the last chunk, are missing");
  } else {
    why_at(bytes_).add(phase_ == Phase::trailers ? "the end, within the trailers"
                                                 : "the end, before the last chunk");
  }
  return fail(PESTER_EBODYCUT);
}

core::Why& ResponseParser::add_count(uint64_t count) {
  return why_.add(static_cast<int64_t>(count));
}

core::Why& ResponseParser::why_at(uint64_t at) {
  why_.clear();
  why_.add("at byte ");
  return add_count(at).add(": ");
}

Item ResponseParser::fail(int error) {
  error_ = error;
  persistent_ = false;
  return Item::error;
}

// Without a reason the two parsers disagree: what came is refused, whoever is right.
Parsed ResponseParser::fail_framing(size_t at, const char* reason) {
  core::Why& why = why_at(bytes_ + at);
  if (reason == nullptr) {
    why.add("llhttp: ");
    reason = llhttp_get_error_reason(&llhttp_);
  }
  why.add(reason == nullptr ? "another framing" : reason);
  return {fail(PESTER_EPROTOCOL), at, {}};
}

Parsed ResponseParser::fail_extensions(size_t at) {
  why_at(bytes_ + at).add("chunk extensions over ");
  add_count(limits_->chunk_extension_bytes).add(" bytes");
  return {fail(PESTER_EHEADSIZE), at, {}};
}

// The grammar has the first word on a head or trailers, be it over a limit or cut off: when a fault is
// noticed differs between the versions of llhttp, and between a fault's first byte and its line's end.
bool ResponseParser::blame_section() {
  HeadSection section =
      switching_ == Switching::upgrade ? HeadSection::head_may_switch : HeadSection::head;
  if (phase_ == Phase::trailers) section = HeadSection::trailers;
  const Fault fault = find_fault(core::part(head_->text().view(), section_text_at_), section, lenient_);
  if (fault.reason == nullptr) return false;
  why_at(section_at_ + fault.at).add(fault.reason);
  (void)fail(PESTER_EPROTOCOL);
  return true;
}

Parsed ResponseParser::fail_section(Scan scan, size_t taken) {
  const Parsed failed = {Item::error, taken, {}};
  if (scan == Scan::no_memory) {
    why_.add("no memory for the response head");
    (void)fail(-ENOMEM);
    return failed;
  }
  if (blame_section()) return failed;
  const bool trailers = phase_ == Phase::trailers;
  switch (scan) {
    case Scan::more:
      why_at(bytes_).add(trailers ? "trailers over " : "a response head over ");
      add_count(trailers ? limits_->trailer_bytes : limits_->head_bytes).add(" bytes");
      break;
    case Scan::field_limit:
      why_at(bytes_).add(trailers ? "more trailers than " : "more fields than ");
      add_count(limits_->fields);
      break;
    case Scan::informational_limit:
      why_at(bytes_).add("more informational responses than ");
      add_count(limits_->informational);
      break;
    case Scan::complete:
    case Scan::malformed:
    case Scan::no_memory:
      (void)fail_framing(0, nullptr);
      return failed;
  }
  (void)fail(PESTER_EHEADSIZE);
  return failed;
}

}  // namespace pester::wire

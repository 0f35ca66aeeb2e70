// SPDX-License-Identifier: MIT
// The limits of an origin, from the user's words to the engine's.
#include "api/limiter.h"

#include <cstring>

#include "api/objects.h"
#include "api/policy_reader.h"

namespace pester::api {

namespace {

using core::RateOptions;
using core::Why;

constexpr int64_t kPlacesMost = 1'000'000;

int read_places(int64_t given, const char* field, uint32_t* out, Why* why) {
  if (given < 0 || given > kPlacesMost) return refuse(why, field, "must be from 1 to 1,000,000");
  if (given > 0) *out = static_cast<uint32_t>(given);
  return 0;
}

int read_concurrency(const pester_limiter_options_t& given, core::ConcurrencyOptions* out, Why* why) {
  switch (given.kind) {
    case PESTER_LIMITER_NONE:
      out->kind = core::LimiterKind::none;
      break;
    case PESTER_LIMITER_GRADIENT:
      out->kind = core::LimiterKind::gradient;
      break;
    case PESTER_LIMITER_AIMD:
      out->kind = core::LimiterKind::aimd;
      break;
    default:
      return refuse(why, "limiter.kind", "no such kind");
  }
  const bool any = given.initial != 0 || given.min != 0 || given.max != 0;
  if (any && given.kind == PESTER_LIMITER_NONE) {
    return refuse(why, "limiter.kind", "none, but initial, min or max is given");
  }
  int rc = read_places(given.initial, "limiter.initial", &out->initial, why);
  if (rc == 0) rc = read_places(given.min, "limiter.min", &out->least, why);
  if (rc == 0) rc = read_places(given.max, "limiter.max", &out->most, why);
  if (rc != 0) return rc;
  if (given.min > 0 && given.max == 0 && out->most < out->least) out->most = out->least;
  if (given.max > 0 && given.initial == 0 && out->initial > out->most) out->initial = out->most;
  if (given.min > 0 && given.initial == 0 && out->initial < out->least) out->initial = out->least;
  if (out->least > out->most) return refuse(why, "limiter.min", "more than max");
  if (out->initial < out->least || out->initial > out->most) {
    return refuse(why, "limiter.initial", "not between min and max");
  }
  return 0;
}

int read_rate(const pester_limiter_options_t& given, RateOptions* out, Why* why) {
  constexpr int64_t kPeriodMost = RateOptions::kPeriodMost.ns / 1'000'000;
  if (given.rate < 0 || given.rate > RateOptions::kCountMost) {
    return refuse(why, "limiter.rate", "must be from 1 to 1,000,000");
  }
  if (given.rate_period_ms < 0 || given.rate_period_ms > kPeriodMost) {
    return refuse(why, "limiter.rate_period_ms", "must be from 1 to 86,400,000");
  }
  if (given.burst < 0 || given.burst > RateOptions::kBurstMost) {
    return refuse(why, "limiter.burst", "must be from 1 to 100,000");
  }
  if (given.rate == 0 && (given.rate_period_ms != 0 || given.burst != 0)) {
    return refuse(why, "limiter.rate", "none, but rate_period_ms or burst is given");
  }
  out->count = static_cast<uint32_t>(given.rate);
  if (given.rate_period_ms > 0) out->period = core::Duration::from_ms(given.rate_period_ms);
  out->burst = static_cast<uint32_t>(given.burst);
  return 0;
}

}  // namespace

int read_limiter(const pester_limiter_options_t* from, core::ThrottleOptions* out, Why* why) {
  if (from == nullptr) return 0;
  pester_limiter_options_t given;
  if (!read_sized(&given, from)) return refuse(why, "limiter", "not initialised");
  if (const int rc = read_concurrency(given, &out->concurrency, why); rc != 0) return rc;
  return read_rate(given, &out->rate, why);
}

}  // namespace pester::api

void pester_limiter_options_init_sized(pester_limiter_options_t* options, size_t struct_size) {
  std::memset(options, 0, struct_size);
  options->struct_size = struct_size;
}

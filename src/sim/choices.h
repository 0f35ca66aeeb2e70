// SPDX-License-Identifier: MIT
// Where chance comes from: a seed, a fuzzer's bytes, or a list that an exploration works off. Everything
// that a scenario leaves open is one choice of it, so that the choices reproduce the scenario.
#ifndef PESTER_SIM_CHOICES_H_
#define PESTER_SIM_CHOICES_H_

#include <cstddef>
#include <cstdint>

#include "core/rng.h"

namespace pester::sim {

class Choices {
 public:
  // Uniform below `n`, which is not 0.
  virtual uint32_t below(uint32_t n) = 0;

  bool one_in(uint32_t n) { return below(n) == n - 1; }
  int64_t between(int64_t least, int64_t most) {
    return least + static_cast<int64_t>(below(static_cast<uint32_t>(most - least + 1)));
  }
  template <class T, size_t N>
  T pick(const T (&list)[N]) {
    return list[below(N)];
  }

 protected:
  ~Choices() = default;
};

class SeededChoices final : public Choices {
 public:
  explicit SeededChoices(uint64_t seed) : rng_(seed) {}
  uint32_t below(uint32_t n) override { return static_cast<uint32_t>((rng_.next() >> 32) * n >> 32); }

 private:
  core::Rng rng_;
};

// Zeros when the bytes are used up: write lists so that the first choice leads to an end.
class ByteChoices final : public Choices {
 public:
  ByteChoices(const uint8_t* bytes, size_t size) : bytes_(bytes), left_(size) {}
  uint32_t below(uint32_t n) override {
    uint32_t value = take();
    if (n > 256) value = value << 8 | take();
    return value % n;
  }
  [[nodiscard]] bool is_used_up() const { return left_ == 0; }

 private:
  uint32_t take() {
    if (left_ == 0) return 0;
    --left_;
    return *bytes_++;
  }

  const uint8_t* bytes_;
  size_t left_;
};

}  // namespace pester::sim

#endif

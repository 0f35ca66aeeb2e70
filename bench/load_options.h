// SPDX-License-Identifier: MIT
// What every load program of the bench takes and prints, so that they can be compared line by line.
#ifndef PESTER_BENCH_LOAD_OPTIONS_H_
#define PESTER_BENCH_LOAD_OPTIONS_H_

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

struct LoadOptions {
  const char* url = nullptr;
  long requests = 10'000;
  int parallel = 64;
  bool new_connections = false;  // "Connection: close"
  bool resilient = false;        // retries and hedging configured; they never fire
  bool standard = false;         // the policy of that name
  bool stream = false;           // bodies by callback
  bool small_buffer = false;     // libcurl's default of 16 KiB instead of 256 KiB
  const char* ca_file = nullptr;
};

inline bool read_load_options(int argc, char** argv, LoadOptions* options) {
  for (int i = 1; i < argc; ++i) {
    const char* arg = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (std::strcmp(arg, "--close") == 0) {
      options->new_connections = true;
    } else if (std::strcmp(arg, "--resilient") == 0) {
      options->resilient = true;
    } else if (std::strcmp(arg, "--standard") == 0) {
      options->standard = true;
    } else if (std::strcmp(arg, "--stream") == 0) {
      options->stream = true;
    } else if (std::strcmp(arg, "--small-buffer") == 0) {
      options->small_buffer = true;
    } else if (arg[0] != '-') {
      options->url = arg;
    } else if (value == nullptr) {
      break;
    } else if (std::strcmp(arg, "-n") == 0) {
      options->requests = std::atol(value);
      ++i;
    } else if (std::strcmp(arg, "-c") == 0) {
      options->parallel = std::atoi(value);
      ++i;
    } else if (std::strcmp(arg, "--cacert") == 0) {
      options->ca_file = value;
      ++i;
    }
  }
  if (options->url != nullptr) return true;
  std::fprintf(stderr,
               "usage: %s [-n REQUESTS] [-c PARALLEL] [--close] [--resilient] [--standard] [--stream] "
               "[--small-buffer] [--cacert FILE] URL\n",
               argv[0]);
  return false;
}

inline void print_load_result(const char* name, long done, long failed, unsigned long long bytes) {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const double cpu = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  std::printf("%s requests %ld failed %ld bytes %llu cpu_s %.3f cpu_us_each %.2f rss_kib %ld\n", name,
              done, failed, bytes, cpu, cpu * 1e6 / static_cast<double>(done), usage.ru_maxrss);
}

#endif

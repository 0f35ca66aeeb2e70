/* SPDX-License-Identifier: MIT
 * One budget, and one circuit breaker for each origin, for clients of several processes: in memory that
 * they share, under the name of an object or of a file. For servers that fork workers, and for whoever
 * else must not multiply extra attempts by the number of his processes. */
#ifndef PESTER_SHARED_H_
#define PESTER_SHARED_H_

#include <pester/base.h>
#include <pester/client.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  size_t struct_size;
  /* Exactly one of both. `name` is that of a shared memory object: '/' and up to 250 bytes without
   * another '/'. `path` is a file's, on a file system of this machine. What is not there is made, for
   * this user alone (mode 0600). */
  const char* name;
  const char* path;
  /* The budget of all of them; NULL: the defaults. window_ms is at least 1,000. Who opens what is there
   * must ask for the same. */
  const pester_budget_options_t* budget;
  char* error_text; /* if given: why pester_shared_open refused, in words */
  size_t error_text_size;
} pester_shared_options_t;
PESTER_API void pester_shared_options_init_sized(pester_shared_options_t* options, size_t struct_size);
#define pester_shared_options_init(options) \
  pester_shared_options_init_sized((options), sizeof(pester_shared_options_t))

/* Opens it, or makes it; then pester_client_options_t.shared. All of `options` is copied. It is not a
 * function of a loop: it opens a file, and waits while another process is within this call (at most two
 * seconds, then UV_ETIMEDOUT). Best before the loop runs. One handle serves any number of clients, on
 * any threads, and in children that are forked later; a process may have several, too.
 * Returns 0, UV_EINVAL, UV_ENOMEM, PESTER_EOPTION, a libuv errno of a system call that failed, or
 * PESTER_ESHARED: what is there is not made by Pester, cut short, damaged, of another version or of
 * other budget options, a link, a directory, another user's, or may be written to by others; it is left
 * as it is. error_text names it. A host that can do without goes on with `shared` NULL, and so with a
 * budget of its own.
 * Nobody who uses it ever waits for another: a process may be stopped or killed at any instruction, and
 * costs the others nothing but the tokens it had in hand. Of an earlier run of the machine only the file
 * is used. It stays until shm_unlink or unlink; who has it open keeps it, and whoever opens that name
 * afterwards gets another one. */
PESTER_API int pester_shared_open(pester_shared_t** shared, const pester_shared_options_t* options);
/* Gives back the caller's reference: clients that use it keep it, and the last one's end lets go of the
 * memory. NULL does nothing. */
PESTER_API void pester_shared_close(pester_shared_t* shared);

typedef struct {
  size_t struct_size;
  /* As in pester_budget_stats_t, of all processes since it was made. */
  uint64_t requests, reserved, refunded, refused;
  int64_t balance_per_mille;
  int origins;            /* whose breakers are in it; at most 1,024 */
  uint64_t origins_alone; /* for which there was no room: their breakers are their clients' own */
  /* 1: the file was cut short beneath this process, which has gone on with a budget and breakers of its
   * own since then, for as long as the handle lives; the figures are of that budget. */
  int lost;
} pester_shared_stats_t;
/* From any thread. The figures are read one by one while others go on. */
PESTER_API void pester_shared_stats_sized(pester_shared_t* shared, pester_shared_stats_t* stats,
                                          size_t struct_size);
#define pester_shared_stats(shared, stats) \
  pester_shared_stats_sized((shared), (stats), sizeof(pester_shared_stats_t))

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT
 * Claims about cookie jars in C: what they say of what they are given, and what becomes of files. */
#include <pester.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static pester_cookie_jar_t* jar;
static char why[256];
static char directory[] = "/tmp/pester-cookies-XXXXXX";
static char path[64], other[64];

static int open_jar(void** state) {
  (void)state;
  return pester_cookie_jar_new(&jar, NULL);
}
static int close_jar(void** state) {
  (void)state;
  pester_cookie_jar_free(jar);
  unlink(path);
  unlink(other);
  return 0;
}
static int make_directory(void** state) {
  (void)state;
  if (mkdtemp(directory) == NULL) return -1;
  snprintf(path, sizeof path, "%s/jar", directory);
  snprintf(other, sizeof other, "%s/other", directory);
  return 0;
}
static int remove_directory(void** state) {
  (void)state;
  return rmdir(directory); /* which is empty, or a test left something */
}

static void set(const char* url, const char* field) {
  assert_int_equal(pester_cookie_jar_set(jar, url, field, why, sizeof why), 0);
}
static void gives(const char* url, const char* expected) {
  char value[256];
  size_t size = sizeof value;
  assert_int_equal(pester_cookie_jar_get(jar, url, value, &size), 0);
  assert_string_equal(value, expected);
  assert_int_equal(size, strlen(expected));
}
static void write_file(const char* text) {
  FILE* file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}
static const char* read_file(const char* name) {
  static char text[1024];
  FILE* file = fopen(name, "r");
  size_t n;
  assert_non_null(file);
  n = fread(text, 1, sizeof text - 1, file);
  text[n] = '\0';
  fclose(file);
  return text;
}

/* ---- Set and get */

static void a_refusal_says_for_what(void** state) {
  (void)state;
  assert_int_equal(pester_cookie_jar_set(jar, "http://a.test/", "n=1; Secure", why, sizeof why),
                   PESTER_ECOOKIE);
  assert_string_equal(why, "Secure, and did not come over TLS");
  assert_int_equal(pester_cookie_jar_set(jar, "http://a.test/", "n=1; Secure", NULL, 0), PESTER_ECOOKIE);
  assert_int_equal(pester_cookie_jar_set(jar, "http://a b/", "n=1", why, sizeof why), PESTER_EURL);
  assert_non_null(strstr(why, "at byte 8"));
  assert_int_equal(pester_cookie_jar_set(jar, "ftp://a.test/", "n=1", why, sizeof why), PESTER_ESCHEME);
  assert_int_equal(pester_cookie_jar_count(jar), 0);
}

static void what_is_missing_is_refused(void** state) {
  size_t size = 0;
  pester_cookie_t cookie;
  (void)state;
  pester_cookie_init(&cookie);
  assert_int_equal(pester_cookie_jar_new(NULL, NULL), UV_EINVAL);
  assert_int_equal(pester_cookie_jar_set(NULL, "http://a/", "n=1", NULL, 0), UV_EINVAL);
  assert_int_equal(pester_cookie_jar_set(jar, NULL, "n=1", NULL, 0), UV_EINVAL);
  assert_int_equal(pester_cookie_jar_set(jar, "http://a/", NULL, NULL, 0), UV_EINVAL);
  assert_int_equal(pester_cookie_jar_get(NULL, "http://a/", NULL, &size), UV_EINVAL);
  assert_int_equal(pester_cookie_jar_get(jar, NULL, NULL, &size), UV_EINVAL);
  assert_int_equal(pester_cookie_jar_get(jar, "http://a/", NULL, NULL), UV_EINVAL);
  assert_int_equal(pester_cookie_jar_read(NULL, "", 0, 0, NULL, 0), UV_EINVAL);
  assert_int_equal(pester_cookie_jar_read(jar, NULL, 1, 0, NULL, 0), UV_EINVAL);
  assert_int_equal(pester_cookie_jar_write(NULL, NULL, &size), UV_EINVAL);
  assert_int_equal(pester_cookie_jar_write(jar, NULL, NULL), UV_EINVAL);
  assert_int_equal(pester_cookie_jar_load(NULL, path, 0, NULL, 0), UV_EINVAL);
  assert_int_equal(pester_cookie_jar_load(jar, NULL, 0, NULL, 0), UV_EINVAL);
  assert_int_equal(pester_cookie_jar_save(NULL, path), UV_EINVAL);
  assert_int_equal(pester_cookie_jar_save(jar, NULL), UV_EINVAL);
  assert_int_equal(pester_cookie_jar_next(NULL, &cookie), 0);
  assert_int_equal(pester_cookie_jar_next(jar, NULL), 0);
  assert_int_equal(pester_cookie_jar_count(NULL), 0);
  pester_cookie_jar_clear(NULL);
  pester_cookie_jar_clear_session(NULL);
  pester_cookie_jar_free(NULL);
}

static void a_value_that_does_not_fit_says_how_much_it_takes(void** state) {
  char value[8];
  size_t size = 0;
  (void)state;
  set("http://a.test/", "n=1; Path=/");
  set("http://a.test/", "m=2; Path=/");
  assert_int_equal(pester_cookie_jar_get(jar, "http://a.test/", NULL, &size), UV_ENOBUFS);
  assert_int_equal(size, 9);
  size = sizeof value;
  assert_int_equal(pester_cookie_jar_get(jar, "http://a.test/", value, &size), UV_ENOBUFS);
  assert_int_equal(size, 9);
  size = 1;
  assert_int_equal(pester_cookie_jar_get(jar, "http://b.test/", value, &size), 0);
  assert_int_equal(size, 0);
  assert_string_equal(value, "");
  assert_int_equal(pester_cookie_jar_get(jar, "a.test", value, &size), PESTER_EURL);
}

static void cookies_are_shown_in_the_order_they_came(void** state) {
  pester_cookie_t cookie;
  int64_t now = (int64_t)time(NULL);
  (void)state;
  set("https://www.example.com/x/y", "a=1; HttpOnly; Secure; SameSite=Strict; Max-Age=100");
  set("http://[::1]:8080/", "b=");
  pester_cookie_init(&cookie);
  assert_int_equal(pester_cookie_jar_next(jar, &cookie), 1);
  assert_string_equal(cookie.name, "a");
  assert_string_equal(cookie.value, "1");
  assert_string_equal(cookie.domain, "www.example.com");
  assert_string_equal(cookie.path, "/x");
  assert_in_range(cookie.expires_s, now + 95, now + 105);
  assert_int_equal(cookie.host_only, 1);
  assert_int_equal(cookie.secure, 1);
  assert_int_equal(cookie.http_only, 1);
  assert_int_equal(cookie.same_site, PESTER_SAME_SITE_STRICT);
  assert_int_equal(pester_cookie_jar_next(jar, &cookie), 1);
  assert_string_equal(cookie.name, "b");
  assert_string_equal(cookie.value, "");
  assert_string_equal(cookie.domain, "::1");
  assert_string_equal(cookie.path, "/");
  assert_int_equal(cookie.expires_s, 0);
  assert_int_equal(cookie.secure, 0);
  assert_int_equal(cookie.same_site, PESTER_SAME_SITE_UNSET);
  assert_int_equal(pester_cookie_jar_next(jar, &cookie), 0);
  assert_int_equal(pester_cookie_jar_count(jar), 2);
  pester_cookie_jar_clear_session(jar);
  assert_int_equal(pester_cookie_jar_count(jar), 1);
  pester_cookie_jar_clear(jar);
  assert_int_equal(pester_cookie_jar_count(jar), 0);
}

static void an_older_header_has_a_shorter_cookie(void** state) {
  union {
    pester_cookie_t cookie;
    char bytes[sizeof(pester_cookie_t)];
  } room;
  (void)state;
  set("http://a.test/", "n=1");
  memset(&room, 'x', sizeof room);
  pester_cookie_init_sized(&room.cookie, offsetof(pester_cookie_t, domain));
  assert_int_equal(pester_cookie_jar_next(jar, &room.cookie), 1);
  assert_string_equal(room.cookie.value, "1");
  assert_int_equal(room.bytes[offsetof(pester_cookie_t, domain)], 'x');
  assert_int_equal(pester_cookie_jar_next(jar, &room.cookie), 0);
}

/* ---- Options */

static int is_suffix(const char* domain, void* data) {
  ++*(int*)data;
  return strcmp(domain, "a.test") == 0;
}

static void public_suffixes_may_be_ones_own(void** state) {
  pester_cookie_jar_options_t options;
  pester_cookie_jar_t* own;
  int asked = 0;
  (void)state;
  pester_cookie_jar_options_init(&options);
  options.is_public_suffix = is_suffix;
  options.data = &asked;
  assert_int_equal(pester_cookie_jar_new(&own, &options), 0);
  assert_int_equal(pester_cookie_jar_set(own, "http://x.a.test/", "n=1; Domain=A.test", why, sizeof why),
                   PESTER_ECOOKIE);
  assert_string_equal(why, "Domain a.test is a public suffix");
  assert_int_equal(pester_cookie_jar_set(own, "http://x.b.test/", "n=1; Domain=b.test", NULL, 0), 0);
  assert_int_equal(pester_cookie_jar_set(own, "http://x.b.test/", "n=1", NULL, 0), 0);
  assert_int_equal(asked, 2);
  pester_cookie_jar_free(own);
}

static int blocks;
static void* count_alloc(size_t size, void* data) {
  (void)data;
  ++blocks;
  return malloc(size);
}
static void* count_resize(void* block, size_t size, void* data) {
  (void)data;
  blocks += block == NULL;
  return realloc(block, size);
}
static void count_release(void* block, void* data) {
  (void)data;
  blocks -= block != NULL;
  free(block);
}

static void all_memory_is_of_the_allocator(void** state) {
  pester_allocator_t allocator = {count_alloc, count_resize, count_release, NULL};
  pester_cookie_jar_options_t options;
  pester_cookie_jar_t* own = NULL;
  (void)state;
  pester_cookie_jar_options_init(&options);
  options.allocator = &allocator;
  assert_int_equal(pester_cookie_jar_new(&own, &options), 0);
  assert_int_equal(pester_cookie_jar_set(own, "http://a.test/", "n=1", NULL, 0), 0);
  assert_true(blocks >= 2);
  assert_int_equal(pester_cookie_jar_save(own, path), 0);
  assert_int_equal(pester_cookie_jar_load(own, path, 0, NULL, 0), 1);
  pester_cookie_jar_free(own);
  assert_int_equal(blocks, 0);
  allocator.resize = NULL;
  own = NULL;
  assert_int_equal(pester_cookie_jar_new(&own, &options), PESTER_EOPTION);
  assert_null(own);
  options.struct_size = 0;
  assert_int_equal(pester_cookie_jar_new(&own, &options), UV_EINVAL);
}

/* ---- Text */

static void a_jar_as_text_is_read_back(void** state) {
  char text[1024];
  size_t size = 0;
  (void)state;
  set("http://a.test/", "n=1; Max-Age=100");
  set("http://a.test/", "m=2");
  assert_int_equal(pester_cookie_jar_write(jar, NULL, &size), UV_ENOBUFS);
  assert_true(size > 1 && size <= sizeof text);
  assert_int_equal(pester_cookie_jar_write(jar, text, &size), 0);
  assert_int_equal(size, strlen(text));
  pester_cookie_jar_clear(jar);
  assert_int_equal(pester_cookie_jar_read(jar, text, size, PESTER_COOKIES_ALL, why, sizeof why), 2);
  assert_string_equal(why, "");
  gives("http://a.test/", "n=1; m=2");
  pester_cookie_jar_clear(jar);
  assert_int_equal(pester_cookie_jar_read(jar, text, size, PESTER_COOKIES_WITHOUT_SESSION, NULL, 0), 1);
  gives("http://a.test/", "n=1");
  assert_int_equal(pester_cookie_jar_read(jar, "no cookie", 9, 0, why, sizeof why), 0);
  assert_string_equal(why, "line 1: not the seven fields of a cookie");
}

static void a_text_over_its_limit_is_refused(void** state) {
  const size_t most = (size_t)32 << 20;
  char* text = malloc(most + 1);
  (void)state;
  assert_non_null(text);
  memset(text, '#', most + 1); /* one line, which says nothing */
  assert_int_equal(pester_cookie_jar_read(jar, text, most, 0, why, sizeof why), 0);
  assert_int_equal(pester_cookie_jar_read(jar, text, most + 1, 0, why, sizeof why), UV_EFBIG);
  assert_string_equal(why, "longer than 32 MiB");
  free(text);
}

/* ---- Files */

static void a_saved_jar_is_loaded(void** state) {
  struct stat status;
  (void)state;
  set("http://a.test/x/y", "n=1; HttpOnly");
  assert_int_equal(pester_cookie_jar_save(jar, path), 0);
  assert_int_equal(stat(path, &status), 0);
  assert_int_equal(status.st_mode & 0777, 0600);
  assert_non_null(strstr(read_file(path), "\n#HttpOnly_a.test\tFALSE\t/x\tFALSE\t0\tn\t1\n"));
  pester_cookie_jar_clear(jar);
  assert_int_equal(pester_cookie_jar_load(jar, path, PESTER_COOKIES_ALL, why, sizeof why), 1);
  gives("http://a.test/x/", "n=1");
}

/* Another name of the old file keeps the old bytes: nothing was written over. */
static void saving_puts_a_new_file_in_the_place_of_the_old(void** state) {
  struct stat status;
  (void)state;
  write_file("old");
  assert_int_equal(chmod(path, 0644), 0);
  assert_int_equal(link(path, other), 0);
  set("http://a.test/", "n=1");
  assert_int_equal(pester_cookie_jar_save(jar, path), 0);
  assert_string_equal(read_file(other), "old");
  assert_non_null(strstr(read_file(path), "\tn\t1\n"));
  assert_int_equal(stat(path, &status), 0);
  assert_int_equal(status.st_mode & 0777, 0600);
}

static void what_is_no_regular_file_is_written_to(void** state) {
  struct stat status;
  (void)state;
  assert_int_equal(pester_cookie_jar_save(jar, "/dev/null"), 0);
  assert_int_equal(stat("/dev/null", &status), 0);
  assert_true(S_ISCHR(status.st_mode));
}

static void a_file_that_cannot_be_opened_is_an_errno(void** state) {
  (void)state;
  assert_int_equal(pester_cookie_jar_load(jar, path, 0, why, sizeof why), UV_ENOENT);
  assert_non_null(strstr(why, "/jar: no such file or directory"));
  assert_int_equal(pester_cookie_jar_load(jar, directory, 0, NULL, 0), UV_EISDIR);
  assert_int_equal(pester_cookie_jar_save(jar, directory), UV_EISDIR);
  assert_int_equal(pester_cookie_jar_save(jar, "/nowhere/at/all"), UV_ENOENT);
  assert_int_equal(pester_cookie_jar_save(jar, ""), UV_ENOENT);
}

static void a_file_over_its_limit_is_refused(void** state) {
  (void)state;
  write_file("");
  assert_int_equal(truncate(path, ((off_t)32 << 20) + 1), 0);
  assert_int_equal(pester_cookie_jar_load(jar, path, 0, why, sizeof why), UV_EFBIG);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_jar, close_jar)
  const struct CMUnitTest tests[] = {
      TEST(a_refusal_says_for_what),
      TEST(what_is_missing_is_refused),
      TEST(a_value_that_does_not_fit_says_how_much_it_takes),
      TEST(cookies_are_shown_in_the_order_they_came),
      TEST(an_older_header_has_a_shorter_cookie),
      TEST(public_suffixes_may_be_ones_own),
      TEST(all_memory_is_of_the_allocator),
      TEST(a_jar_as_text_is_read_back),
      TEST(a_text_over_its_limit_is_refused),
      TEST(a_saved_jar_is_loaded),
      TEST(saving_puts_a_new_file_in_the_place_of_the_old),
      TEST(what_is_no_regular_file_is_written_to),
      TEST(a_file_that_cannot_be_opened_is_an_errno),
      TEST(a_file_over_its_limit_is_refused),
  };
#undef TEST
  return cmocka_run_group_tests(tests, make_directory, remove_directory) != 0;
}

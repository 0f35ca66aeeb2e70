// SPDX-License-Identifier: MIT
// Claims about the file behind the memory that processes share: what is joined, what is begun, what is
// begun anew, and what is refused without a byte of it changed.
#include "uv/shared_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "pester/errors.h"
#include "uv/shared_memory.h"

#include "support/cmocka.h"

using pester::core::BudgetOptions;
using pester::core::Instant;
using pester::core::Why;
using pester::uv::checksum_of;
using pester::uv::shared_file_close;
using pester::uv::shared_file_is_whole;
using pester::uv::shared_file_open;
using pester::uv::SharedFile;
using pester::uv::SharedFileSpec;
using pester::uv::SharedHeader;
using pester::uv::SharedLayout;
using pester::uv::SharedMemory;

namespace {

std::string directory, path;

int begin(void**) {
  char name[] = "/tmp/pester-shared-XXXXXX";
  if (mkdtemp(name) == nullptr) return 1;
  directory = name;
  path = directory + "/shared";
  return 0;
}
int end(void**) {
  unlink(path.c_str());
  unlink((directory + "/link").c_str());
  return rmdir(directory.c_str());
}

Why why;

int try_open(SharedFile* file, const std::string& at = path, const BudgetOptions& budget = {}) {
  why.clear();
  return shared_file_open({nullptr, at.c_str(), budget}, file, &why);
}

void make() {
  SharedFile file;
  assert_int_equal(try_open(&file), 0);
  shared_file_close(file);
}

std::string read_all() {
  std::string bytes;
  FILE* f = std::fopen(path.c_str(), "rb");
  char part[65'536];
  for (size_t n; (n = std::fread(part, 1, sizeof part, f)) != 0;) bytes.append(part, n);
  std::fclose(f);
  return bytes;
}

void write_all(std::string_view bytes) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, bytes.data(), bytes.size()), bytes.size());
  assert_int_equal(ftruncate(fd, static_cast<off_t>(bytes.size())), 0);
  close(fd);
}

// It is refused, the words name the file and say why, and nothing in it is changed.
void assert_refused(const char* words, const BudgetOptions& budget = {}) {
  const std::string before = read_all();
  SharedFile file;
  assert_int_equal(try_open(&file, path, budget), PESTER_ESHARED);
  assert_non_null(std::strstr(why.c_str(), words));
  assert_non_null(std::strstr(why.c_str(), path.c_str()));
  assert_true(read_all() == before);
}

void the_first_makes_it_for_this_user_alone_whatever_the_umask(void**) {
  const mode_t usual = umask(0777);
  make();
  umask(usual);
  struct stat status;
  assert_int_equal(stat(path.c_str(), &status), 0);
  assert_int_equal(status.st_mode & 07777, 0600);
  assert_int_equal(status.st_size, sizeof(SharedLayout));
}

void what_one_writes_the_other_sees(void**) {
  SharedFile one, other;
  assert_int_equal(try_open(&one), 0);
  assert_int_equal(try_open(&other), 0);
  assert_true(one.at != other.at);
  one.at->ledger.latest.store(77);
  assert_int_equal(other.at->ledger.latest.load(), 77);
  assert_true((fcntl(one.fd, F_GETFD) & FD_CLOEXEC) != 0);
  shared_file_close(one);
  make();
  assert_int_equal(other.at->ledger.latest.load(), 77);
  shared_file_close(other);
}

void a_maker_that_died_before_the_header_is_made_good(void**) {
  for (const size_t size : {size_t{0}, sizeof(SharedLayout)}) {
    write_all(std::string(size, '\0'));
    make();
    assert_int_equal(read_all().substr(0, 8) == "PesterSh", 1);
  }
}

void a_file_of_any_other_size_is_refused(void**) {
  make();
  const std::string whole = read_all();
  for (size_t size = 1; size < whole.size(); size += size < 200 ? 1 : 9'973) {
    write_all(std::string_view(whole).substr(0, size));
    assert_refused("cut short");
  }
  write_all(whole + "x");
  assert_refused("cut short, or longer");
  write_all(std::string(whole.size(), 'x'));
  assert_refused("not made by Pester");
  write_all(std::string(whole.size() - 1, '\0'));
  assert_refused("not made by Pester");
  write_all(std::string(whole.size() - 1, '\0') + "x");  // not the work of a maker that died
  assert_refused("not made by Pester");
}

void a_header_with_any_byte_changed_is_refused(void**) {
  make();
  const std::string whole = read_all();
  for (size_t at = 0; at < sizeof(SharedHeader); ++at) {
    for (const char change : {'\x01', '\x80', '\xff'}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ change);
      write_all(damaged);
      assert_refused("");
    }
  }
  write_all(whole);
  make();
}

// As if written so: its checksum is right.
std::string with_header(std::string whole, void (*change)(SharedHeader&)) {
  SharedHeader header;
  std::memcpy(&header, whole.data(), sizeof header);
  change(header);
  header.checksum = checksum_of(header);
  std::memcpy(whole.data(), &header, sizeof header);
  return whole;
}

void another_version_is_refused(void**) {
  make();
  write_all(with_header(read_all(), [](SharedHeader& header) { ++header.version; }));
  assert_refused("another version");
}

void another_budget_is_refused_and_told(void**) {
  make();
  assert_refused("ratio 200, floor 10, window 10000 ms", {.ratio = 300});
  assert_refused("ratio 200, floor 10, window 10000 ms", {.floor_per_second = 0});
  assert_refused("window 10000 ms", {.window = pester::core::Duration::from_ms(20'000)});
}

// Its clock began anew, and nobody lives who had it open.
void what_is_of_an_earlier_run_of_the_machine_is_begun_anew(void**) {
  SharedFile file, old;
  assert_int_equal(try_open(&file), 0);
  assert_int_equal(try_open(&old), 0);
  const uint64_t seed = old.at->header.seed;
  file.at->ledger.latest.store(4'000'000'000);
  shared_file_close(file);
  write_all(with_header(read_all(), [](SharedHeader& header) { header.boot[0] ^= 1; }));
  assert_int_equal(try_open(&file), 0);
  assert_int_equal(file.at->ledger.latest.load(), 0);
  shared_file_close(file);
  // To one that has it open all the same, it is another, and whole.
  assert_true(shared_file_is_whole(old));
  assert_true(old.at->header.seed != seed);
  shared_file_close(old);
}

void what_others_may_write_to_is_refused(void**) {
  make();
  for (const mode_t mode : {0620u, 0602u, 0666u}) {
    assert_int_equal(chmod(path.c_str(), mode), 0);
    assert_refused("others may write to it");
  }
  assert_int_equal(chmod(path.c_str(), 0644), 0);
  make();
  if (geteuid() != 0) return;
  assert_int_equal(chown(path.c_str(), 65'534, 65'534), 0);
  assert_refused("belongs to another user");
}

void links_directories_and_pipes_are_refused(void**) {
  SharedFile file;
  make();
  const std::string link = directory + "/link";
  assert_int_equal(symlink(path.c_str(), link.c_str()), 0);
  assert_int_equal(try_open(&file, link), PESTER_ESHARED);
  assert_non_null(std::strstr(why.c_str(), "a symbolic link"));
  assert_int_equal(try_open(&file, directory), PESTER_ESHARED);
  assert_non_null(std::strstr(why.c_str(), "a directory"));
  assert_int_equal(unlink(path.c_str()), 0);
  assert_int_equal(mkfifo(path.c_str(), 0600), 0);
  assert_int_equal(try_open(&file), PESTER_ESHARED);
  assert_non_null(std::strstr(why.c_str(), "not a plain file"));
  assert_int_equal(try_open(&file, "/dev/null"), PESTER_ESHARED);
}

void what_the_system_refuses_is_its_own_code(void**) {
  SharedFile file;
  assert_int_equal(try_open(&file, directory + "/none/shared"), UV_ENOENT);
  assert_non_null(std::strstr(why.c_str(), "no such file"));
  // A path that is too long for the words is cut, and no more.
  assert_int_equal(try_open(&file, directory + "/" + std::string(300, 'x')), UV_ENAMETOOLONG);
  assert_non_null(std::strstr(why.c_str(), "shared: not opened: name too long"));
}

// The kernel lets go of what a killed process had locked.
void a_lock_dies_with_its_holder(void**) {
  make();
  int ready[2];
  assert_int_equal(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
    const bool locked = fd >= 0 && flock(fd, LOCK_EX) == 0;
    if (!locked || write(ready[1], "x", 1) != 1) _exit(1);
    for (;;) pause();
  }
  char byte;
  assert_int_equal(read(ready[0], &byte, 1), 1);
  SharedFile file;
  assert_int_equal(try_open(&file), UV_ETIMEDOUT);  // it lives
  assert_int_equal(kill(child, SIGKILL), 0);
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(try_open(&file), 0);
  shared_file_close(file);
  close(ready[0]);
  close(ready[1]);
}

void a_file_that_is_cut_short_is_not_whole(void**) {
  SharedFile file;
  assert_int_equal(try_open(&file), 0);
  assert_true(shared_file_is_whole(file));
  assert_int_equal(truncate(path.c_str(), sizeof(SharedLayout) - 1), 0);
  assert_false(shared_file_is_whole(file));
  assert_int_equal(truncate(path.c_str(), sizeof(SharedLayout)), 0);
  assert_true(shared_file_is_whole(file));
  const int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
  assert_int_equal(dup3(other, file.fd, O_CLOEXEC), file.fd);  // the host closed what was not its own
  assert_false(shared_file_is_whole(file));
  close(other);
  shared_file_close(file);
}

// ---- the memory on it

SharedMemory* open_memory() {
  SharedMemory* memory = nullptr;
  assert_int_equal(SharedMemory::open(&memory, {nullptr, path.c_str(), {}}, &why), 0);
  return memory;
}

Instant now() {
  return {static_cast<int64_t>(uv_hrtime())};
}

void two_handles_spend_of_one_ledger(void**) {
  SharedMemory* one = open_memory();
  SharedMemory* other = open_memory();
  int paid = 0;
  while (one->ledger().reserve(now()) || other->ledger().reserve(now())) ++paid;
  assert_in_range(paid, 95, 105);
  assert_int_equal(one->figures().counts.reserved, paid);
  assert_false(one->figures().lost);
  one->leave();
  other->leave();
}

// No signal, and no token of the one given back to the other.
void one_whose_file_is_cut_short_goes_on_alone(void**) {
  SharedMemory* memory = open_memory();
  memory->ledger().began(now());
  const auto paid = memory->ledger().reserve(now());
  assert_true(static_cast<bool>(paid));
  assert_int_equal(truncate(path.c_str(), 0), 0);
  memory->ledger().began(now());
  assert_true(static_cast<bool>(memory->ledger().reserve(now())));
  memory->ledger().refund(paid, now());
  auto figures = memory->figures();
  assert_true(figures.lost);
  assert_int_equal(figures.counts.begun, 1);
  assert_int_equal(figures.counts.reserved, 1);
  assert_int_equal(figures.counts.refunded, 0);
  assert_in_range(figures.balance_per_mille, 90'000, 100'000);
  // Somebody begins it anew: that is not what this one had.
  SharedMemory* later = open_memory();
  memory->ledger().began(now());
  assert_int_equal(later->figures().counts.begun, 0);
  assert_true(memory->figures().lost);
  memory->leave();
  later->leave();
}

void one_that_was_begun_anew_unseen_is_lost_too(void**) {
  SharedMemory* memory = open_memory();
  assert_int_equal(truncate(path.c_str(), 0), 0);
  SharedMemory* later = open_memory();  // before the first has looked
  memory->ledger().began(now());
  assert_int_equal(later->figures().counts.begun, 0);
  assert_true(memory->figures().lost);
  memory->leave();
  later->leave();
}

void what_looking_costs(void**) {
  SharedMemory* memory = open_memory();
  constexpr int kTimes = 20'000;
  const uint64_t before = uv_hrtime();
  for (int i = 0; i < kTimes; ++i) memory->ledger().began(now());
  const uint64_t each = (uv_hrtime() - before) / kTimes;
  std::printf("a request that begins costs %d ns, the look at the file included\n",
              static_cast<int>(each));
  assert_int_equal(memory->figures().counts.begun, kTimes);
  memory->leave();
}

}  // namespace

int main() {
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, begin, end)
  const CMUnitTest tests[] = {
      CLAIM(the_first_makes_it_for_this_user_alone_whatever_the_umask),
      CLAIM(what_one_writes_the_other_sees),
      CLAIM(a_maker_that_died_before_the_header_is_made_good),
      CLAIM(a_file_of_any_other_size_is_refused),
      CLAIM(a_header_with_any_byte_changed_is_refused),
      CLAIM(another_version_is_refused),
      CLAIM(another_budget_is_refused_and_told),
      CLAIM(what_is_of_an_earlier_run_of_the_machine_is_begun_anew),
      CLAIM(what_others_may_write_to_is_refused),
      CLAIM(links_directories_and_pipes_are_refused),
      CLAIM(what_the_system_refuses_is_its_own_code),
      CLAIM(a_lock_dies_with_its_holder),
      CLAIM(a_file_that_is_cut_short_is_not_whole),
      CLAIM(two_handles_spend_of_one_ledger),
      CLAIM(one_whose_file_is_cut_short_goes_on_alone),
      CLAIM(one_that_was_begun_anew_unseen_is_lost_too),
      CLAIM(what_looking_costs),
  };
#undef CLAIM
  return cmocka_run_group_tests_name("shared_file", tests, nullptr, nullptr) != 0;
}

// SPDX-License-Identifier: MIT
// Claims about files and forms as bodies: what is sent of them, and what becomes of files that change,
// of requests that end while one is read, and of what cannot be sent.
#include <fcntl.h>
#include <sys/stat.h>

#include "upload_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

char path[] = "/tmp/pester-file-source-XXXXXX";
int descriptors;
pester_body_source_t source;

int open_descriptors() {
  int count = 0;
  for (int fd = 0; fd < 1024; ++fd) count += fcntl(fd, F_GETFD) != -1;
  return count;
}

int begin_file(void** state) {
  begin(state);
  std::strcpy(path, "/tmp/pester-file-source-XXXXXX");
  const int fd = mkstemp(path);
  if (fd < 0 || close(fd) != 0) return -1;
  pester_body_source_init(&source);
  return c.open();
}
int end_file(void** state) {
  unlink(path);
  return end(state);
}

void write_file(const std::string& text) {
  const int fd = open(path, O_WRONLY | O_TRUNC);
  if (write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
  close(fd);
}

int send_source() {
  return c.send(post(&source), &outcome);
}

void a_file_is_sent_with_its_length(void**) {
  c.serve(serve);
  const std::string text = long_text(1'000'000);
  write_file(text);
  assert_int_equal(pester_file_source(c.client, path, &source), 0);
  assert_int_equal(source.length, 1'000'000);
  assert_int_equal(send_source(), 0);
  c.run();
  assert_non_null(std::strstr(head.c_str(), "\r\nContent-Length: 1000000\r\n"));
  assert_true(wire == text);
  assert_string_equal(outcome.body.c_str(), "thanks");
  assert_int_equal(c.end(), 0);
}

void an_empty_file_is_sent_too(void**) {
  c.serve(serve);
  assert_int_equal(pester_file_source(c.client, path, &source), 0);
  assert_int_equal(send_source(), 0);
  c.run();
  assert_non_null(std::strstr(head.c_str(), "\r\nContent-Length: 0\r\n"));
  assert_string_equal(outcome.body.c_str(), "thanks");
  assert_int_equal(c.end(), 0);
}

void a_descriptor_is_sent_from_where_it_stands_and_stays_open(void**) {
  c.serve(serve);
  write_file("0123456789");
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  char four[4];
  assert_int_equal(read(fd, four, sizeof four), 4);
  assert_int_equal(pester_fd_source(c.client, fd, &source), 0);
  assert_int_equal(send_source(), 0);
  c.run();
  assert_string_equal(wire.c_str(), "456789");
  assert_int_equal(lseek(fd, 0, SEEK_CUR), 4);
  assert_int_equal(close(fd), 0);
  assert_int_equal(c.end(), 0);
}

void a_file_is_sent_again_from_its_beginning(void**) {
  c.serve([](Peer& peer) {
    for (std::string line; !(line = peer.head()).empty();) {
      const std::string got = body_of(peer, line);
      if (requests == 0) wire = got;
      if (requests == 2 && got == wire) head = "same";
      peer.answer("thanks", requests++ < 2 ? "503 Busy" : "200 OK");
    }
  });
  const std::string text = long_text(400'000);
  write_file(text);
  assert_int_equal(pester_file_source(c.client, path, &source), 0);
  assert_int_equal(send_source(), 0);
  c.run();
  assert_int_equal(outcome.exchanges.size(), 3);
  assert_true(wire == text);
  assert_string_equal(head.c_str(), "same");
  assert_int_equal(c.end(), 0);
}

// It lost its end while it was sent: the server gets no body that looks whole.
void a_file_that_becomes_shorter_fails(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  write_file(long_text(1'000'000));
  assert_int_equal(pester_file_source(c.client, path, &source), 0);
  write_file(long_text(10));
  assert_int_equal(send_source(), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_ESOURCE);
  assert_string_equal(outcome.detail.c_str(),
                      "the body's source ended early: 999990 of 1000000 bytes are missing");
  assert_int_equal(c.end(), 0);
}

void of_a_file_that_grows_what_was_there_is_sent(void**) {
  c.serve(serve);
  write_file("hello");
  assert_int_equal(pester_file_source(c.client, path, &source), 0);
  write_file("hello world");
  assert_int_equal(send_source(), 0);
  c.run();
  assert_string_equal(wire.c_str(), "hello");
  assert_int_equal(outcome.error, 0);
  assert_int_equal(c.end(), 0);
}

void what_is_no_file_is_refused(void**) {
  assert_int_equal(pester_file_source(c.client, "/tmp", &source), UV_EISDIR);
  assert_int_equal(pester_file_source(c.client, "/dev/null", &source), UV_EINVAL);
  assert_int_equal(pester_file_source(c.client, "/nowhere/at/all", &source), UV_ENOENT);
  assert_int_equal(pester_file_source(c.client, nullptr, &source), UV_EINVAL);
  assert_int_equal(pester_file_source(nullptr, path, &source), UV_EINVAL);
  assert_int_equal(pester_fd_source(c.client, -1, &source), UV_EBADF);
  unlink(path);
  assert_int_equal(mkfifo(path, 0600), 0);
  assert_int_equal(pester_file_source(c.client, path, &source), UV_EINVAL);  // and is not waited for
  source.struct_size = 0;
  assert_int_equal(pester_fd_source(c.client, 0, &source), PESTER_EOPTION);
  assert_int_equal(c.end(), 0);
}

void a_file_that_cannot_be_read_fails_with_the_systems_word(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  write_file("hello");
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  assert_int_equal(pester_fd_source(c.client, fd, &source), 0);
  assert_int_equal(send_source(), 0);
  c.run();
  close(fd);
  assert_int_equal(outcome.error, UV_EBADF);
  assert_string_equal(outcome.detail.c_str(), "the body's source failed");
  assert_int_equal(c.end(), 0);
}

// In each turn of the loop once: while it is opened, asked for, read, sent.
void an_end_while_a_file_is_read_leaves_nothing_behind(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.body(300'000);
    peer.answer("thanks");
    peer.sees_close();
  });
  write_file(long_text(300'000));
  for (int turns = 0; turns < 12; ++turns) {
    for (const bool closes : {false, true}) {
      outcome = {};
      if (c.client == nullptr) assert_int_equal(c.open(), 0);
      c.closed = false;
      assert_int_equal(pester_file_source(c.client, path, &source), 0);
      assert_int_equal(send_source(), 0);
      for (int i = 0; i < turns; ++i) uv_run(&c.loop, UV_RUN_NOWAIT);
      (void)(closes ? c.close_client() : pester_cancel(c.client, outcome.id));
      c.run();
      assert_int_equal(outcome.done, 1);
      if (closes) c.client = nullptr;
    }
  }
  assert_int_equal(c.open(), 0);
  c.closed = false;
  assert_int_equal(c.end(), 0);
}

void a_source_that_is_not_sent_is_freed_by_its_done(void**) {
  const int before = open_descriptors();
  assert_int_equal(pester_file_source(c.client, path, &source), 0);
  assert_int_equal(open_descriptors(), before + 1);
  source.done(source.data);
  assert_int_equal(open_descriptors(), before);
  assert_int_equal(c.end(), 0);
}

// ---- forms

std::string boundary_of(const pester_multipart_t* form) {
  const std::string type = pester_multipart_content_type(form);
  return type.substr(type.find('=') + 1);
}

// As Chromium and Firefox send it: see WHATWG HTML, "multipart/form-data encoding algorithm".
void a_form_is_sent_as_browsers_do(void**) {
  c.serve(serve);
  write_file("the file");
  pester_multipart_t* form = nullptr;
  assert_int_equal(pester_multipart_new(&form, c.client), 0);
  const std::string boundary = boundary_of(form);
  const std::string type = pester_multipart_content_type(form);
  assert_int_equal(boundary.size(), 40);
  assert_int_equal(pester_multipart_field(form, "a \"name\"\r\n", "va\"lue\n"), 0);
  assert_int_equal(pester_multipart_file(form, "up", path, "na\"me\n.txt", "text/plain"), 0);
  assert_int_equal(pester_multipart_file(form, "\xc3\xa9", path, nullptr, nullptr), 0);
  pester_part_t part;
  pester_part_init(&part);
  part.name = "bytes";
  part.value = "\0\1";
  part.value_len = 2;
  part.content_type = "application/x-two";
  assert_int_equal(pester_multipart_add(form, &part), 0);
  assert_int_equal(pester_multipart_source(form, &source), 0);
  pester_request_t request = post(&source);
  const pester_header_t header = {"Content-Type", type.c_str()};
  request.headers = &header;
  request.header_count = 1;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  const std::string line = "--" + boundary + "\r\nContent-Disposition: form-data; name=";
  const std::string name = std::string(path).substr(std::strlen("/tmp/"));
  const std::string expected =
      line + "\"a %22name%22%0D%0A\"\r\n\r\nva\"lue\n\r\n" +  //
      line + "\"up\"; filename=\"na%22me%0A.txt\"\r\nContent-Type: text/plain\r\n\r\nthe file\r\n" +
      line + "\"\xc3\xa9\"; filename=\"" + name +
      "\"\r\nContent-Type: application/octet-stream\r\n\r\nthe file\r\n" +  //
      line + "\"bytes\"\r\nContent-Type: application/x-two\r\n\r\n" + std::string("\0\1", 2) + "\r\n" +
      "--" + boundary + "--\r\n";
  assert_true(wire == expected);
  assert_non_null(std::strstr(head.c_str(), ("Content-Type: " + type).c_str()));
  assert_non_null(
      std::strstr(head.c_str(), ("Content-Length: " + std::to_string(expected.size())).c_str()));
  assert_string_equal(outcome.body.c_str(), "thanks");
  assert_int_equal(c.end(), 0);
}

pester_multipart_t* form_of(const pester_body_source_t* inner) {
  pester_multipart_t* form = nullptr;
  pester_part_t part;
  pester_part_init(&part);
  part.name = "part";
  part.source = inner;
  if (pester_multipart_new(&form, c.client) != 0 || pester_multipart_add(form, &part) != 0 ||
      pester_multipart_source(form, &source) != 0) {
    std::abort();
  }
  return form;
}

void a_part_of_unknown_length_makes_the_form_one(void**) {
  c.serve(serve);
  body->piece = 100;
  static bool has;
  has = false;
  body->before = [] { return has ? 0 : PESTER_NOT_NOW; };
  const std::string text = long_text(2500);
  const std::string boundary = boundary_of(form_of(body->give(text)));
  assert_int_equal(source.length, PESTER_NONE);
  assert_null(source.rewind);
  assert_int_equal(send_source(), 0);
  assert_true(c.run_until([] { return body->reads == 1; }));
  has = true;
  assert_int_equal(pester_source_ready(c.client, body->id), 0);
  c.run();
  assert_true(unchunk(wire) == "--" + boundary +
                                   "\r\nContent-Disposition: form-data; name=\"part\"\r\n\r\n" + text +
                                   "\r\n--" + boundary + "--\r\n");
  ASSERT_DELIVERED();
}

void a_form_is_sent_again_when_all_its_parts_can_be(void**) {
  c.serve([](Peer& peer) {
    for (std::string line; !(line = peer.head()).empty();) {
      const std::string got = body_of(peer, line);
      if (requests == 0) wire = got;
      if (requests == 1 && got == wire) head = "same";
      peer.answer("thanks", requests++ == 0 ? "503 Busy" : "200 OK");
    }
  });
  body->rewindable();
  body->give(long_text(2000));
  body->has_length();
  (void)form_of(&body->source);
  assert_true(source.length > 2000);
  assert_int_equal(send_source(), 0);
  c.run();
  assert_int_equal(body->rewinds, 1);
  assert_string_equal(head.c_str(), "same");
  ASSERT_DELIVERED();
}

// No part makes up for another.
void a_part_that_does_not_keep_to_its_length_fails(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  body->give("hello");
  body->has_length();
  body->text = "hell";
  (void)form_of(&body->source);
  assert_int_equal(send_source(), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_ESOURCE);
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

void what_is_no_part_is_refused(void**) {
  pester_multipart_t* form = nullptr;
  assert_int_equal(pester_multipart_new(&form, c.client), 0);
  assert_int_equal(pester_multipart_field(form, nullptr, "x"), UV_EINVAL);
  assert_int_equal(pester_multipart_file(form, "f", "/nowhere/at/all", nullptr, nullptr), UV_ENOENT);
  const int before = open_descriptors();
  assert_int_equal(pester_multipart_file(form, "f", path, nullptr, "text/x\r\nX-Evil: 1"),
                   PESTER_EHEADER);
  assert_int_equal(open_descriptors(), before);
  pester_part_t part;
  pester_part_init(&part);
  part.name = "both";
  part.value = "x";
  part.value_len = 1;
  part.source = body->give("x");
  assert_int_equal(pester_multipart_add(form, &part), PESTER_EOPTION);
  part.value = nullptr;
  assert_int_equal(pester_multipart_add(form, &part), UV_EINVAL);  // a length without a value
  part.value_len = 0;
  body->source.make_trailers = [](const pester_header_t**, void*) { return int64_t{0}; };
  assert_int_equal(pester_multipart_add(form, &part), PESTER_EOPTION);
  part.struct_size = 0;
  assert_int_equal(pester_multipart_add(form, &part), UV_EINVAL);
  assert_int_equal(pester_multipart_source(form, &source), 0);
  assert_int_equal(pester_multipart_source(form, &source), PESTER_EOPTION);
  assert_int_equal(pester_multipart_field(form, "late", "x"), PESTER_EOPTION);
  assert_int_equal(body->ended, 0);
  source.done(source.data);
  pester_multipart_free(nullptr);
  assert_int_equal(c.end(), 0);
}

void a_form_that_is_not_sent_gives_its_files_back(void**) {
  const int before = open_descriptors();
  pester_multipart_t* form = nullptr;
  assert_int_equal(pester_multipart_new(&form, c.client), 0);
  for (int i = 0; i < 5; ++i) {
    assert_int_equal(pester_multipart_file(form, "f", path, nullptr, nullptr), 0);
  }
  assert_int_equal(open_descriptors(), before + 5);
  pester_multipart_free(form);
  assert_int_equal(open_descriptors(), before);
  assert_int_equal(c.end(), 0);
}

void boundaries_are_the_clients_dice(void**) {
  std::string first;
  for (int i = 0; i < 2; ++i) {
    Case seeded;
    seeded.begin();
    seeded.options.seed = 42;
    assert_int_equal(seeded.open(), 0);
    pester_multipart_t* one = nullptr;
    pester_multipart_t* two = nullptr;
    assert_int_equal(pester_multipart_new(&one, seeded.client), 0);
    assert_int_equal(pester_multipart_new(&two, seeded.client), 0);
    assert_true(boundary_of(one) != boundary_of(two));
    if (i == 0) first = boundary_of(one);
    assert_true(boundary_of(one) == first);
    pester_multipart_free(one);
    pester_multipart_free(two);
    assert_int_equal(seeded.end(), 0);
  }
  assert_int_equal(c.end(), 0);
}

int count_descriptors(void**) {
  uv_loop_t first;  // libuv opens a pipe of its own with the first loop
  if (uv_loop_init(&first) != 0 || uv_loop_close(&first) != 0) return -1;
  descriptors = open_descriptors();
  return 0;
}
// A read that was abandoned may still run, and closes its file then.
int compare_descriptors(void**) {
  return LoopbackServer::eventually([] { return open_descriptors() == descriptors; }) ? 0 : -1;
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_file_is_sent_with_its_length, begin_file, end_file),
      cmocka_unit_test_setup_teardown(an_empty_file_is_sent_too, begin_file, end_file),
      cmocka_unit_test_setup_teardown(a_descriptor_is_sent_from_where_it_stands_and_stays_open,
                                      begin_file, end_file),
      cmocka_unit_test_setup_teardown(a_file_is_sent_again_from_its_beginning, begin_file, end_file),
      cmocka_unit_test_setup_teardown(a_file_that_becomes_shorter_fails, begin_file, end_file),
      cmocka_unit_test_setup_teardown(of_a_file_that_grows_what_was_there_is_sent, begin_file, end_file),
      cmocka_unit_test_setup_teardown(what_is_no_file_is_refused, begin_file, end_file),
      cmocka_unit_test_setup_teardown(a_file_that_cannot_be_read_fails_with_the_systems_word, begin_file,
                                      end_file),
      cmocka_unit_test_setup_teardown(an_end_while_a_file_is_read_leaves_nothing_behind, begin_file,
                                      end_file),
      cmocka_unit_test_setup_teardown(a_source_that_is_not_sent_is_freed_by_its_done, begin_file,
                                      end_file),
      cmocka_unit_test_setup_teardown(a_form_is_sent_as_browsers_do, begin_file, end_file),
      cmocka_unit_test_setup_teardown(a_part_of_unknown_length_makes_the_form_one, begin_file, end_file),
      cmocka_unit_test_setup_teardown(a_form_is_sent_again_when_all_its_parts_can_be, begin_file,
                                      end_file),
      cmocka_unit_test_setup_teardown(a_part_that_does_not_keep_to_its_length_fails, begin_file,
                                      end_file),
      cmocka_unit_test_setup_teardown(what_is_no_part_is_refused, begin_file, end_file),
      cmocka_unit_test_setup_teardown(a_form_that_is_not_sent_gives_its_files_back, begin_file,
                                      end_file),
      cmocka_unit_test_setup_teardown(boundaries_are_the_clients_dice, begin_file, end_file),
  };
  return cmocka_run_group_tests(tests, count_descriptors, compare_descriptors) != 0;
}

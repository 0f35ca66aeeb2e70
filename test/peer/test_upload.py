#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bodies on their way up: a gibibyte in constant memory into a slow server, and what the command sends of
files, of standard input and of forms. Usage: test_upload.py PESTER UPLOAD_CLIENT. The server is a few lines of
sockets below, which read chunks as RFC 9112 has them."""

import email
import email.policy
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import servers
from servers import run, until

PESTER = UPLOAD_CLIENT = ""
GIBIBYTE = 1 << 30


def read_head(file):
    lines = []
    while (line := file.readline()) not in (b"\r\n", b""):
        lines.append(line.decode("latin-1").rstrip("\r\n"))
    return lines[0] if lines else "", dict(line.split(": ", 1) for line in lines[1:])


def chunks(file):
    """The data of each chunk; then the trailer lines are read."""
    while True:
        line = file.readline()
        if not line:
            raise OSError("the client has left")
        size = int(line, 16)
        if size == 0:
            break
        data = file.read(size)
        assert len(data) == size and file.readline() == b"\r\n"
        yield data
    while file.readline() != b"\r\n":
        pass


class Server(servers.Listener):
    """Hands each request to `answer(line, headers, file, connection)`, which reads the body and returns the answer's."""

    def __init__(self, answer, buffered=1 << 16):
        self.answer, self.buffered, self.seen = answer, buffered, []
        super().__init__()

    def serve(self, connection):
        file = connection.makefile("rb", self.buffered)
        try:
            while True:
                line, headers = read_head(file)
                if not line:
                    return
                status, body = self.answer(line, headers, file, connection)
                connection.sendall(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
        except OSError:
            pass
        finally:
            file.close()
            connection.close()


class MemoryTest(unittest.TestCase):
    def test_a_gibibyte_goes_up_in_constant_memory_though_the_server_is_slow(self):
        def answer(_line, headers, file, _connection):
            assert headers["Transfer-Encoding"] == "chunked"
            given, wrong, pause = 0, 0, 64 << 20
            for data in chunks(file):
                wrong += data.count(given % 251) != len(data)
                given += len(data)
                if given > pause:
                    pause += 64 << 20
                    time.sleep(0.05)  # the client's socket fills meanwhile
            return 200, b"%d/%d" % (given, wrong)

        server = Server(answer)
        # AddressSanitizer keeps what was freed and every frame of the stack for a while: no growth of the program's.
        asan = os.environ.get("ASAN_OPTIONS", "") + (":quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
                                                     ":detect_stack_use_after_return=0")
        done = run(UPLOAD_CLIENT, server.url, str(GIBIBYTE), env={"ASAN_OPTIONS": asan}, timeout=150)
        status, told, growth_kib = done.stdout.split()
        self.assertEqual((status, told), (b"200", b"%d/0" % GIBIBYTE), done.stderr)
        self.assertLessEqual(int(growth_kib), 2048)


class CommandTest(unittest.TestCase):
    def setUp(self):
        def answer(line, headers, file, connection):
            if "Expect" in headers:
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            if headers.get("Transfer-Encoding") == "chunked":
                body = b"".join(chunks(file))
            else:
                body = file.read(int(headers.get("Content-Length", 0)))
            self.seen.append((line, headers, body))
            return self.statuses.pop(0) if self.statuses else 200, b"thanks"

        self.seen, self.statuses = [], []
        self.server = Server(answer)
        self.addCleanup(self.server.close)

    def pester(self, *arguments, status=0, **more):
        done = run(PESTER, *arguments, **more)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def file(self, data):
        file = tempfile.NamedTemporaryFile(suffix=".txt")
        self.addCleanup(file.close)
        file.write(data)
        file.flush()
        return file.name

    # ---- files and standard input

    def test_a_file_is_sent_with_its_length_and_again(self):
        self.statuses = [503]
        data = os.urandom(500000)
        done = self.pester("-T", self.file(data), "--backoff", "none", "-w", "%{size_upload}", self.server.url + "/up")
        self.assertEqual(done.stdout, b"thanks500000")
        self.assertEqual([(line, body == data) for line, _, body in self.seen], [("PUT /up HTTP/1.1", True)] * 2)
        self.assertEqual(self.seen[0][1]["Content-Length"], "500000")

    def test_standard_input_is_sent_as_it_comes(self):
        command = subprocess.Popen([PESTER, "-T", "-", self.server.url + "/in"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for word in (b"one ", b"two ", b"three"):
            command.stdin.write(word)
            command.stdin.flush()
            time.sleep(0.05)
        out, errors = command.communicate(timeout=20)
        self.assertEqual((command.returncode, out), (0, b"thanks"), errors)
        line, headers, body = self.seen[0]
        self.assertEqual((line, headers["Transfer-Encoding"], body), ("PUT /in HTTP/1.1", "chunked", b"one two three"))

    def test_standard_input_from_a_file_can_be_sent_again(self):
        self.statuses = [503]
        with open(self.file(b"0123456789" * 10000), "rb") as file:
            done = subprocess.run([PESTER, "-T", "-", "--backoff", "none", self.server.url], stdin=file,
                                  capture_output=True, timeout=20)
        self.assertEqual((done.returncode, done.stdout), (0, b"thanks"), done.stderr)
        self.assertEqual([len(body) for _, _, body in self.seen], [100000] * 2)

    def test_standard_input_from_a_device_is_read_too(self):
        done = subprocess.run([PESTER, "-T", "-", self.server.url], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=20)
        self.assertEqual((done.returncode, self.seen[0][2]), (0, b""), done.stderr)

    def test_standard_input_that_is_gone_is_not_sent_again(self):
        self.statuses = [503]
        done = self.pester("-T", "-", "--json", self.server.url, stdin=b"hello")
        document, = servers.read_documents(done.stdout.decode())
        self.assertEqual([a["retry_denied"] for a in document["attempts"]], ["body"])

    # Neither the loop nor the end waits for who never writes.
    def test_an_answer_or_an_interrupt_ends_a_wait_for_standard_input(self):
        def answer(_line, _headers, _file, _connection):
            return 413, b"no"

        early = Server(answer)
        read, write = os.pipe()
        with os.fdopen(read), os.fdopen(write, "wb"):
            done = subprocess.run([PESTER, "-T", "-", early.url], stdin=read, capture_output=True, timeout=20)
            self.assertEqual((done.returncode, done.stdout), (0, b"no"), done.stderr)
            command = subprocess.Popen([PESTER, "-T", "-", self.server.url], stdin=read, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
            until(lambda: os.path.exists(f"/proc/{command.pid}/exe"))
            time.sleep(0.3)
            command.send_signal(signal.SIGINT)
            command.communicate(timeout=20)
            self.assertEqual(command.returncode, 130)

    def test_what_cannot_be_read_is_26(self):
        for arguments in (("-T", "/nowhere/x"), ("-T", "/tmp"), ("-F", "a=@/nowhere/x"), ("-F", "a=</nowhere/x")):
            done = self.pester(*arguments, self.server.url, status=26)
            self.assertIn(b"pester: (26) cannot read ", done.stderr)
        self.assertEqual(self.seen, [])

    def test_a_file_that_becomes_shorter_is_26(self):
        path = self.file(b"x" * (64 << 20))

        def answer(_line, _headers, file, _connection):
            file.read(1000)
            os.truncate(path, 1000)
            while file.read(1 << 20):
                pass
            raise OSError

        done = run(PESTER, "-T", path, Server(answer).url)
        self.assertEqual(done.returncode, 26)
        self.assertRegex(done.stderr, rb"\d+ of 67108864 bytes are missing")

    def test_standard_input_goes_up_once(self):
        done = self.pester("-T", "-", "--repeat", "2", self.server.url, status=2)
        self.assertIn(b"--repeat", done.stderr)

    # ---- forms

    def parts(self, index=0):
        """As Python's own parser, which is for mail, reads them."""
        _, headers, body = self.seen[index]
        text = b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body
        message = email.message_from_bytes(text, policy=email.policy.HTTP)
        self.assertEqual(message.defects, [])
        return [(p.get_param("name", header="content-disposition"), p.get_filename(),
                 p["content-type"], p.get_payload(decode=True)) for p in message.iter_parts()]

    def test_a_form_has_texts_and_files(self):
        path = self.file(b"\x00\x01 the file")
        self.pester("-F", "text=a b&c", "-F", f"up=@{path}", "-F", f"named=@{path};type=text/x;filename=other.bin",
                    "-F", f"inline=<{path}", "--form-string", "literal=@x;type=y", self.server.url + "/form")
        line, headers, body = self.seen[0]
        self.assertEqual(line, "POST /form HTTP/1.1")
        self.assertEqual(int(headers["Content-Length"]), len(body))
        data, name = b"\x00\x01 the file", os.path.basename(path)
        self.assertEqual(self.parts(), [
            ("text", None, None, b"a b&c"),
            ("up", name, "application/octet-stream", data),
            ("named", "other.bin", "text/x", data),
            ("inline", None, None, data),
            ("literal", None, None, b"@x;type=y")])

    def test_a_form_is_sent_again_and_for_each_repeat(self):
        self.statuses = [503]
        path = self.file(b"the file")
        self.pester("-F", f"up=@{path}", "--backoff", "none", "--idempotent", "--repeat", "3", self.server.url)
        self.assertEqual(len(self.seen), 4)
        self.assertEqual({part[3] for i in range(4) for part in self.parts(i)}, {b"the file"})

    def test_standard_input_is_a_part(self):
        self.pester("-F", "in=@-", self.server.url, stdin=b"from there")
        self.assertEqual(self.parts(), [("in", "-", "application/octet-stream", b"from there")])

    def test_what_is_no_form_is_2(self):
        for arguments in (("-F", "nothing"), ("-F", "a=b", "-d", "c"), ("-F", 'a="b')):
            self.pester(*arguments, self.server.url, status=2)

    # ---- Expect

    def test_a_server_is_asked_first_when_that_is_wanted(self):
        self.pester("-T", self.file(b"hello"), "--expect100-timeout", "5", self.server.url)
        self.pester("-T", self.file(b"hello"), self.server.url)
        self.assertEqual([headers.get("Expect") for _, headers, _ in self.seen], ["100-continue", None])
        self.assertEqual([body for _, _, body in self.seen], [b"hello"] * 2)


if __name__ == "__main__":
    servers.main("PESTER", "UPLOAD_CLIENT")

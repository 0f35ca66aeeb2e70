#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Black-box claims about --resume: nginx serves a file, a proxy of this test's own breaks the answers off, and the
command writes the file whole, or says why it cannot and exits with 18. Usage: test_cli_resume.py PESTER"""

import fcntl
import hashlib
import os
import random
import socket
import struct
import termios
import threading
import unittest

import servers
from servers import Nginx, documents

PESTER = ""
SIZE = 200_000
OVERLAP = 64  # so many bytes before the break are asked for once more

HTTP = """
  server {
    listen 127.0.0.1:@port@; root @dir@;
    location = /no-ranges { max_ranges 0; alias @dir@/file; }
    location = /no-tag { etag off; alias @dir@/file; }
  }
"""


class Cutter(servers.Listener):
    """A proxy to `port` that lets so many bytes of the nth answer's body through as `cuts` says, and ends the
    connection then; later answers pass whole. `on_cut` is called between the last byte and the end."""

    def __init__(self, port):
        self.upstream, self.cuts, self.resets, self.on_cut = ("127.0.0.1", port), [], False, lambda: None
        self.heads = []  # of the requests
        super().__init__()

    def begin(self, connection):
        with connection:
            connection.settimeout(20)
            try:
                self.serve(connection)
            except ConnectionError:
                pass  # the command has given up what it did not want

    def serve(self, client):
        with client.makefile("rb") as requests:
            while True:
                head = read_head(requests)
                if not head or not self.answer(client, head):
                    return

    def answer(self, client, request):
        self.heads.append(request.decode())
        with socket.create_connection(self.upstream, timeout=20) as server, server.makefile("rb") as answers:
            server.sendall(request)
            head = read_head(answers)
            left = int(field(head.decode(), "Content-Length"))
            cut = self.cuts.pop(0) if self.cuts else left
            body = answers.read(min(cut, left))
        client.sendall(head + body)
        if len(body) == left:
            return True
        self.on_cut()
        if self.resets:
            # The bytes before it are to arrive: a reset may take what is not read yet along.
            servers.until(lambda: unread(client) == 0)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False


def read_head(stream):
    lines = []
    while not lines or lines[-1] != b"\r\n":
        line = stream.readline()
        if not line:
            return b""
        lines.append(line)
    return b"".join(lines)


def field(head, name):
    for line in head.split("\r\n"):
        if line.lower().startswith(name.lower() + ": "):
            return line.partition(": ")[2]
    return None


def unread(sock):
    """Bytes that the peer's kernel has not acknowledged."""
    return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0" * 4))[0]


class ResumeTest(unittest.TestCase):
    def setUp(self):
        self.nginx = Nginx(HTTP)
        self.addCleanup(self.nginx.__exit__)
        self.body = random.Random(7).randbytes(SIZE)
        self.write(self.body)
        self.cutter = Cutter(self.nginx.ports["port"])
        self.addCleanup(self.cutter.close)
        self.out = self.nginx.path("out-file")

    def write(self, data, mtime=1_000_000_000):
        """As a deployment does it: a new file in the place of the old one."""
        path = self.nginx.path("file")
        with open(path + ".new", "wb") as file:
            file.write(data)
        os.utime(path + ".new", (mtime, mtime))
        os.replace(path + ".new", path)

    def got(self):
        with open(self.out, "rb") as file:
            return file.read()

    def ask(self, *arguments, path="/file", cuts=(), status=0):
        self.cutter.cuts = list(cuts)
        self.cutter.heads.clear()
        if os.path.exists(self.out):
            os.unlink(self.out)
        done = servers.run(PESTER, "--max-attempts", "1", "--backoff", "none", "-o", self.out, *arguments,
                           self.cutter.url + path)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def whole(self):
        self.assertEqual(hashlib.sha256(self.got()).hexdigest(), hashlib.sha256(self.body).hexdigest())

    def refused(self, words, *arguments, **more):
        """The beginning of the first answer is kept, and nothing of another body follows it."""
        text = self.ask("--resume", "3", *arguments, status=18, **more).stderr.decode()
        self.assertEqual(text, f"pester: (18) the rest of the body does not fit what came before: {words}\n")
        return self.got()

    # ---- The file is whole

    def test_a_body_goes_on_wherever_it_broke(self):
        for cut in (0, 1, OVERLAP - 1, OVERLAP, OVERLAP + 1, 65_536, SIZE // 2, SIZE - 1):
            with self.subTest(cut=cut):
                done = self.ask("--resume", "3", cuts=[cut])
                self.assertEqual(done.stderr, b"")
                self.whole()
                first, rest = self.cutter.heads
                self.assertIsNone(field(first, "Range"))
                self.assertEqual(field(rest, "Range"), f"bytes={max(cut - OVERLAP, 0)}-")
                self.assertRegex(field(rest, "If-Range"), r'^"[0-9a-f]+-[0-9a-f]+"$')

    def test_a_reset_is_a_break_too(self):
        self.cutter.resets = True
        self.ask("--resume", "1", cuts=[SIZE // 2])
        self.whole()

    def test_a_rest_may_break_off_as_well(self):
        self.ask("--resume", "3", cuts=[1000, OVERLAP + 5000, OVERLAP + 1])
        self.whole()
        ranges = [field(head, "Range") for head in self.cutter.heads]
        self.assertEqual(ranges, [None] + [f"bytes={at - OVERLAP}-" for at in (1000, 6000, 6001)])

    def test_the_document_tells_of_each_exchange_and_of_one_body(self):
        [document] = documents(self.ask("--resume", "3", "--json", "--stats", cuts=[70_000]))
        self.assertEqual([(a["kind"], a["outcome"], a["status"], a["attempt"]) for a in document["attempts"]],
                         [("first", "followed", 200, 1), ("resume", "won", 206, 1)])
        self.assertEqual(document["attempts"][0]["error"]["name"], "PESTER_EBODYCUT")
        self.assertEqual(document["response"]["status"], 200)
        self.assertEqual(document["response"]["body_bytes"], SIZE)
        self.assertEqual(document["response"]["body_sha256"], hashlib.sha256(self.body).hexdigest())
        self.assertEqual((document["totals"]["attempts"], document["totals"]["resumes"]), (1, 1))
        self.assertEqual(document["stats"]["resumes"], 1)

    def test_the_head_is_shown_once_and_the_waterfall_has_a_row_for_the_rest(self):
        done = self.ask("--resume", "1", "-i", "--waterfall", cuts=[5])
        head, _, body = self.got().partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertEqual(body, self.body)
        rows = done.stderr.decode().splitlines()[3:5]
        self.assertRegex(rows[0], r"^lane 0  #1  .* 200, body cut, followed$")
        self.assertRegex(rows[1], r"^        #1 resume  .* 206 won ◀$")

    def test_the_wait_before_the_rest_is_told_and_drawn(self):
        done = self.ask("--resume", "1", "--backoff", "constant:40ms", "--json", "--waterfall", cuts=[5])
        [document] = documents(done)
        first, rest = document["attempts"]
        self.assertEqual((first["backoff_ms"], rest["backoff_ms"], rest["computed_backoff_ms"]), (None, 40.0, 40.0))
        self.assertGreaterEqual(rest["started_ms"] - first["ended_ms"], 40.0)
        self.assertRegex(done.stderr.decode().splitlines()[4], r"^        #1 resume +··········")

    def test_a_policy_may_have_it_and_an_option_overrides_it(self):
        self.ask("--policy", "standard", cuts=[1000])
        self.whole()
        self.ask("--policy", "standard", "--resume", "0", cuts=[1000], status=18)
        self.assertEqual(self.got(), self.body[:1000])
        self.assertEqual(len(self.cutter.heads), 1)

    # ---- It is not

    def test_without_it_a_broken_body_stays_one(self):
        text = self.ask(cuts=[1000], status=18).stderr.decode()
        self.assertTrue(text.startswith("pester: (18) "), text)
        self.assertEqual(len(self.cutter.heads), 1)

    def test_so_often_and_no_more(self):
        done = self.ask("--resume", "2", "-s", "--json", cuts=[1000, OVERLAP + 10, OVERLAP + 10], status=18)
        [document] = servers.read_documents(done.stdout.decode())
        self.assertEqual([a["outcome"] for a in document["attempts"]], ["followed", "followed", "failed"])
        self.assertEqual(document["attempts"][-1]["retry_denied"], "attempts")
        self.assertEqual(document["error"]["name"], "PESTER_EBODYCUT")
        self.assertEqual(self.got(), self.body[:1020])

    def test_a_file_that_was_replaced_is_not_joined_to_the_old_one(self):
        other = random.Random(8).randbytes(SIZE)
        self.cutter.on_cut = lambda: self.write(other, mtime=1_000_000_001)
        got = self.refused("200 in place of 206: all of it anew, for it has changed or ranges are not served",
                           cuts=[1000])
        self.assertEqual(got, self.body[:1000])

    def test_a_file_that_was_replaced_unseen_is_found_by_its_bytes(self):
        # nginx makes its ETag of the size and the second: they are the same, and the bytes are not.
        other = random.Random(8).randbytes(SIZE)
        self.cutter.on_cut = lambda: self.write(other)
        self.assertEqual(self.refused("the last bytes before the break are others now", cuts=[1000]), self.body[:1000])
        self.assertEqual(len(self.cutter.heads), 2)

    def test_a_shorter_file_that_was_replaced_is_refused(self):
        self.cutter.on_cut = lambda: self.write(b"short", mtime=1_000_000_001)
        got = self.refused("200 in place of 206: all of it anew, for it has changed or ranges are not served",
                           cuts=[1000])
        self.assertEqual(got, self.body[:1000])

    def test_what_misses_a_tag_or_ranges_is_not_spliced(self):
        self.ask("--resume", "3", path="/no-tag", cuts=[1000], status=18)
        self.assertEqual(len(self.cutter.heads), 1)  # nothing could prove the rest, so it is not asked for
        self.ask("--resume", "3", path="/no-ranges", cuts=[1000], status=18)
        self.assertEqual(self.got(), self.body[:1000])


if __name__ == "__main__":
    servers.main("PESTER", needs=("nginx",))

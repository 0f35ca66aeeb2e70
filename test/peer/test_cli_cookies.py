#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Black-box claims about -b, -c and -j: what is sent, what the file has afterwards, and that curl and the command
can use each other's. The server answers with the Cookie header that it got, and sets what its test says.

Usage: test_cli_cookies.py PESTER"""

import http.server
import os
import shutil
import tempfile
import threading
import time
import unittest

import servers

PESTER = ""
CURL = "curl"
SETS = [
    "session=1",
    "kept=two words; Max-Age=1000; Path=/",
    "hidden=\"3\"; HttpOnly; Expires=Fri, 01 Jan 2100 00:00:00 GMT",
    "path=4; Path=/docs",
    "secure=5; Secure",  # over loopback
    "empty=; Path=/",
    "equals=a=b==",
    "gone=x; Max-Age=0",
    "foreign=x; Domain=example.com",
    "suffix=x; Domain=0.0.1",
    "nameless",
    "tab=a\tb",
]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        fields = self.headers.get_all("Cookie", [])
        body = "|".join(fields).encode("latin-1")
        self.server.got.append(body.decode("latin-1"))
        self.send_response(200)
        if self.path.startswith("/set"):
            for field in self.server.sets:
                self.send_header("Set-Cookie", field)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class CookiesTest(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.sets, self.server.got = list(SETS), []
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)
        self.jar = os.path.join(self.directory, "jar")

    def ask(self, *arguments, path="/", status=0, command=None, stdin=b""):
        options = ["-s", "-q"] if command else []
        done = servers.run(command or PESTER, *options, *arguments, self.url + path, stdin=stdin)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout.decode("latin-1")

    def lines(self, path=None):
        return [line for line in servers.read(path or self.jar).splitlines()
                if line and (not line.startswith("#") or line.startswith("#HttpOnly_"))]

    # ---- By itself

    def test_text_is_sent_as_it_stands_and_nothing_is_kept(self):
        self.assertEqual(self.ask("-b", "a=1; b=2", "-b", "c=3"), "a=1; b=2; c=3")
        self.ask("-b", "a=1", "--repeat", "2", path="/set")
        self.assertEqual(self.server.got[1:], ["a=1"] * 2)
        self.assertEqual(self.ask("-b", "a=1", "-H", "Cookie: own=2"), "own=2")
        self.assertEqual(os.listdir(self.directory), [])

    def test_a_jar_lives_from_run_to_run(self):
        self.assertEqual(self.ask("-b", self.jar, "-c", self.jar, path="/set"), "")
        self.assertEqual(os.stat(self.jar).st_mode & 0o777, 0o600)
        self.assertEqual(os.listdir(self.directory), ["jar"])
        self.assertEqual(self.ask("-b", self.jar),
                         'session=1; kept=two words; hidden="3"; secure=5; empty=; equals=a=b==')
        self.assertEqual(self.ask("-b", self.jar, path="/docs/x").split("; ")[0], "path=4")

    def test_within_a_run_each_request_brings_what_the_ones_before_set(self):
        self.server.sets = ["n=1"]
        self.ask("-b", "", "--repeat", "3", path="/set")
        self.assertEqual(self.server.got, ["", "n=1", "n=1"])

    def test_text_and_jar_go_together(self):
        self.server.sets = ["a=jar; Path=/", "b=jar; Path=/"]
        self.ask("-c", self.jar, path="/set")
        self.assertEqual(self.ask("-b", "b=text", "-b", self.jar), "b=text; a=jar")

    def test_junk_leaves_the_session_behind(self):
        self.ask("-c", self.jar, path="/set")
        self.assertEqual(self.ask("-j", "-b", self.jar), 'kept=two words; hidden="3"')
        self.ask("-j", "-b", self.jar, "-c", self.jar)
        self.assertEqual([line.split("\t")[5] for line in self.lines()], ["kept", "hidden"])

    def test_the_jar_is_written_whatever_became_of_the_request(self):
        self.ask("-c", self.jar, "-f", "--max-attempts", "1", path="/set")
        before = self.lines()
        port = servers.free_port()
        done = servers.run(PESTER, "-s", "-b", self.jar, "-c", self.jar, "--max-attempts", "1", f"http://127.0.0.1:{port}/")
        self.assertEqual(done.returncode, 7)
        self.assertEqual(self.lines(), before)

    def test_standard_input_and_output_are_a_dash(self):
        line = "127.0.0.1\tFALSE\t/\tFALSE\t0\tn\t1\n"
        out = self.ask("-b", "-", "-c", "-", stdin=line.encode())
        self.assertTrue(out.startswith("n=1# Netscape HTTP Cookie File\n"), out)
        self.assertTrue(out.endswith("\n\n" + line), out)

    def test_a_file_that_cannot_be_read_is_26_and_one_that_cannot_be_written_23(self):
        done = servers.run(PESTER, "-b", self.directory, self.url + "/")
        self.assertEqual((done.returncode, done.stdout), (26, b""))
        self.assertIn(b"illegal operation on a directory", done.stderr)
        done = servers.run(PESTER, "-c", self.directory + "/no/jar", self.url + "/")
        self.assertEqual(done.returncode, 23)
        self.assertIn(b"cannot write the cookies to ", done.stderr)

    def test_verbose_shows_the_cookies_as_they_are_sent(self):
        self.ask("-c", self.jar, path="/set")
        done = servers.run(PESTER, "-v", "-b", self.jar, self.url + "/docs/")
        self.assertIn(b"> Cookie: path=4; session=1; ", done.stderr)

    # ---- Beside curl

    def test_curl_keeps_the_same(self):
        theirs = os.path.join(self.directory, "theirs")
        self.server.sets = [field for field in SETS if not field.startswith("kept=")]  # whose expiry is now's
        self.ask("-c", self.jar, path="/set")
        self.ask("-c", theirs, path="/set", command=CURL)
        # A year and more ahead is as far as a cookie of Pester's lives.
        ours = sorted(line.split("\t") for line in self.lines())
        curls = sorted(line.split("\t") for line in self.lines(theirs))
        for line in ours + curls:
            if line[5] == "hidden":
                self.assertGreater(int(line[4]), time.time() + 399 * 86400)
                line[4] = "later"
        self.assertEqual(ours, curls)

    def test_curl_reads_what_pester_writes_and_the_other_way_round(self):
        theirs = os.path.join(self.directory, "theirs")
        self.ask("-c", self.jar, path="/set")
        self.ask("-c", theirs, path="/set", command=CURL)
        for path in ("/", "/docs/x", "/set"):
            sent = [sorted(self.ask("-b", jar, path=path, command=command).split("; "))
                    for jar in (self.jar, theirs) for command in (None, CURL)]
            self.assertEqual(sent, [sent[0]] * 4)
            self.assertIn("session=1", sent[0])

    def test_a_jar_that_went_through_curl_is_the_same(self):
        theirs = os.path.join(self.directory, "theirs")
        self.ask("-c", self.jar, path="/set")
        self.ask("-b", self.jar, "-c", theirs, command=CURL)
        self.assertEqual(sorted(self.lines(theirs)), sorted(self.lines()))
        back = os.path.join(self.directory, "back")
        self.ask("-b", theirs, "-c", back)
        self.assertEqual(sorted(self.lines(back)), sorted(self.lines()))


if __name__ == "__main__":
    servers.main("PESTER", needs=("curl",))

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The program of docs/guide/compressed.md in front of a server that compresses when it is asked to. Usage:
test_example_compressed.py COMPRESSED"""

import gzip
import http.server
import threading
import unittest

import servers
from servers import run

COMPRESSED = ""
TEXT = "".join(f"line {n}\n" for n in range(20000)).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked = "gzip" in self.headers.get("Accept-Encoding", "") and self.path != "/plain"
        body = gzip.compress(TEXT) if asked else TEXT
        if self.path == "/damaged":
            body = body[:-9]
        self.send_response(200)
        if asked:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class CompressedTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.url = f"http://127.0.0.1:{cls.server.server_port}"

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def output(self, *arguments, status=0):
        done = run(COMPRESSED, *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout, done.stderr.decode()

    def test_it_prints_the_text_and_what_was_saved(self):
        out, errors = self.output(self.url + "/")
        self.assertEqual(out, TEXT)
        self.assertEqual(errors, f"200, sent as gzip: {len(gzip.compress(TEXT))} bytes for {len(TEXT)}\n")

    def test_it_takes_what_is_not_compressed(self):
        out, errors = self.output(self.url + "/plain")
        self.assertEqual((out, errors), (TEXT, f"200, sent as it is: {len(TEXT)} bytes for {len(TEXT)}\n"))

    def test_it_says_what_is_damaged(self):
        out, errors = self.output(self.url + "/damaged", status=1)
        self.assertTrue(TEXT.startswith(out))
        self.assertRegex(errors, r"^PESTER_EENCODING: gzip, coding 1 of 1, at byte \d+: it ends too early\n$")

    def test_it_says_how_it_is_used_and_what_is_no_url(self):
        self.assertEqual(self.output(status=2), (b"", f"usage: {COMPRESSED} URL\n"))
        self.assertNotEqual(self.output("http://a b/", status=2)[1], "")


if __name__ == "__main__":
    servers.main("COMPRESSED")

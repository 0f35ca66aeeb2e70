#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The program of docs/guide/download-a-file.md in front of a server that breaks its answers off and has ranges.
Usage: test_example_download.py DOWNLOAD"""

import http.server
import os
import random
import re
import tempfile
import threading
import unittest

import servers
from servers import run

DOWNLOAD = ""
DATA = random.Random(1).randbytes(1_500_000)


class Handler(http.server.BaseHTTPRequestHandler):
    """/N gives its body N times only as far as 400,000 bytes."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append(self.headers["Range"])
        if not self.path.strip("/").isdigit():
            self.send_error(404)
            return
        first = int(re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "bytes=0-")[1])
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(DATA) - 1}/{len(DATA)}")
        self.send_header("Content-Length", str(len(DATA) - first))
        self.send_header("ETag", '"v1"')
        self.end_headers()
        breaks = len(self.server.asked) <= int(self.path.strip("/"))
        self.wfile.write(DATA[first:first + 400_000] if breaks else DATA[first:])
        self.close_connection = breaks

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # who has seen enough breaks the connection


class DownloadTest(unittest.TestCase):
    def setUp(self):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.asked = []
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.path = os.path.join(directory.name, "file")

    def run_it(self, url, path, status=0):
        done = run(DOWNLOAD, url, path)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout.decode(), done.stderr.decode()

    def content(self):
        with open(self.path, "rb") as file:
            return file.read()

    def test_a_file_comes_whole_at_once(self):
        self.assertEqual(self.run_it(self.url + "/0", self.path), (f"{len(DATA)} bytes, resumed 0 times\n", ""))
        self.assertEqual(self.content(), DATA)
        self.assertEqual(os.listdir(self.directory), ["file"])

    def test_a_file_comes_whole_in_three_parts(self):
        self.assertEqual(self.run_it(self.url + "/2", self.path), (f"{len(DATA)} bytes, resumed 2 times\n", ""))
        self.assertEqual(self.content(), DATA)
        self.assertEqual(self.server.asked, [None, "bytes=399936-", "bytes=799872-"])

    def test_what_is_no_file_leaves_what_was_there(self):
        with open(self.path, "wb") as file:
            file.write(b"before")
        out, errors = self.run_it(self.url + "/none", self.path, status=1)
        self.assertEqual((out, errors), ("", "Not Found\n"))
        self.assertEqual(self.content(), b"before")
        self.assertEqual(os.listdir(self.directory), ["file"])

    def test_a_disk_without_room_ends_the_request(self):
        os.symlink("/dev/full", self.path + ".part")
        _, errors = self.run_it(self.url + "/0", self.path, status=1)
        self.assertEqual(errors, "no space left on device\n")
        self.assertEqual(os.listdir(self.directory), [])

    def test_a_folder_that_is_not_there_is_told(self):
        _, errors = self.run_it(self.url + "/0", self.directory + "/none/file", status=2)
        self.assertTrue(errors.endswith(".part: no such file or directory\n"), errors)
        self.assertEqual(self.server.asked, [])

    def test_bad_arguments_are_told(self):
        self.assertRegex(run(DOWNLOAD).stderr.decode(), r"^usage: \S+ URL FILE\n$")
        _, errors = self.run_it("http://a b/", self.path, status=2)
        self.assertEqual(errors, "http://a b/: malformed URL\n")
        self.assertEqual(os.listdir(self.directory), [])


if __name__ == "__main__":
    servers.main("DOWNLOAD")

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The program of docs/guide/where-to-connect.md does what the page says. Usage: test_where.py UNIX_SOCKET"""

import os
import socket
import tempfile
import threading
import unittest

import servers
from servers import run

UNIX_SOCKET = ""


def serve(listener):
    """Answers each connection's one request with its Host."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            head = connection.recv(65536).decode("latin-1")
            host = head.split("Host: ")[1].split("\r\n")[0].encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(host) + host)


class WhereTest(unittest.TestCase):
    def listen(self, listener):
        self.addCleanup(listener.close)
        threading.Thread(target=serve, args=(listener,), daemon=True).start()

    def output(self, *arguments, status=0):
        done = run(UNIX_SOCKET, *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout.decode(), done.stderr.decode()

    def test_a_unix_socket_answers_for_any_host(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "s")
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
            listener.listen()
            self.listen(listener)
            self.assertEqual(self.output(path, "http://docker/version"),
                             ("docker", f"attempt 1: unix:{path}: answered\n"))

    def test_a_socket_that_is_not_there_is_tried_three_times(self):
        with tempfile.TemporaryDirectory() as directory:
            out, errors = self.output(os.path.join(directory, "none"), "http://docker/", status=1)
        self.assertEqual(out, "")
        self.assertEqual(errors.count(": not connected: no such file or directory"), 3)

    def test_names_are_answered_by_the_program(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.listen(listener)
        port = listener.getsockname()[1]
        out, errors = self.output("-", f"http://any.test:{port}/")
        self.assertEqual(out, f"any.test:{port}")
        self.assertEqual(errors, f"any.test is this host\nattempt 1: 127.0.0.1:{port}: answered\n")

    def test_what_makes_no_sense_is_said(self):
        self.assertEqual(self.output("x" * 108, "http://a/", status=2)[1], "route.unix_socket: longer than 107 bytes\n")
        self.assertRegex(self.output(status=2)[1], r"^usage: \S+ SOCKET URL\n$")


if __name__ == "__main__":
    servers.main("UNIX_SOCKET")

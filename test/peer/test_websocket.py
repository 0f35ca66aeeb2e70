#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/websocket_echo speaks WebSocket over a connection that was handed over, plain and over TLS.
Usage: test_websocket.py WEBSOCKET_ECHO"""

import unittest

import servers
from servers import Pki, run, until
from websocket_server import WebSocketServer

WEBSOCKET_ECHO = ""


class WebSocketTest(unittest.TestCase):
    def serve(self, *faults, **options):
        server = WebSocketServer(*faults, **options)
        self.addCleanup(server.close)
        return server

    def echo(self, server, *words, status=0, options=()):
        done = run(WEBSOCKET_ECHO, *options, server.url, *words)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout.decode(), done.stderr.decode()

    def test_what_is_said_comes_back_and_both_say_goodbye(self):
        server = self.serve()
        self.assertEqual(self.echo(server, "hello", "", "world", "x" * 60000), ("hello\n\nworld\n" + "x" * 60000 + "\n", ""))
        self.assertEqual(server.closed, [1000])
        self.assertTrue(server.masked)

    def test_the_same_over_tls(self):
        pki = Pki()
        self.addCleanup(pki.close)
        server = self.serve(certificate=pki("good.pem"), key=pki("good.key"), pings=True)
        out = self.echo(server, "hello", "y" * 60000, options=("--cacert", pki("ca.pem")))
        self.assertEqual(out, ("hello\n" + "y" * 60000 + "\n", ""))
        self.assertEqual(server.closed, [1000])
        self.assertFalse(server.pings)

    def test_a_frame_that_comes_with_the_101_is_not_lost(self):
        server = self.serve(pings=True)
        self.assertEqual(self.echo(server, "hello"), ("hello\n", ""))
        self.assertFalse(server.pings)

    def test_it_is_tried_again_until_the_server_switches(self):
        server = self.serve(503, "cut")
        self.assertEqual(self.echo(server, "hello"), ("hello\n", ""))
        self.assertEqual(len(server.heads), 3)
        self.assertEqual(len(set(server.heads)), 1)

    def test_a_server_that_does_not_switch_is_named(self):
        self.assertEqual(self.echo(self.serve(403), "hello", status=1), ("", "the server answered 403\n"))

    def test_a_wrong_answer_to_the_handshake_is_no_websocket(self):
        server = self.serve("wrong accept")
        out, errors = self.echo(server, "hello", status=1)
        self.assertEqual((out, errors), ("", "the server has not understood the handshake\n"))
        until(lambda: not any(thread.is_alive() for thread in server.threads))

    def test_without_messages_it_says_how_it_is_used(self):
        done = run(WEBSOCKET_ECHO, "http://a")
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertTrue(done.stderr.startswith(b"usage: "))


if __name__ == "__main__":
    servers.main("WEBSOCKET_ECHO")

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The program of docs/guide/connections.md in front of a server. Usage: test_example_warm_up.py PESTER_FLAKY
WARM_UP"""

import socket
import unittest

import servers
from servers import Flaky, run

PESTER_FLAKY = WARM_UP = ""


class WarmUpTest(unittest.TestCase):
    def flaky(self, *rules):
        server = Flaky(PESTER_FLAKY, *[word for rule in rules for word in ("--route", rule)])
        self.addCleanup(server.__exit__)
        return server

    def output(self, *arguments, status=0):
        done = run(WARM_UP, *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout.decode(), done.stderr.decode().splitlines()

    def test_the_requests_find_their_connections_open(self):
        flaky = self.flaky("/ = delay=50ms body=hello")
        out, errors = self.output(flaky.url + "/", "3")
        self.assertEqual(out, "200, an open connection\n" * 3)
        # Of the third, the body is read and told before it idles.
        self.assertEqual(errors[0], "3 of 3 ready")
        self.assertRegex(errors[1], r"^opened 3, idle [23]$")
        self.assertRegex(errors[2], r"^opened 3, idle 0, asked 3$")

    def test_no_more_are_opened_than_the_limit(self):
        flaky = self.flaky("/ = delay=50ms body=hello")
        out, errors = self.output(flaky.url + "/", "6")
        self.assertEqual(out, "200, an open connection\n" * 6)
        self.assertEqual(errors[0], "4 of 4 ready")
        self.assertRegex(errors[-1], r"^opened 4, idle 0, asked 4$")

    def test_it_says_what_went_wrong(self):
        with socket.socket() as closed:  # bound, so that nobody else takes it, but not listening
            closed.bind(("127.0.0.1", 0))
            out, errors = self.output(f"http://127.0.0.1:{closed.getsockname()[1]}/", "2", status=1)
        self.assertEqual(out, "")
        self.assertEqual(errors, ["0 of 2 ready: connection refused", "opened 2, idle 0, failed 2"])

    def test_it_says_how_it_is_used_and_what_is_no_url(self):
        self.assertEqual(self.output(status=2), ("", [f"usage: {WARM_UP} URL COUNT"]))
        self.assertNotEqual(self.output("http://a b/", "1", status=2)[1], [])
        self.assertEqual(self.output("http://a.test/", "0", status=2)[1][0], "count: must be at least 1")


if __name__ == "__main__":
    servers.main("PESTER_FLAKY", "WARM_UP")

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The program of docs/guide/several-processes.md, and runs of the command that share a file. Usage:
test_several_processes.py PESTER PESTER_FLAKY SEVERAL_PROCESSES"""

import os
import re
import stat
import tempfile
import unittest

import servers
from servers import Flaky, run

PESTER = PESTER_FLAKY = SEVERAL_PROCESSES = ""


class SeveralProcessesTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.file = os.path.join(directory.name, "shared")

    def flaky(self, *rules):
        server = Flaky(PESTER_FLAKY, *[word for rule in rules for word in ("--route", rule)])
        self.addCleanup(server.__exit__)
        return server

    def output(self, program, *arguments, status=0):
        done = run(program, *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout.decode(), done.stderr.decode()

    # ---- the example

    def test_workers_share_a_budget(self):
        flaky = self.flaky("/ = status=500")
        out, errors = self.output(SEVERAL_PROCESSES, self.file, flaky.url + "/", "4")
        self.assertEqual(errors, "")
        said = re.fullmatch(r"(\d+) requests, (\d+) extra attempts, (\d+) that were not paid for\n", out)
        self.assertTrue(said, out)
        self.assertEqual(int(said[1]), 160)
        # Each for itself would have 108, until its breaker opens; what a ledger holds, a fifth, and a few seconds of the floor.
        self.assertLessEqual(int(said[2]), 95 + 32 + 100)
        self.assertLessEqual(len(flaky.requests()), 160 + int(said[2]))
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)

    def test_it_says_how_it_is_used_and_what_is_no_file(self):
        self.assertEqual(self.output(SEVERAL_PROCESSES, status=2), ("", f"usage: {SEVERAL_PROCESSES} FILE URL WORKERS\n"))
        _, errors = self.output(SEVERAL_PROCESSES, "/nowhere/at/all", "http://127.0.0.1:1/", "2", status=2)
        self.assertEqual(errors, "shared: not opened: no such file or directory: /nowhere/at/all\n")

    # ---- the command

    def test_a_breaker_opened_by_one_run_refuses_in_the_next(self):
        flaky = self.flaky("/ = status=503")
        shared = ("--breaker", "on", "--max-attempts", "1", "--shared", self.file)
        self.output(PESTER, "-s", *shared, "--repeat", "20", flaky.url + "/")
        self.assertEqual(len(flaky.requests()), 20)
        _, errors = self.output(PESTER, *shared, flaky.url + "/", status=7)
        self.assertIn("breaker", errors)
        self.assertEqual(len(flaky.requests()), 20)

    def test_a_named_object_serves_as_well(self):
        flaky = self.flaky("/ = body=hello")
        name = f"/pester-test-command-{os.getpid()}"
        self.addCleanup(lambda: os.path.exists("/dev/shm" + name) and os.unlink("/dev/shm" + name))
        for _ in range(2):
            out, _ = self.output(PESTER, "--policy", "standard", "--shared-object", name, flaky.url + "/")
            self.assertEqual(out, "hello")

    def test_what_cannot_be_used_is_refused_and_left_as_it_is(self):
        with open(self.file, "wb") as file:
            file.write(b"my own notes")
        _, errors = self.output(PESTER, "--shared", self.file, "http://127.0.0.1:1/", status=2)
        self.assertIn("not made by Pester, or cut short: " + self.file, errors)
        with open(self.file, "rb") as file:
            self.assertEqual(file.read(), b"my own notes")
        _, errors = self.output(PESTER, "--shared-object", "no-slash", "http://127.0.0.1:1/", status=2)
        self.assertIn("shared.name", errors)
        _, errors = self.output(PESTER, "--shared-object", "/x", "--shared", "y", "http://127.0.0.1:1/", status=2)
        self.assertIn("exactly one of name and path", errors)


if __name__ == "__main__":
    servers.main("PESTER", "PESTER_FLAKY", "SEVERAL_PROCESSES")

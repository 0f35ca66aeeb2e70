#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The limits of an origin in front of a server with so many places: the program of docs/guide/limit-load.md and
the command. Counts are claimed, and what may not be sooner; no time from above but a generous one.
Usage: test_limits.py PESTER PESTER_FLAKY EXAMPLE_LIMIT_LOAD"""

import json
import time
import unittest

import servers
from servers import Flaky, run

PESTER = PESTER_FLAKY = LIMIT_LOAD = ""


class LimitsTest(unittest.TestCase):
    def flaky(self, *rules):
        server = Flaky(PESTER_FLAKY, *[word for rule in rules for word in ("--route", rule)])
        self.addCleanup(server.__exit__)
        return server

    def lines(self, *arguments, status=0):
        done = run(PESTER, *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        return [json.loads(line) for line in done.stdout.decode().splitlines()], done

    # ---- the program of the guide

    def test_the_program_asks_for_all_and_says_what_was_waited_for(self):
        flaky = self.flaky("/x = delay=5ms capacity=4")
        began = time.monotonic()
        done = run(LIMIT_LOAD, flaky.url + "/x", "60", "100")
        self.assertEqual(done.returncode, 0, done.stderr)
        out = done.stdout.decode()
        self.assertIn("60 answered, 0 turned away, 0 failed\n", out)
        self.assertRegex(out, r"\d+ waited for rate\n")
        self.assertRegex(done.stderr.decode(), r"the limit is \d+ now, an answer usually takes [\d.]+ ms\n")
        self.assertEqual(len(flaky.requests()), 60)
        self.assertGreaterEqual(time.monotonic() - began, 0.49)  # 10 at once, 50 at 100 a second

    def test_the_program_says_how_it_is_used_and_what_is_refused(self):
        done = run(LIMIT_LOAD)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr.decode(), r"^usage: \S+ URL COUNT PER_SECOND\n$")
        done = run(LIMIT_LOAD, "http://127.0.0.1:1/", "1", "-5")
        self.assertEqual(done.returncode, 2)
        self.assertIn("limiter.rate: must be from 1 to 1,000,000", done.stderr.decode())

    # ---- the command

    def test_the_command_tells_what_a_request_waited_for(self):
        flaky = self.flaky("/x = delay=20ms")
        lines, _ = self.lines("--concurrency-limit", "gradient:1:1:1", "--repeat", "4", "--parallel", "4", "--json",
                              flaky.url + "/x")
        waited = sorted(line["attempts"][0]["waited_for"] or "" for line in lines)
        self.assertEqual(waited, ["", "concurrency", "concurrency", "concurrency"])
        self.assertTrue(all(line["response"]["status"] == 200 for line in lines))

    def test_the_command_keeps_to_a_rate_and_turns_away_who_waits_too_long(self):
        flaky = self.flaky("/x = ok")
        lines, done = self.lines("--rate", "1/m:2", "--max-wait", "50ms", "--repeat", "3", "--parallel", "3", "--json",
                                 flaky.url + "/x", status=7)
        errors = [line["error"] for line in lines if line["error"]]
        self.assertEqual([error["name"] for error in errors], ["PESTER_EQUEUE"])
        self.assertIn("no token of the rate came in time", errors[0]["message"])
        self.assertEqual(len(flaky.requests()), 2)

    def test_the_waterfall_names_the_queue(self):
        flaky = self.flaky("/x = status=503; ok")
        done = run(PESTER, "--rate", "10/s:1", "--backoff", "none", "--waterfall", flaky.url + "/x")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("queued for rate", (done.stdout + done.stderr).decode())

    # ---- a server whose capacity halves, scaled down

    def test_with_a_limit_a_server_with_less_room_keeps_a_shorter_queue(self):
        longest = {}
        for limit in ("none", "gradient:1:4:64"):
            flaky = self.flaky("/x = delay=20ms capacity=4")
            done = run(PESTER, "--concurrency-limit", limit, "--repeat", "600", "--parallel", "64", "--json", "--stats",
                       flaky.url + "/x", timeout=120)
            self.assertEqual(done.returncode, 0, done.stderr)
            times = [float(line.rsplit(" ms after", 1)[0].rsplit(" ", 1)[1]) for line in flaky.log().splitlines()
                     if " sent: 200" in line]
            self.assertEqual(len(times), 600)
            longest[limit] = sorted(times)[len(times) // 2]
        # 64 at once at 4 places queue for 15 times as long as they are served; with the limit, for a few.
        self.assertLess(longest["gradient:1:4:64"], longest["none"] / 2)


if __name__ == "__main__":
    servers.main("PESTER", "PESTER_FLAKY", "LIMIT_LOAD")

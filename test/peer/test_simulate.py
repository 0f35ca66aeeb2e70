#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Black-box claims about `pester simulate`. No server and no clock: the same line gives the same bytes.

Usage: test_simulate.py PATH-OF-PESTER."""

import json
import os
import subprocess
import tempfile
import unittest
import xml.dom.minidom

import servers

PESTER = ""
BIMODAL = "95%:5-20ms,5%:200-500ms"
HEDGED = "--concurrency 3 --hedge-after 20ms"


def run(*words, env=None):
    done = servers.run(PESTER, "simulate", *words, env=env)
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    return done


def policies(*words):
    done = run("--json", *words)
    assert done.returncode == 0, done.stderr
    return {policy["options"]: policy for policy in json.loads(done.stdout)["policies"]}


class Simulate(unittest.TestCase):
    def test_hedging_cuts_the_tail_and_racing_costs_three_times_the_load(self):
        told = policies("--server", BIMODAL, "--compare", HEDGED, "--compare", "--concurrency 3")
        self.assertGreater(told["defaults"]["latency_ms"]["p99"], 420)
        self.assertEqual(told["defaults"]["sent_per_request"], 1)
        hedged = told[HEDGED]
        self.assertTrue(36 <= hedged["latency_ms"]["p99"] <= 40, hedged)
        self.assertLessEqual(hedged["latency_ms"]["p99.9"], 62, hedged)
        self.assertTrue(1.04 <= hedged["sent_per_request"] <= 1.08, hedged)
        self.assertLessEqual(told["--concurrency 3"]["latency_ms"]["p99"], 20)
        self.assertEqual(told["--concurrency 3"]["sent_per_request"], 3)
        self.assertEqual(hedged["outcomes"], {"200": 50_000})

    def test_the_same_seed_gives_the_same_bytes_in_every_form(self):
        line = ["--server", BIMODAL + ",errors=1%:503,connect=1-2ms", "--backoff", "full-jitter:50ms",
                "--compare", HEDGED, "--seeds", "2", "--requests", "2000"]
        for form in ([], ["--json"], ["--svg", "-"]):
            first, second = run(*line, *form), run(*line, *form)
            self.assertEqual(first.returncode, 0, first.stderr)
            self.assertEqual(first.stdout, second.stdout)
            other = run(*line, *form, "--seed", "9")
            self.assertNotEqual(first.stdout, other.stdout)

    def test_the_locale_changes_nothing(self):
        line = ["--server", BIMODAL, "--requests", "500", "--svg", "-"]
        plain = run(*line, env={"LC_ALL": "C"})
        self.assertEqual(plain.stdout, run(*line, env={"LC_ALL": "C.UTF-8"}).stdout)

    def test_a_picture_is_a_file_beside_the_table(self):
        with tempfile.TemporaryDirectory() as room:
            path = os.path.join(room, "plot.svg")
            done = run("--server", BIMODAL, "--requests", "1000", "--compare", HEDGED, "--svg", path)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("p99.9", done.stdout)
            picture = xml.dom.minidom.parse(path)
            self.assertEqual(len(picture.getElementsByTagName("polyline")), 2)
            done = run("--server", BIMODAL, "--requests", "10", "--svg", os.path.join(room, "no", "plot.svg"))
            self.assertEqual(done.returncode, 23)

    def test_a_post_neither_races_nor_is_sent_twice_for_a_broken_connection(self):
        server = ["--server", "10ms,errors=20%:reset", "--requests", "2000", "--concurrency", "3"]
        told = policies(*server, "-X", "POST", "--compare", "-X POST --idempotent --backoff none")
        once, raced = told["--concurrency 3 --request POST"], told["--request POST --idempotent --backoff none"]
        self.assertEqual(once["sent_per_request"], 1)
        self.assertTrue(0.15 <= once["errors"] <= 0.25, once)
        self.assertLess(raced["errors"], 0.02)

    def test_a_fault_is_told_with_its_part(self):
        for words, wanted in (
                (["--server", "5ms,errors=1%:50x"],
                 "pester: (2) option --server: part 2, 'errors=1%:50x': '50x' is not a whole number from 200 to 599"),
                (["--server", "5ms", "--retry-on", "nonsense"],
                 "pester: (2) policy '--retry-on nonsense': retry_on: item 1 \"nonsense\" is neither a status, a range, "
                 "a class nor a failure"),
                ([], "pester: (2) no server given; try 'pester simulate --help'")):
            done = run(*words)
            self.assertEqual((done.returncode, done.stderr.strip(), done.stdout), (2, wanted, ""))

    def test_help_and_a_closed_output(self):
        self.assertIn("--server", run("--help").stdout)
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([PESTER, "simulate", "--server", "5ms", "--requests", "10"], stdout=full,
                                  stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, 23)


if __name__ == "__main__":
    servers.main("PESTER")

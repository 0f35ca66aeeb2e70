#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Black-box claims about what the command does when a server is not enough: base URLs, fallbacks, endpoints, the
bulkhead, the headers that tell a server of the attempt, and the numbers of --stats.

Usage: test_cli_failover.py PESTER PESTER_FLAKY"""

import json
import os
import re
import socket
import tempfile
import unittest

import servers
from servers import Flaky, documents

PESTER = PESTER_FLAKY = ""


class FailoverTest(unittest.TestCase):
    def flaky(self, *rules):
        server = Flaky(PESTER_FLAKY, *[word for rule in rules for word in ("--route", rule)])
        self.addCleanup(server.__exit__)
        return server

    def dead(self):
        """A URL where nobody listens, and nobody else can begin to."""
        closed = socket.socket()
        self.addCleanup(closed.close)
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}"

    def expect(self, status, *arguments, **more):
        done = servers.run(PESTER, *arguments, **more)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def paths(self, flaky):
        return [what for _, what in flaky.requests()]

    # ---- Base URLs

    def test_the_next_base_url_answers_for_a_dead_one(self):
        flaky = self.flaky("/v1/page = body=hello")
        dead = self.dead()
        bases = ("--base-url", dead, "--base-url", flaky.url + "/v1")
        self.assertEqual(self.expect(0, *bases, "--backoff", "none", "/page").stdout, b"hello")
        [document] = documents(self.expect(0, *bases, "--backoff", "none", "--json", "/page"))
        self.assertEqual(document["request"]["url"], "/page")
        self.assertEqual(document["response"]["url"], flaky.url + "/v1/page")
        self.assertEqual([a["url"] for a in document["attempts"]], [dead + "/page", flaky.url + "/v1/page"])
        self.assertEqual([a["outcome"] for a in document["attempts"]], ["retried", "won"])
        self.assertEqual(self.paths(flaky), ["GET /v1/page"] * 2)

    def test_the_waterfall_says_where_each_attempt_went(self):
        flaky = self.flaky("/x = ok")
        dead = self.dead()
        bases = ("--base-url", dead, "--base-url", flaky.url)
        lines = self.expect(0, *bases, "--backoff", "none", "--waterfall", "/x").stderr.decode().splitlines()
        self.assertRegex(lines[3], rf"^lane 0  #1  127\.0\.0\.1:{dead.rpartition(':')[2]} .* refused, retried$")
        self.assertRegex(lines[4], rf"^        #2  127\.0\.0\.1:{flaky.port} .* 200 won ◀$")
        alone = self.expect(0, "--waterfall", flaky.url + "/x").stderr.decode().splitlines()
        self.assertNotIn("127.0.0.1", "".join(alone[1:]))

    def test_weights_share_the_requests_out(self):
        rare, often = self.flaky("/x = ok"), self.flaky("/x = ok")
        self.expect(0, "--base-url", rare.url, "--base-url-weight", "1", "--base-url", often.url, "--base-url-weight",
                    "9", "--seed", "7", "--repeat", "200", "/x")
        shares = len(rare.requests()), len(often.requests())
        self.assertEqual(sum(shares), 200)
        self.assertTrue(5 <= shares[0] <= 45, shares)  # 20, give or take six sigma
        first = len(often.requests())
        self.expect(0, "--base-url", rare.url, "--base-url", often.url, "--repeat", "5", "/x")  # no weights: the first
        self.assertEqual((len(rare.requests()) - shares[0], len(often.requests()) - first), (5, 0))

    def test_an_upload_is_the_same_at_every_base_url(self):
        flaky = self.flaky("/d/f = echo-body")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "f")
            with open(path, "wb") as file:
                file.write(b"bytes" * 1000)
            done = self.expect(0, "--base-url", self.dead(), "--base-url", flaky.url, "--backoff", "none", "-T", path, "/d/")
        self.assertEqual(done.stdout, b"bytes" * 1000)

    def test_what_makes_no_base_url_is_refused_by_name(self):
        for arguments, words in [
            (("--base-url", "http://a", "http://b/"), ("--base-url", "'http://b/'")),
            (("--base-url", "http://a", "--base-url", "http://b/?q", "/"), ("--base-url", "'http://b/?q'")),
            (("--base-url", "ftp://a", "/"), ("--base-url", "'ftp://a'")),
            (("--base-url-weight", "1", "/"), ("--base-url-weight", "'1'")),
            (("--base-url", "http://a") * 17 + ("/",), ("--base-url", "more than 16")),
            (("--attempt-header", "X Y", "http://a/"), ("--attempt-header", "'X Y'")),
            (("--deadline-header", "Host", "http://a/"), ("--deadline-header", "'Host'")),
        ]:
            text = self.expect(2, *arguments).stderr.decode()
            self.assertTrue(text.startswith("pester: (2) ") and text.count("\n") == 1, text)
            for word in words:
                self.assertIn(word, text)

    # ---- Headers

    def test_the_server_sees_the_attempt_and_the_time_that_is_left(self):
        flaky = self.flaky("/x = status=503 times=2; echo")
        done = self.expect(0, "--attempt-header", "X-Attempt", "--deadline-header", "X-Left", "-m", "30", "--backoff",
                           "none", flaky.url + "/x")
        self.assertIn(b"\r\nX-Attempt: 3\r\n", done.stdout)
        left = int(re.search(rb"\r\nX-Left: (\d+)\r\n", done.stdout)[1])
        self.assertTrue(0 < left <= 30_000, left)

    def test_without_a_deadline_there_is_no_time_and_ones_own_header_stays(self):
        flaky = self.flaky("/x = echo")
        done = self.expect(0, "--attempt-header", "X-Attempt", "--deadline-header", "X-Left", "-H", "x-attempt: mine",
                           flaky.url + "/x")
        self.assertIn(b"x-attempt: mine\r\n", done.stdout)
        self.assertNotIn(b"X-Attempt", done.stdout)
        self.assertNotIn(b"X-Left", done.stdout)

    # ---- Fallbacks

    def test_a_fallback_stands_in_when_all_is_spent(self):
        flaky = self.flaky("/x = status=503")
        done = self.expect(0, "--fallback", "sorry\n", "--backoff", "none", flaky.url + "/x")
        self.assertEqual(done.stdout, b"sorry\n")
        self.assertEqual(done.stderr, b"pester: this is the fallback: 503 Service Unavailable (after 3 attempts)\n")
        done = self.expect(0, "--fallback", "", "--max-attempts", "1", self.dead())
        self.assertEqual(done.stdout, b"")
        self.assertEqual(done.stderr, b"pester: this is the fallback: connection refused\n")
        self.assertEqual(self.expect(0, "-s", "--fallback", "x", "--max-attempts", "1", self.dead()).stderr, b"")

    def test_a_good_answer_needs_no_fallback(self):
        flaky = self.flaky("/x = status=503; body=fine", "/none = status=404 body=none")
        done = self.expect(0, "--fallback", "sorry", "--backoff", "none", flaky.url + "/x")
        self.assertEqual((done.stdout, done.stderr), (b"fine", b""))
        # A 404 is an answer: nothing that would have been tried again.
        done = self.expect(0, "--fallback", "sorry", flaky.url + "/none")
        self.assertEqual((done.stdout, done.stderr), (b"none", b""))

    def test_a_fallback_may_be_a_file(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"\x00\r\nkept")
            file.flush()
            done = self.expect(0, "--fallback", "@" + file.name, "--max-attempts", "1", self.dead())
        self.assertEqual(done.stdout, b"\x00\r\nkept")
        self.expect(26, "--fallback", "@/nowhere/x", self.dead())

    def test_the_document_says_that_it_is_the_fallback(self):
        flaky = self.flaky("/x = status=503; ok")
        [document] = documents(self.expect(0, "--json", "--fallback", "sorry", "--max-attempts", "1", flaky.url + "/x"))
        self.assertIs(document["fallback"], True)
        self.assertIsNone(document["winner"])
        self.assertIsNone(document["error"])
        self.assertEqual((document["response"]["status"], document["response"]["body_bytes"]), (200, 5))
        self.assertEqual([a["status"] for a in document["attempts"]], [503])
        self.assertEqual(document["attempts"][0]["retry_denied"], "attempts")
        [document] = documents(self.expect(0, "--json", "--fallback", "sorry", flaky.url + "/x"))
        self.assertIs(document["fallback"], False)
        [document] = documents(self.expect(0, "--json", flaky.url + "/x"))
        self.assertNotIn("fallback", document)

    # ---- Endpoints

    def two_addresses(self):
        """The options by which two.test is a server that always fails and, at the same port of another address, one
        that never does, and the two; the first address is the one that fails."""
        for _ in range(servers.STARTS):
            good = self.flaky("/x = ok")
            try:
                bad = Flaky(PESTER_FLAKY, "--host", "127.0.0.2", "--port", str(good.port), "--route", "/x = status=503")
            except AssertionError:
                continue  # somebody else's port there
            self.addCleanup(bad.__exit__)
            resolve = f"two.test:{good.port}:127.0.0.2,127.0.0.1"
            return ("--resolve", resolve, f"http://two.test:{good.port}/x"), bad, good
        raise AssertionError("no port that is free at both addresses")

    def test_an_address_where_five_in_a_row_failed_is_left_out(self):
        arguments, bad, good = self.two_addresses()
        run = ("--max-attempts", "1", "--repeat", "12", "--json", "--stats")
        *found, last = documents(self.expect(0, *run, "--eject", "on", *arguments))
        self.assertEqual([d["response"]["status"] for d in found], [503] * 5 + [200] * 7)
        self.assertEqual(last["stats"]["ejections"], 1)
        self.assertEqual((len(bad.requests()), len(good.requests())), (5, 7))

    def test_an_option_overrides_the_policys_ejection(self):
        arguments, bad, good = self.two_addresses()
        run = ("--policy", "standard", "--max-attempts", "1", "--repeat", "8", "--json", "--stats")
        *found, last = documents(self.expect(0, *run, "--eject", "off", *arguments))
        self.assertEqual([d["response"]["status"] for d in found], [503] * 8)
        self.assertEqual((last["stats"]["ejections"], len(good.requests())), (0, 0))
        *found, last = documents(self.expect(0, *run, *arguments))
        self.assertEqual([d["response"]["status"] for d in found], [503] * 5 + [200] * 3)

    def test_a_post_races_for_its_connection_and_is_sent_once(self):
        for _ in range(servers.STARTS):
            good = self.flaky("/x = ok")
            silent = socket.socket()
            self.addCleanup(silent.close)
            try:
                silent.bind(("127.0.0.2", good.port))
            except OSError:
                continue
            break
        silent.listen(0)
        for _ in range(8):  # its queue is full then: a further handshake gets no answer
            waiting = socket.socket()
            self.addCleanup(waiting.close)
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.2", good.port))
        [document] = documents(self.expect(0, "--concurrency", "2", "--hedge-after", "20ms", "-d", "once", "--json", "--stats",
                                           "--resolve", f"two.test:{good.port}:127.0.0.2,127.0.0.1",
                                           f"http://two.test:{good.port}/x"))
        self.assertEqual(len(document["attempts"]), 1)
        stats = document["stats"]
        self.assertEqual((stats["connection_hedges"], stats["connections_opened"], stats["hedges"]), (1, 2, 0))
        self.assertEqual(self.paths(good), ["POST /x"])

    # ---- The bulkhead

    def test_no_more_are_in_flight_than_allowed(self):
        flaky = self.flaky("/x = delay=40ms")
        lines = self.expect(0, "--max-in-flight", "1", "--repeat", "4", "--parallel", "4", "--json", flaky.url + "/x")
        found = documents(lines)
        self.assertEqual(len(found), 4)
        # One after the other: the last one waited for the three before it.
        self.assertGreaterEqual(max(d["totals"]["duration_ms"] for d in found), 159)
        self.assertEqual(len({connection for connection, _ in flaky.requests()}), 1)

    def test_who_waits_too_long_is_turned_away(self):
        flaky = self.flaky("/x = delay=400ms")
        done = servers.run(PESTER, "--max-in-flight", "1", "--max-wait", "20ms", "--repeat", "2", "--parallel", "2",
                           "--json", flaky.url + "/x")
        self.assertEqual(done.returncode, 7, done.stderr)
        first, second = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(first["error"]["name"], "PESTER_EQUEUE")
        self.assertEqual(first["attempts"], [])
        self.assertEqual(second["response"]["status"], 200)

    # ---- Shared exchanges and kept answers

    def test_identical_requests_share_one_exchange(self):
        flaky = self.flaky("/x = delay=100ms body=shared", "/private = delay=100ms header='Cache-Control: private'")
        found = documents(self.expect(0, "--collapse", "--repeat", "20", "--parallel", "20", "--json", flaky.url + "/x"))
        self.assertEqual(len(found), 20)
        self.assertEqual({d["response"]["body_bytes"] for d in found}, {6})
        self.assertEqual(sorted(d["collapsed"] for d in found), [False] + 19 * [True])
        self.assertEqual(self.paths(flaky), ["GET /x"])
        found = documents(self.expect(0, "--collapse", "--repeat", "4", "--parallel", "4", "--json",
                                      flaky.url + "/private"))
        self.assertEqual([d["collapsed"] for d in found], 4 * [False])
        self.assertEqual(self.paths(flaky)[1:], 4 * ["GET /private"])

    def test_a_shared_answer_is_shown_like_any_other(self):
        flaky = self.flaky("/x = body=shared header='X-A: b'")
        done = self.expect(0, "--collapse", "-i", "-v", flaky.url + "/x")
        self.assertTrue(done.stdout.startswith(b"HTTP/1.1 200 OK\r\n"), done.stdout)
        self.assertIn(b"X-A: b\r\n", done.stdout)
        self.assertTrue(done.stdout.endswith(b"\r\n\r\nshared"), done.stdout)
        self.expect(63, "--collapse", "--max-filesize", "5", flaky.url + "/x")

    def test_a_kept_answer_stands_in_for_an_error(self):
        flaky = self.flaky("/x = body=kept; status=503")
        done = self.expect(0, "--stale-if-error", "1m", "--repeat", "3", "--max-attempts", "1", "--json", "--stats",
                           flaky.url + "/x")
        first, second, third, last = documents(done)
        self.assertIsNone(first["stale_ms"])
        for document in (second, third):
            self.assertGreaterEqual(document["stale_ms"], 1)
            self.assertEqual(document["response"]["status"], 200)
            self.assertEqual(document["response"]["body_bytes"], 4)
            self.assertIsNone(document["winner"])
            self.assertEqual(document["attempts"][0]["status"], 503)
        self.assertEqual(last["stats"]["stale_served"], 2)
        self.assertIn(b"s old: status 503", done.stderr)

    # ---- Why not again

    def test_each_denial_has_its_word(self):
        flaky = self.flaky("/bad = status=503", "/reset = reset", "/later = status=503 header='Retry-After: 100'")
        for word, arguments in {
            "attempts": ("--max-attempts", "1", flaky.url + "/bad"),
            "unsafe": ("-d", "x", flaky.url + "/reset"),
            "deadline": ("-m", "0.5", "--backoff", "constant:5s", flaky.url + "/bad"),
            "retry_after": ("--retry-after", "1s", flaky.url + "/later"),
            "rules": ("--retry-on", "timeout", flaky.url + "/reset"),
        }.items():
            done = servers.run(PESTER, "-s", "--json", "--waterfall", *arguments)
            last = json.loads(done.stdout)["attempts"][-1]
            self.assertEqual((last["retry_denied"], last["outcome"]), (word, "failed"), done.stdout)
            shown = f"failed ({word})" in done.stderr.decode()
            self.assertEqual(shown, word not in ("attempts", "rules"), done.stderr)

    def test_an_empty_budget_is_told_everywhere(self):
        flaky = self.flaky("/bad = status=503")
        done = self.expect(0, "--budget", "on", "--backoff", "none", "--max-attempts", "40", "--repeat", "6", "--json",
                           "--stats", flaky.url + "/bad")
        *found, last = documents(done)
        self.assertEqual(len(found), 6)
        denied = [d["attempts"][-1]["retry_denied"] for d in found].count("budget")
        self.assertGreater(denied, 0)
        self.assertEqual(last["stats"]["unpaid"], denied)
        self.assertEqual(last["stats"]["retries_denied"], {"attempts": 6 - denied, "budget": denied})
        self.assertEqual(found[-1]["stop"], "budget")

    # ---- Stats

    def test_stats_of_a_run_go_to_standard_error(self):
        flaky = self.flaky("/x = status=503; ok; loop")
        done = self.expect(0, "--stats", "--repeat", "5", "--backoff", "constant:3ms", flaky.url + "/x")
        text = done.stderr.decode()
        self.assertIn("requests:        5 started, 5 done\n", text)
        self.assertIn("exchanges:       10, of them 5 retries, 0 hedges, 0 resends, 0 resumes\n", text)
        self.assertIn("retries denied:  none\n", text)
        rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if re.match(r"[a-z]+ +\d+( +[\d.]+){4}$", line)}
        self.assertEqual({name: row[0] for name, row in rows.items()}, {"requests": "5", "exchanges": "10", "backoffs": "5", "waits": "0"})
        self.assertEqual(rows["backoffs"][4], "3.000")
        for row in rows.values():
            numbers = [float(n) for n in row[1:]]
            self.assertEqual(numbers, sorted(numbers))
        alone = self.expect(0, "--stats", flaky.url + "/other")
        self.assertIn(b"requests:        1 started, 1 done\n", alone.stderr)
        self.assertEqual(self.expect(0, flaky.url + "/other").stderr, b"")

    def test_stats_in_json_are_a_member_or_the_last_line(self):
        flaky = self.flaky("/x = ok")
        done = self.expect(0, "--stats", "--json", flaky.url + "/x")
        self.assertEqual(done.stderr, b"")
        [document] = documents(done)
        stats = document["stats"]
        self.assertEqual((stats["requests_started"], stats["requests_done"], stats["exchanges"]), (1, 1, 1))
        self.assertEqual(stats["requests_ms"]["count"], 1)
        self.assertEqual(stats["bytes_received"], document["totals"]["bytes_received"])
        lines = self.expect(0, "--stats", "--json", "--repeat", "3", flaky.url + "/x").stdout.splitlines()
        self.assertEqual(len(lines), 4)
        self.assertEqual([("stats" in json.loads(line)) for line in lines], [False, False, False, True])
        self.assertEqual(json.loads(lines[-1])["stats"]["requests_done"], 3)


if __name__ == "__main__":
    servers.main("PESTER", "PESTER_FLAKY")

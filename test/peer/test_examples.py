#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every program of examples/ does in front of an unreliable server what its opening says. Usage:
test_examples.py PESTER_FLAKY EXAMPLE..., in the order of the names at the end"""

import http.server
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

import servers
from servers import Flaky, run, until

PESTER_FLAKY = COLLAPSE = COOKIES = EXISTING_APP = FAILOVER = FOLLOW = GET = POST_FROM_THREADS = POST_RETRY = RACE = SHUTDOWN = STREAM = ""
UPLOAD_FORM = UPLOAD_STREAM = WATCH = ""


class ExamplesTest(unittest.TestCase):
    def flaky(self, *rules):
        server = Flaky(PESTER_FLAKY, *[word for rule in rules for word in ("--route", rule)])
        self.addCleanup(server.__exit__)
        return server

    def output(self, program, *arguments, status=0):
        done = run(program, *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout.decode(), done.stderr.decode()

    def test_without_an_argument_each_says_how_it_is_used(self):
        for program in (GET, RACE, POST_RETRY, STREAM, SHUTDOWN, EXISTING_APP, FAILOVER, COLLAPSE, COOKIES,
                        POST_FROM_THREADS, UPLOAD_FORM, UPLOAD_STREAM, WATCH):
            out, errors = self.output(program, status=2)
            self.assertEqual(out, "")
            self.assertRegex(errors, r"^usage: \S+ (BACKEND_)?URL( \[PORT\]| URL PATH| URL FILE| FILE| LINES)?\n$")

    def test_a_url_that_is_none_is_refused(self):
        for program in (GET, RACE, POST_RETRY, STREAM, SHUTDOWN, WATCH):
            out, errors = self.output(program, "http://a b/", status=2)
            self.assertEqual(out, "", program)
            self.assertNotEqual(errors, "", program)

    # ---- follow

    def test_follow_stays_within_the_site_and_shows_each_hop(self):
        other = self.flaky("/x = body=elsewhere")
        flaky = self.flaky("/a = status=302 header='Location: b?c=1'", "/b = status=503; body=here",
                           f"/away = status=307 header='Location: {other.url}/x' body=stay")
        out, errors = self.output(FOLLOW, flaky.url + "/a")
        self.assertEqual(out, "here")
        self.assertEqual(errors.splitlines(), [f"first    302 {flaky.url}/a", f"redirect 503 {flaky.url}/b?c=1",
                                               f"retry    200 {flaky.url}/b?c=1"])
        out, errors = self.output(FOLLOW, flaky.url + "/away")
        self.assertEqual(out, "stay")
        self.assertIn(f"not followed: {other.url}/x", errors)
        self.assertEqual(other.requests(), [])

    def test_follow_answers_a_challenge(self):
        flaky = self.flaky("/ = status=401 header='WWW-Authenticate: Basic realm=\"x\"'; echo")
        out, errors = self.output(FOLLOW, flaky.url + "/", "me", "secret")
        self.assertIn("Authorization: Basic bWU6c2VjcmV0", out)
        self.assertIn("auth     200", errors)

    # ---- get

    def test_get_prints_the_body_of_the_first_good_answer(self):
        flaky = self.flaky("/page = status=503; body=hello")
        out, errors = self.output(GET, flaky.url + "/page")
        self.assertEqual((out, errors), ("hello", "200, 5 bytes, attempt 2\n"))
        self.assertEqual([what for _, what in flaky.requests()], ["GET /page"] * 2)

    def test_get_says_why_there_is_no_answer(self):
        with socket.socket() as closed:  # bound, so that nobody else takes it, but not listening
            closed.bind(("127.0.0.1", 0))
            out, errors = self.output(GET, f"http://127.0.0.1:{closed.getsockname()[1]}/", status=1)
        self.assertEqual(out, "")
        self.assertIn("connection refused", errors)

    # ---- race

    def test_race_shows_the_winner_and_the_cancelled(self):
        flaky = self.flaky("/race = delay=5s; delay=18ms; delay=5s")
        out, _ = self.output(RACE, flaky.url + "/race")
        lines = out.splitlines()
        self.assertEqual(len(lines), 4)
        self.assertEqual(sorted(re.search("won|cancelled", line)[0] for line in lines[:3]), ["cancelled", "cancelled", "won"])
        winner = re.fullmatch(r"stop: success, winner: lane (\d) attempt 1", lines[3])
        self.assertRegex(lines[int(winner[1])], r"^lane \d attempt 1  won .* 200$")
        self.assertEqual([line.endswith("  no answer yet") for line in lines].count(True), 2)
        self.assertEqual(len(flaky.requests()), 3)
        until(lambda: flaky.log().count("closed by peer before response") == 2, 5, flaky.log)

    # ---- post_retry

    def test_post_retry_sends_the_same_bytes_until_the_outcome_is_known(self):
        flaky = self.flaky("POST /pay = reset; status=503; echo")
        out, errors = self.output(POST_RETRY, flaky.url + "/pay")
        self.assertEqual(out, "200 after 3 attempts\n")
        lines = errors.splitlines()
        self.assertEqual(len(lines), 2)
        for n, line in enumerate(lines):
            self.assertRegex(line, rf"\[POST\] \S+/pay request-0 retry-{n} error: ")
        self.assertEqual([what for _, what in flaky.requests()], ["POST /pay"] * 3)

    def test_post_retry_gives_up_after_five(self):
        flaky = self.flaky("POST /pay = reset")
        out, errors = self.output(POST_RETRY, flaky.url + "/pay", status=1)
        self.assertEqual(out, "")
        self.assertIn("gave up (attempts): ", errors)
        self.assertEqual(len(flaky.requests()), 5)

    # ---- stream

    def test_stream_takes_all_of_a_long_body(self):
        flaky = self.flaky("/big = body=2MiB header='Content-Type: text/x'")
        out, errors = self.output(STREAM, flaky.url + "/big")
        self.assertEqual((out, errors), (f"{2 << 20} bytes\n", "200 text/x\n"))

    def test_stream_says_that_a_body_was_cut(self):
        flaky = self.flaky("/big = body=2MiB reset@body+100000")
        out, errors = self.output(STREAM, flaky.url + "/big", status=1)
        self.assertLessEqual(int(out.split()[0]), 100000)
        self.assertEqual(len(errors.splitlines()), 2)

    # ---- shutdown

    def test_shutdown_ends_every_request_once(self):
        # It stops after 100 ms, which may be little on a busy machine.
        flaky = self.flaky("/slow = delay=1ms; delay=30s")
        out, _ = self.output(SHUTDOWN, flaky.url + "/slow")
        self.assertIn(out, ("1 answered, 99 closed, 0 otherwise\n", "0 answered, 100 closed, 0 otherwise\n"))
        until(lambda: "closed by peer before response" in flaky.log(), 5, flaky.log)
        self.assertLessEqual(len(flaky.requests()), 33)  # 32 connections, one of them used twice

    def test_shutdown_counts_what_was_answered_before(self):
        flaky = self.flaky("/quick = ok")
        out, _ = self.output(SHUTDOWN, flaky.url + "/quick")
        found = re.fullmatch(r"(\d+) answered, (\d+) closed, 0 otherwise\n", out)
        self.assertEqual(int(found[1]) + int(found[2]), 100)
        self.assertGreaterEqual(len(flaky.requests()), int(found[1]))

    # ---- existing_app

    def start_app(self, backend):
        app = subprocess.Popen([EXISTING_APP, backend], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.end_app, app)
        port = int(re.fullmatch(rb"echo on port (\d+)\n", app.stdout.readline())[1])
        return app, lambda: socket.create_connection(("127.0.0.1", port), timeout=10)

    def interrupt(self, app):
        app.send_signal(signal.SIGINT)
        app.told = True

    def end_app(self, app):
        if not hasattr(app, "told"):  # the second one would kill it
            self.interrupt(app)
        out, errors = app.communicate(timeout=20)
        self.assertEqual((app.returncode, out, errors), (0, b"", b""))

    def lines(self, sock, count):
        data = b""
        while data.count(b"\n") < count:
            part = sock.recv(4096)
            self.assertNotEqual(part, b"")
            data += part
        return sorted(data.splitlines())

    def test_existing_app_echoes_while_it_asks_and_greets_with_the_answer(self):
        flaky = self.flaky("/b = status=503; delay=300ms status=503; status=200; status=201")
        _, connect = self.start_app(flaky.url + "/b")
        with connect() as first:
            first.sendall(b"still there?\n")
            self.assertEqual(self.lines(first, 1), [b"still there?"])  # long before the backend answers
            self.assertEqual(self.lines(first, 1), [b"backend: 200 after 3 attempts"])
            with connect() as second:  # while the first is there
                self.assertEqual(self.lines(second, 1), [b"backend: 201 after 1 attempts"])
                second.sendall(b"two\n")
                first.sendall(b"one\n")
                self.assertEqual((self.lines(first, 1), self.lines(second, 1)), ([b"one"], [b"two"]))

    def test_existing_app_asks_no_longer_for_who_has_left(self):
        flaky = self.flaky("/b = delay=30s")
        _, connect = self.start_app(flaky.url + "/b")
        with connect():
            until(flaky.requests)
        flaky.logged("closed by peer before response")

    def test_existing_app_goes_down_while_it_asks(self):
        flaky = self.flaky("/b = delay=30s")
        app, connect = self.start_app(flaky.url + "/b")
        with connect() as sock:
            until(flaky.requests)
            self.interrupt(app)
            self.assertEqual(self.lines(sock, 1), [b"backend: the client was closed"])

    # ---- collapse

    def test_collapse_asks_once_for_five_and_keeps_the_answer(self):
        flaky = self.flaky("/settings = delay=20ms body=fresh; delay=20ms status=503")
        out, errors = self.output(COLLAPSE, flaky.url + "/settings")
        self.assertEqual(errors, "")
        self.assertEqual(out.splitlines(), ["round 1: 5 callers, 1 exchanges, 0 failed: fresh",
                                            "round 2: 5 callers, 3 exchanges, 0 failed, an earlier answer: fresh",
                                            "round 3: 5 callers, 3 exchanges, 0 failed, an earlier answer: fresh"])
        self.assertEqual(len(flaky.requests()), 7)

    # ---- failover

    def closed(self):
        sock = socket.socket()  # bound, so that nobody else takes it, but not listening
        self.addCleanup(sock.close)
        sock.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{sock.getsockname()[1]}"

    def test_failover_gets_the_answer_of_the_second_server(self):
        flaky, closed = self.flaky("/v2/settings = body=here"), self.closed()
        out, errors = self.output(FAILOVER, closed, flaky.url + "/v2/", "/settings")
        self.assertEqual(errors, "")
        self.assertEqual(out.splitlines(), [f"attempt 1: {closed}/settings: connection refused",
                                            f"attempt 2: {flaky.url}/v2/settings: 200", "answer 200: here"])

    def test_failover_has_an_answer_of_its_own_and_says_why(self):
        flaky, closed = self.flaky("/settings = status=503"), self.closed()
        out, _ = self.output(FAILOVER, closed, flaky.url, "/settings")
        lines = out.splitlines()
        self.assertEqual(lines[0], 'instead of "connection refused":')
        self.assertEqual(lines[1:3], [f"attempt 1: {closed}/settings: connection refused",
                                      f"attempt 2: {flaky.url}/settings: 503"])
        self.assertEqual(lines[3], f"attempt 3: {closed}/settings: connection refused, not tried again: attempts")
        self.assertEqual(lines[4:], ["fallback 200: {}"])

    def test_failover_says_what_is_no_base_url_and_no_path(self):
        out, errors = self.output(FAILOVER, "http://a", "http://b/?q", "/x", status=2)
        self.assertEqual((out, errors), ("", "base_urls, number 2: a query or fragment\n"))
        out, errors = self.output(FAILOVER, "http://a", "http://b", "/ x", status=2)
        self.assertEqual(out, "")
        self.assertIn("space", errors)

    # ---- post_from_threads

    def test_post_from_threads_answers_each_worker(self):
        flaky = self.flaky("PUT /x = status=503; ok")
        out, errors = self.output(POST_FROM_THREADS, flaky.url + "/x")
        self.assertEqual((out, errors), ("20 of 20 answered with 200\n", ""))
        self.assertGreaterEqual(len(flaky.requests()), 20)

    def test_post_from_threads_tells_each_worker_why_it_was_not_sent(self):
        out, errors = self.output(POST_FROM_THREADS, "http://a b/", status=1)
        self.assertEqual(out, "0 of 20 answered with 200\n")
        lines = sorted(errors.splitlines())
        self.assertEqual(len(lines), 20)
        for n, line in enumerate(lines):
            self.assertRegex(line, rf"^worker {n // 5}, {n % 5}: .*at byte 8")


    # ---- cookies

    def account(self):
        """A server whose /login sets a cookie that /account asks for; its URL, and the paths that it saw."""
        seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                known = self.headers["Cookie"] == "sid=42"
                seen.append(self.path)
                body = b"welcome" if known else b"who are you"
                self.send_response(200 if known or self.path == "/login" else 403)
                if self.path == "/login":
                    self.send_header("Set-Cookie", "sid=42; Path=/; HttpOnly")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}", seen

    def test_cookies_logs_in_once_for_two_runs(self):
        url, seen = self.account()
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        jar = os.path.join(directory.name, "jar")
        for expected in (["/account", "/login", "/account"], ["/account"]):
            seen.clear()
            out, errors = self.output(COOKIES, url + "/login", url + "/account", jar)
            self.assertEqual((out, errors), ("200: welcome\n127.0.0.1/ has sid=42 for this session\n", ""))
            self.assertEqual(seen, expected)

    def test_cookies_says_what_it_cannot_read(self):
        _, errors = self.output(COOKIES, "http://a/", "http://a/", "/", status=2)
        self.assertEqual(errors, "/: illegal operation on a directory\n")

    # ---- upload_stream

    def test_upload_stream_sends_each_line_as_it_comes(self):
        flaky = self.flaky("POST /log = echo-body")
        out, errors = self.output(UPLOAD_STREAM, flaky.url + "/log", "5")
        self.assertEqual(errors, "")
        self.assertEqual(out, "200: " + "".join(f"measured {i}\n" for i in range(1, 6)))

    def test_upload_stream_does_not_send_twice_what_is_gone(self):
        flaky = self.flaky("POST /log = status=503; echo-body")
        out, _ = self.output(UPLOAD_STREAM, flaky.url + "/log", "3")
        self.assertRegex(out, "^503: ")
        self.assertEqual(len(flaky.requests()), 1)

    # ---- watch

    def test_watch_tells_of_each_attempt_and_sums_up(self):
        flaky = self.flaky("/x = status=503 times=3; status=200")
        out, errors = self.output(WATCH, flaky.url + "/x")
        self.assertEqual(errors, "")
        lines = [line.split(None, 1) for line in out.splitlines()]
        said = {kind: [text for word, text in lines if word == kind] for kind in ("log", "wire", "record", "done", "stats")}
        self.assertEqual(len(lines), sum(map(len, said.values())))
        self.assertEqual([re.search(r"retry-(\d) error: (.*)", line).groups() for line in said["log"]],
                         [("0", "status 503"), ("1", "status 503"), ("0", "status 503")])
        self.assertEqual([line for line in said["wire"] if line.startswith(">")], ["> GET /x HTTP/1.1"] * 5)
        self.assertEqual([line.split("127")[0] for line in said["wire"] if ":" in line], ["new   "] + ["again "] * 4)
        self.assertEqual([line.split(";")[0] for line in said["record"]],
                         ["first, retried, judged by status", "retry, failed, judged by status, not retried: attempts",
                          "first, retried, judged by status", "retry, won", "first, won"])
        self.assertEqual(said["done"], ["503, stop: attempts", "200, stop: success", "200, stop: success"])
        self.assertEqual(said["stats"][:2], ["pester.client.exchanges = 5, of them pester.client.retries = 2",
                                             "pester.client.retries.denied{pester.denial=attempts} = 1"])
        self.assertRegex(said["stats"][2], r"^pester.client.request.duration: 3, half of them within [\d.]+ ms, ")

    # ---- upload_form

    def test_upload_form_is_sent_until_it_is_taken(self):
        flaky = self.flaky("POST /form = reset; status=503; status=201")
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x" * 300000)
            file.flush()
            out, errors = self.output(UPLOAD_FORM, flaky.url + "/form", file.name)
        self.assertEqual((out, errors), ("201 after 3 attempts\n", ""))
        self.assertEqual([what for _, what in flaky.requests()], ["POST /form"] * 3)

    def test_upload_form_says_what_it_cannot_read(self):
        out, errors = self.output(UPLOAD_FORM, "http://127.0.0.1:1/", "/nowhere/at/all", status=2)
        self.assertEqual((out, errors), ("", "no such file or directory\n"))


if __name__ == "__main__":
    servers.main("PESTER_FLAKY", "COLLAPSE", "COOKIES", "EXISTING_APP", "FAILOVER", "FOLLOW", "GET", "POST_FROM_THREADS",
                 "POST_RETRY", "RACE", "SHUTDOWN", "STREAM", "UPLOAD_FORM", "UPLOAD_STREAM", "WATCH")

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Claims about the command that people bring from curl: its options, where heads and bodies go, what a refusal
names, and every exit status with what leads to it.

Usage: test_cli_curl.py PATH-OF-PESTER PATH-OF-PESTER-FLAKY."""

import json
import os
import re
import socket
import subprocess
import tempfile
import unittest

import servers

PESTER, PESTER_FLAKY = "", ""

RULES = [
    "/page = status=200 header='X-Page: 1' body=page",
    "/moved/here = status=302 header='Location: ../page?x=1'",
    "/loop = status=302 header='Location: /loop'",
    "/away = status=503; status=302 header='Location: /page'; loop",
    "/missing = status=404 body=none",
    "/echo = echo",
    "/cut = status=200 length=100 close@body+5 body=short",
    "/reset = reset@20",
    "/empty = close",
    "/garbage = garbage",
    "/stall = stall",
]


class CurlTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.flaky = servers.Flaky(PESTER_FLAKY, *[word for rule in RULES for word in ("--route", rule)])
        cls.url = cls.flaky.url

    @classmethod
    def tearDownClass(cls):
        cls.flaky.__exit__()

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def expect(self, status, *arguments, **more):
        done = servers.run(PESTER, *arguments, cwd=self.directory, **more)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def sent(self, *arguments, **more):
        """The request as /echo saw it: its first line, its headers, its body."""
        head, _, body = self.expect(0, *arguments, **more).stdout.decode().partition("\r\n\r\n")
        line, *fields = head.split("\r\n")
        return line, dict(field.split(": ", 1) for field in fields), body

    def file(self, name, content):
        path = os.path.join(self.directory, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    # ---- Request

    def test_get_puts_the_data_into_the_query(self):
        echo = self.url + "/echo"
        line, headers, body = self.sent("-G", "-d", "a=1", "--data-urlencode", "b=x y", echo + "?q=0#part")
        self.assertEqual((line, body), ("GET /echo?q=0&a=1&b=x+y HTTP/1.1", ""))
        self.assertNotIn("Content-Type", headers)
        self.assertEqual(self.sent("-G", "-d", "a=1", echo)[0], "GET /echo?a=1 HTTP/1.1")
        self.assertEqual(self.sent("-G", "-d", "a=1", echo + "?")[0], "GET /echo?a=1 HTTP/1.1")
        self.assertEqual(self.sent("-G", echo)[0], "GET /echo HTTP/1.1")
        self.assertEqual(self.sent("-G", "-X", "OPTIONS", "-d", "a", echo)[0], "OPTIONS /echo?a HTTP/1.1")
        self.expect(0, "-G", "-I", "-d", "a=1", echo)
        self.assertEqual(self.flaky.requests()[-1][1], "HEAD /echo?a=1")
        self.expect(2, "-G", "-F", "a=1", echo)

    def test_a_range_is_asked_for(self):
        self.assertEqual(self.sent("-r", "0-499", self.url + "/echo")[1]["Range"], "bytes=0-499")
        self.assertEqual(self.sent("--range", "-500", self.url + "/echo")[1]["Range"], "bytes=-500")

    def test_chunks_are_asked_for_by_their_header(self):
        chunked, path = ("-H", "transfer-encoding: Chunked"), self.file("f", b"of a file")
        for arguments, body in ((("-d", "data"), "data"), (("-T", path), "of a file"), (("-d", ""), "")):
            _, headers, sent = self.sent(*chunked, *arguments, self.url + "/echo")
            self.assertEqual((headers["Transfer-Encoding"], sent), ("chunked", body))
            self.assertNotIn("Content-Length", headers)
        _, headers, sent = self.sent(*chunked, "-F", "a=b", self.url + "/echo")
        self.assertEqual(headers["Transfer-Encoding"], "chunked")
        self.assertIn('name="a"\r\n\r\nb\r\n', sent)
        self.assertIn(b"transfer-encoding", self.expect(2, *chunked, self.url + "/echo").stderr)  # of what?

    def test_a_chunked_body_is_sent_again_when_that_is_due(self):
        with servers.Flaky(PESTER_FLAKY, "--route", "/x = status=503; echo-body") as flaky:
            done = self.expect(0, "-H", "Transfer-Encoding: chunked", "-d", "again" * 9999, "--backoff", "none",
                               "-w", "|%{num_retries} %{size_upload}", flaky.url + "/x")
        self.assertEqual(done.stdout.decode(), "again" * 9999 + "|1 49995")

    def test_an_expectation_is_asked_for_by_its_header(self):
        _, headers, body = self.sent("-H", "Expect: 100-continue", "-d", "data", self.url + "/echo")
        self.assertEqual((headers["Expect"], body), ("100-continue", "data"))

    def test_a_line_that_a_browser_copied_is_sent(self):
        line, headers, body = self.sent(
            self.url + "/echo", "--compressed", "-X", "POST", "-H", "User-Agent: Mozilla/5.0", "-H", "Accept: */*",
            "-H", "Accept-Encoding: gzip, deflate, br", "-H", "Content-Type: application/json", "-H", "Origin: http://a",
            "-H", "DNT: 1", "-H", "Connection: keep-alive", "-H", "Cookie: a=b; c=d", "-H", "TE: trailers", "--data-raw",
            "@{}")
        self.assertEqual((line, body), ("POST /echo HTTP/1.1", "@{}"))
        self.assertEqual(headers["Accept-Encoding"], "gzip, deflate, br")
        self.assertEqual((headers["Content-Type"], headers["Cookie"]), ("application/json", "a=b; c=d"))
        self.assertNotIn("TE", headers)
        self.expect(0, self.url + "/page", "-H", "sec-ch-ua: \"x\";v=\"1\"", "--insecure", "-q", "-g", "--http1.1")

    def test_a_file_of_data_loses_its_line_ends_and_nuls(self):
        path = self.file("f", b"a\0b\r\nc\n")
        for option, body in (("-d", "abc"), ("--data-ascii", "abc"), ("--data-binary", "a\0b\r\nc\n")):
            self.assertEqual(self.sent(option, "@" + path, self.url + "/echo")[2], body)
        self.assertEqual(self.sent("-d", "a", "--data-raw", "@b", "-d", "c", self.url + "/echo")[2], "a&@b&c")

    def test_the_url_may_be_an_option(self):
        self.assertEqual(self.expect(0, "--url", self.url + "/page").stdout, b"page")
        self.expect(2, "--url", self.url, self.url)
        self.expect(2, "--url", self.url, "--url", self.url)

    # ---- Output

    def heads(self, *arguments, status=0):
        """The status lines that were written, and what came behind the last head."""
        *heads, body = self.expect(status, *arguments).stdout.decode().split("\r\n\r\n")
        return [head.split("\r\n")[0][9:12] for head in heads], body

    def test_the_heads_of_what_was_followed_are_shown(self):
        moved, loop = self.url + "/moved/here", self.url + "/loop"
        self.assertEqual(self.heads("-i", moved), (["302"], "Found\n"))
        self.assertEqual(self.heads("-iL", moved), (["302", "200"], "page"))
        self.assertEqual(self.heads("-IL", moved), (["302", "200"], ""))
        self.assertEqual(self.heads("-L", "-D", "-", "-o", "x", moved), (["302", "200"], ""))
        self.assertEqual(self.heads("-iL", "--concurrency", "3", moved), (["302", "200"], "page"))
        self.assertEqual(self.heads("-iL", "--max-redirs", "2", loop, status=47), (["302"] * 3, ""))
        self.assertEqual(self.heads("-iL", "--max-redirs", "0", loop, status=47), (["302"], ""))
        # What was tried again is no part of the answer.
        self.assertEqual(self.heads("-iL", "--backoff", "none", self.url + "/away"), (["302", "200"], "page"))

    def test_head_shows_no_body_of_any_method(self):
        done = self.expect(0, "-I", "-X", "GET", self.url + "/page")
        self.assertTrue(done.stdout.endswith(b"X-Page: 1\r\n\r\n"), done.stdout)

    def test_fail_with_body_is_22_and_has_the_body(self):
        self.assertEqual(self.expect(22, "--fail-with-body", self.url + "/missing").stdout, b"none")
        self.assertEqual(self.expect(22, "--fail-with-body", "-i", "-s", self.url + "/missing").stderr, b"")
        self.expect(2, "--fail-with-body", "-f", self.url + "/missing")

    def test_a_file_is_named_as_the_url_ends(self):
        done = self.expect(0, "-O", "-w", "%{filename_effective}", self.url + "/page?x=/y")
        self.assertEqual(done.stdout, b"page")
        with open(os.path.join(self.directory, "page"), "rb") as file:
            self.assertEqual(file.read(), b"page")
        before = len(self.flaky.requests())
        for end in ("", "/", "/a/", "/?x=/y", "/a/..", "/#/x"):
            self.assertIn(b"ends in no file's name", self.expect(23, "-O", self.url + end).stderr)
        self.expect(2, "-O", "-o", "x", self.url + "/page")
        self.assertEqual(len(self.flaky.requests()), before)

    def test_a_body_over_its_limit_is_63(self):
        self.expect(0, "--max-filesize", "4", self.url + "/page")
        self.expect(0, "--max-filesize", "1k", self.url + "/page")
        self.expect(63, "--max-filesize", "3", self.url + "/page")
        for bad in ("", "k", "-1", "1.5k", "9999999999G"):
            self.assertIn(b"--max-filesize", self.expect(2, "--max-filesize", bad, self.url + "/page").stderr)

    def test_write_out_tells_of_files_heads_and_redirects(self):
        def told(*arguments):
            return self.expect(0, "-o", "x", "-w", *arguments).stdout.decode()

        self.assertEqual(told("%{redirect_url}", self.url + "/moved/here"), self.url + "/page?x=1")
        self.assertEqual(told("%{redirect_url}", self.url + "/page"), "")
        self.assertEqual(told("%{redirect_url} %{num_redirects}", "-L", self.url + "/moved/here"), " 1")
        self.assertEqual(told("%{filename_effective} %{ssl_verify_result}", self.url + "/page"), "x 0")
        self.assertEqual(json.loads(told("%{header_json}", self.url + "/page"))["x-page"], ["1"])
        self.assertEqual(self.expect(0, "-w", "|%{filename_effective}", self.url + "/page").stdout, b"page|")

    def test_unbuffered_and_without_progress_is_as_ever(self):
        done = self.expect(0, "-N", "--no-progress-meter", self.url + "/page")
        self.assertEqual((done.stdout, done.stderr), (b"page", b""))

    def on_a_terminal(self, *arguments):
        """What a terminal at standard error shows; standard output is a pipe."""
        master, slave = os.openpty()
        try:
            with open(slave, "wb") as terminal:
                done = subprocess.run([PESTER, *arguments], stdout=subprocess.PIPE, stderr=terminal, timeout=40,
                                      cwd=self.directory, check=True)
                os.set_blocking(master, False)
                try:
                    return done.stdout, os.read(master, 65536)
                except BlockingIOError:
                    return done.stdout, b""
        finally:
            os.close(master)

    def test_progress_is_for_files_on_a_terminal(self):
        page = self.url + "/page"
        self.assertIn(b"# 100.0%", self.on_a_terminal("-o", "x", page)[1])
        self.assertIn(b"# 100.0%", self.on_a_terminal("-O", page)[1])
        for arguments in ((), ("-s", "-o", "x"), ("--no-progress-meter", "-o", "x"), ("--json", "-o", "x"), ("-I",),
                          ("--repeat", "1", "-o", "x")):
            self.assertNotIn(b"#", self.on_a_terminal(*arguments, page)[1], arguments)
        self.assertEqual(self.on_a_terminal(page)[0], b"page")
        self.assertIn(b"# 100.0%", self.expect(0, "-#", "-o", "x", page).stderr)  # asked for: to a pipe, too

    def test_the_manuals_document_is_one_of_the_commands(self):
        manual = servers.read(os.path.join(os.path.dirname(__file__), "../../docs/pester.1.md"))
        shown = json.loads(re.search(r"^```json\n(.*?)^```", manual, re.M | re.S)[1])
        with servers.Flaky(PESTER_FLAKY, "--route", "/x = reset; ok") as flaky:
            done = self.expect(0, "--json", "--backoff", "constant:20ms", flaky.url + "/x")
        real = json.loads(done.stdout)
        for of in (lambda d: d, lambda d: d["request"], lambda d: d["response"], lambda d: d["winner"],
                   lambda d: d["totals"], lambda d: d["attempts"][0], lambda d: d["attempts"][0]["error"]):
            self.assertEqual(list(of(shown)), [name for name in of(real) if name in of(shown)])
        for name in ("status", "reason", "headers", "body_bytes", "body_sha256"):
            self.assertEqual(shown["response"][name], real["response"][name])
        for name in ("kind", "outcome", "status", "error", "delivery", "reused", "rule", "bytes_sent"):
            self.assertEqual(type(shown["attempts"][0][name]), type(real["attempts"][0][name]), name)
        self.assertEqual(shown["attempts"][0]["error"], real["attempts"][0]["error"])
        self.assertEqual(shown["winner"], real["winner"])

    # ---- Refusals

    def refused(self, *arguments):
        done = self.expect(2, *arguments)
        self.assertEqual(done.stdout, b"")
        return done.stderr.decode().strip()

    def test_what_is_refused_is_told_by_the_options_name(self):
        for option, value in (("--retry-on", "frob"), ("--resolve", "nonsense"), ("--connect-to", "nonsense"),
                              ("--dns-servers", "nonsense"), ("--unix-socket", "x" * 108), ("--user-agent", "a\x01"),
                              ("--pinnedpubkey", "nonsense"), ("--proxy", "ftp://p"),
                              ("--attempt-header", "a b"), ("--deadline-header", "a b")):
            self.assertTrue(self.refused(option, value, self.url).startswith(f"pester: (2) option {option}: "), option)

    def test_an_option_without_its_value_is_told(self):
        for words, name in ((["-o"], "--output"), ([self.url, "-X"], "--request"), (["--max-time"], "--max-time")):
            self.assertEqual(self.refused(*words), f"pester: (2) option {name}: has no value")

    def test_options_of_curls_that_are_missing_name_what_is_there(self):
        self.assertIn("see --max-attempts", self.refused("--retry", "3", self.url))
        self.assertIn("see --resume", self.refused("-C", "-", self.url))
        self.assertTrue(self.refused("--frob", self.url).endswith("--frob: is unknown"))
        self.assertIn("--json takes no value", self.refused("--json", "{}", self.url))

    # ---- Exit statuses

    def closed(self):
        sock = socket.socket()  # bound, so that nobody else takes it, but not listening
        self.addCleanup(sock.close)
        sock.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{sock.getsockname()[1]}"

    def test_each_exit_status_has_its_cause(self):
        url, closed = self.url, self.closed()
        causes = [
            (0, url + "/missing"), (1, "ftp://host/"), (2, "--frob", url), (3, "http://a b/"),
            (5, "-x", "nobody.invalid:1", url), (6, "http://nobody.invalid/"), (7, "http://" + closed),
            (7, "-x", closed, url), (7, "-6", url), (18, url + "/cut"), (22, "-f", url + "/missing"),
            (23, "-o", "/nowhere/x", url + "/page"), (23, "-o", "/dev/full", url + "/page"),
            (26, "-T", "/nowhere/x", url), (26, "-d", "@/nowhere/x", url), (26, "-F", "a=@/nowhere/x", url),
            (26, "-H", "@/nowhere/x", url), (28, "-m", "0.1", url + "/stall"),
            (28, "--attempt-timeout", "0.1", url + "/stall"), (35, "-k", url.replace("http:", "https:")),
            (47, "-L", "--max-redirs", "3", url + "/loop"), (47, "-L", "--max-redirs", "0", url + "/loop"),
            (52, url + "/empty"), (56, url + "/garbage"), (56, url + "/reset"),
            (63, "--max-filesize", "1", url + "/page"),
        ]
        for status, *arguments in causes:
            with self.subTest(status=status, arguments=arguments):
                done = self.expect(status, "--max-attempts", "1", *arguments)
                said = done.stderr.decode()
                self.assertRegex(said, rf"^pester: \({status}\) \S" if status else "^$")

    def test_each_exit_status_of_tls_has_its_cause(self):
        paths = [os.path.join(self.directory, name) for name in ("own.pem", "other.pem")]
        own, other = [servers.Flaky(PESTER_FLAKY, "--tls", "self", "--cert-out", path) for path in paths]
        self.addCleanup(own.__exit__)
        self.addCleanup(other.__exit__)
        pin = "sha256//" + "A" * 43 + "="
        causes = [
            (0, "--cacert", paths[0]), (0, "-k"), (60, "--cacert", paths[1]), (77, "--cacert", "/nowhere/x"),
            (58, "--cacert", paths[0], "-E", "/nowhere/x"), (90, "--cacert", paths[0], "--pinnedpubkey", pin),
        ]
        for status, *arguments in causes:
            with self.subTest(status=status, arguments=arguments):
                done = self.expect(status, "--max-attempts", "1", "-w", "%{stderr}%{exitcode}", *arguments, own.url)
                self.assertTrue(done.stderr.decode().endswith(str(status)))


if __name__ == "__main__":
    servers.main("PESTER", "PESTER_FLAKY")

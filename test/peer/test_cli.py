#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Black-box claims about the command `pester`: exit statuses, options, output, the JSON document.

Usage: test_cli.py PATH-OF-PESTER. The server is a few lines of sockets below, so that it can break every
rule on purpose; it knows nothing of the command."""

import gzip
import hashlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import servers

PESTER = ""


class Server(servers.Listener):
    """Answers the nth request to a path with the nth of its replies, the last one from then on."""

    def __init__(self):
        self.replies, self.seen = {}, []
        self.lock = threading.Lock()
        super().__init__()

    def on(self, path, *replies):
        self.replies[path] = list(replies)
        return self.url + path

    def requests(self, path):
        with self.lock:
            return [r for r in self.seen if r["path"] == path]

    def serve(self, connection):
        try:
            while self.exchange(connection):
                pass
        except OSError:
            pass
        connection.close()

    def exchange(self, connection):
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(65536)
            if not part:
                return False
            data += part
        head, body = data.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        headers = [tuple(line.split(": ", 1)) if ": " in line else (line.rstrip(":"), "") for line in lines[1:]]
        length = int(dict((k.lower(), v) for k, v in headers).get("content-length", 0))
        while len(body) < length:
            body += connection.recv(65536)
        method, path, _ = lines[0].split(" ")
        with self.lock:
            self.seen.append({"method": method, "path": path, "headers": headers, "body": body})
            replies = self.replies[path]
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
        return reply(connection, method)


def answer(status=200, body=b"hello world\n", headers=(), delay=0.0, version="1.1"):
    def reply(connection, method):
        time.sleep(delay)
        head = f"HTTP/{version} {status} Reason\r\nContent-Length: {len(body)}\r\n".encode()
        for name, value in headers:
            head += name.encode() + b": " + value + b"\r\n"
        connection.sendall(head + b"\r\n" + (b"" if method == "HEAD" else body))
        return True

    return reply


def raw(data, reset=False):
    def reply(connection, method):
        connection.sendall(data)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    return reply


def hang(connection, method):
    connection.recv(1)
    return False


def answer_once(listener):
    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    threading.Thread(target=serve, daemon=True).start()


def answer_names(server):
    """127.0.0.1 to every question for an IPv4 address, until an empty datagram comes."""
    while True:
        data, sender = server.recvfrom(1500)
        if not data:
            return
        end = data.index(b"\0", 12) + 5
        record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01"
        server.sendto(data[:2] + b"\x81\x80\0\x01\0\x01\0\0\0\0" + data[12:end] + record, sender)


class CommandTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def url(self, *replies):
        return self.server.on("/" + self.id().rsplit(".", 1)[1], *(replies or (answer(),)))

    def seen(self):
        return self.server.requests("/" + self.id().rsplit(".", 1)[1])

    def expect(self, status, *arguments, **more):
        done = servers.run(PESTER, *arguments, **more)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    # ---- Codings

    def test_a_compressed_body_is_asked_for_and_written_decoded(self):
        plain = b"hello world\n" * 1000
        coded = gzip.compress(plain)
        url = self.url(answer(body=coded, headers=[("Content-Encoding", b"gzip")]))
        done = self.expect(0, "--compressed", "-w", "%{stderr}%{size_download}", url)
        self.assertEqual((done.stdout, done.stderr), (plain, str(len(coded)).encode()))
        asked = dict(self.seen()[-1]["headers"])["Accept-Encoding"]
        self.assertTrue(asked.startswith("gzip, deflate"), asked)
        found, = servers.documents(self.expect(0, "--compressed", "--json", url))
        response = found["response"]
        self.assertEqual((response["body_bytes"], response["content_coding"], response["encoded_bytes"]),
                         (len(plain), "gzip", len(coded)))
        self.assertEqual(response["body_sha256"], hashlib.sha256(plain).hexdigest())
        self.assertEqual(response["headers"], [])
        self.assertEqual(self.expect(0, url).stdout, coded)  # not asked for: as it came
        self.assertNotIn("Accept-Encoding", dict(self.seen()[-1]["headers"]))

    def test_a_body_that_cannot_be_decoded_exits_with_61(self):
        coded = gzip.compress(b"hello world\n")
        for body, why in ((coded[:-3], b"it ends too early"), (b"not gzip", b"incorrect header check")):
            url = self.url(answer(body=body, headers=[("Content-Encoding", b"gzip")]))
            self.assertIn(why, self.expect(61, "--compressed", url).stderr)

    def test_a_bomb_exits_with_63(self):
        url = self.url(answer(body=gzip.compress(bytes(4 << 20)), headers=[("Content-Encoding", b"gzip")]))
        done = self.expect(63, "--compressed", url)
        self.assertIn(b"the ratio that is allowed", done.stderr)
        self.assertLessEqual(len(done.stdout), 1 << 20)

    # ---- Output

    def test_the_body_goes_to_standard_output(self):
        done = self.expect(0, self.url())
        self.assertEqual(done.stdout, b"hello world\n")
        self.assertEqual(done.stderr, b"")

    def test_include_and_head_show_the_head(self):
        url = self.url(answer(headers=[("X-A", b"1")]))
        head = b"HTTP/1.1 200 Reason\r\nContent-Length: 12\r\nX-A: 1\r\n\r\n"
        self.assertEqual(self.expect(0, "-i", url).stdout, head + b"hello world\n")
        self.assertEqual(self.expect(0, "-I", url).stdout, head)
        self.assertEqual(self.seen()[1]["method"], "HEAD")

    def test_output_and_dump_header_write_files(self):
        with tempfile.TemporaryDirectory() as folder:
            out, head = os.path.join(folder, "o"), os.path.join(folder, "h")
            done = self.expect(0, "-o", out, "-D", head, self.url())
            self.assertEqual(done.stdout, b"")
            with open(out, "rb") as file:
                self.assertEqual(file.read(), b"hello world\n")
            with open(head, "rb") as file:
                self.assertEqual(file.read(), b"HTTP/1.1 200 Reason\r\nContent-Length: 12\r\n\r\n")

    def test_an_empty_body_makes_an_empty_file(self):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "o")
            self.expect(0, "-o", out, self.url(answer(body=b"")))
            self.assertEqual(os.path.getsize(out), 0)

    def test_an_unwritable_file_is_23(self):
        self.expect(23, "-o", "/nowhere/x", self.url())
        self.expect(23, "-D", "/nowhere/x", self.url())

    def test_a_closed_standard_output_is_23(self):
        url = self.url(answer(body=b"x" * 4_000_000))
        with subprocess.Popen([PESTER, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.read(10)
            process.stdout.close()
            stderr = process.stderr.read()
            self.assertEqual(process.wait(timeout=20), 23)
            self.assertIn(b"pester: (23) ", stderr)

    def test_a_large_body_arrives_whole(self):
        body = bytes(range(256)) * 20_000
        self.assertEqual(self.expect(0, self.url(answer(body=body))).stdout, body)

    def test_fail_is_22_and_shows_no_body(self):
        url = self.url(answer(404))
        done = self.expect(22, "-f", url)
        self.assertEqual(done.stdout, b"")
        self.assertEqual(done.stderr, b"pester: (22) The requested URL returned error: 404\n")
        self.assertEqual(self.expect(0, url).stdout, b"hello world\n")

    def test_silent_and_show_error(self):
        url = self.url(answer(404))
        self.assertEqual(self.expect(22, "-sf", url).stderr, b"")
        self.assertIn(b"(22)", self.expect(22, "-sSf", url).stderr)

    def test_write_out(self):
        url = self.url(answer(500), answer(headers=[("Content-Type", b"text/x")]))
        text = "%{http_code} %{num_attempts} %{num_retries} %{size_download} %{content_type} %{method} %{exitcode}\\n"
        done = self.expect(0, "-s", "--backoff", "none", "-o", "/dev/null", "-w", text, url)
        self.assertEqual(done.stdout, b"200 2 1 12 text/x GET 0\n")
        done = self.expect(0, "-o", "/dev/null", "-w", "%{time_total} %{time_starttransfer} %{remote_ip}:%{remote_port}", url)
        total, first, remote = done.stdout.decode().split()
        self.assertGreater(float(total), 0)
        self.assertGreaterEqual(float(total), float(first))
        self.assertEqual(remote, f"127.0.0.1:{self.server.port}")

    def test_verbose_shows_both_heads(self):
        lines = self.expect(0, "-v", self.url(answer(headers=[("X-A", b"1")]))).stderr.decode().splitlines()
        self.assertIn(f"* Connected to 127.0.0.1:{self.server.port}", lines)
        self.assertIn("> GET /test_verbose_shows_both_heads HTTP/1.1", lines)
        self.assertIn("< HTTP/1.1 200 Reason", lines)
        self.assertIn("< X-A: 1", lines)

    def test_log_has_a_line_a_failed_attempt(self):
        done = self.expect(0, "--log", "--backoff", "constant:5ms", self.url(answer(503), answer(502), answer()))
        lines = done.stderr.decode().splitlines()
        self.assertEqual(len(lines), 2)
        for n, line in enumerate(lines):
            self.assertRegex(line, rf"^\d{{10}} \w+ \[GET\] http://\S+ request-0 retry-{n} error: ")

    def test_waterfall_has_a_line_an_attempt(self):
        done = self.expect(0, "--waterfall", "--backoff", "constant:30ms", self.url(answer(503), answer()))
        lines = done.stderr.decode().splitlines()
        self.assertRegex(lines[0], r"^GET http://\S+: 200 Reason after [\d.]+ ms, 2 attempts in 1 lane$")
        self.assertRegex(lines[3], r"^lane 0  #1  .* 503 retried$")
        self.assertRegex(lines[4], r"^        #2   *·+.* 200 won ◀$")
        self.assertNotIn("\x1b", done.stderr.decode())
        plain = self.expect(0, "--waterfall", self.url(), env={"LC_ALL": "C"}).stderr
        self.assertTrue(all(byte < 0x80 for byte in plain))

    def test_progress_bar(self):
        done = self.expect(0, "--progress-bar", "-o", "/dev/null", self.url())
        self.assertTrue(done.stderr.endswith(b"100.0%\n"))

    # ---- Request

    def test_default_headers_in_their_order(self):
        self.expect(0, self.url())
        headers = self.seen()[0]["headers"]
        self.assertEqual([name for name, _ in headers], ["Host", "User-Agent", "Accept"])
        self.assertRegex(headers[1][1], r"^pester/\d+\.\d+\.\d+$")
        self.assertEqual(headers[2][1], "*/*")

    def test_headers_add_remove_and_empty(self):
        self.expect(0, "-H", "X: y", "-H", "Accept:", "-H", "Empty;", "-A", "me", "-e", "http://r/", "-u", "a:b", self.url())
        headers = dict(self.seen()[0]["headers"])
        self.assertEqual(headers["X"], "y")
        self.assertNotIn("Accept", headers)
        self.assertEqual(headers["Empty"], "")
        self.assertEqual(headers["User-Agent"], "me")
        self.assertEqual(headers["Referer"], "http://r/")
        self.assertEqual(headers["Authorization"], "Basic YTpi")

    def test_data_make_a_post(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"l1\r\nl2\n")
            file.flush()
            self.expect(0, "-d", "a=1", "-d", "@" + file.name, "--data-urlencode", "b=x y", self.url())
            self.expect(0, "--data-binary", "@" + file.name, self.url())
            self.expect(0, "-T", file.name, self.url())
        self.expect(0, "--data-binary", "@-", "-X", "PATCH", "-H", "Content-Type: text/x", self.url(), stdin=b"in\n")
        first, second, third, fourth = self.seen()
        self.assertEqual((first["method"], first["body"]), ("POST", b"a=1&l1l2&b=x+y"))
        self.assertEqual(dict(first["headers"])["Content-Type"], "application/x-www-form-urlencoded")
        self.assertEqual(second["body"], b"l1\r\nl2\n")
        self.assertEqual((third["method"], third["body"]), ("PUT", b"l1\r\nl2\n"))
        self.assertEqual((fourth["method"], fourth["body"]), ("PATCH", b"in\n"))
        self.assertEqual(dict(fourth["headers"])["Content-Type"], "text/x")

    def test_a_url_without_scheme_is_http(self):
        self.expect(0, self.url().removeprefix("http://"))

    def test_resolve_and_connect_to(self):
        path = self.url().split("/", 3)[3]
        port = self.server.port
        self.expect(0, "--resolve", f"some.test:{port}:127.0.0.1", f"http://some.test:{port}/{path}")
        self.expect(0, "--connect-to", f"other.test:80:127.0.0.1:{port}", f"http://other.test/{path}")
        hosts = [dict(r["headers"])["Host"] for r in self.seen()]
        self.assertEqual(hosts, [f"some.test:{port}", "other.test"])

    def test_a_unix_socket_is_connected_to(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "socket")
            for option, address in (("--unix-socket", path), ("--abstract-unix-socket", f"\0pester-{os.getpid()}")):
                with socket.socket(socket.AF_UNIX) as listener:
                    listener.bind(address)
                    listener.listen()
                    answer_once(listener)
                    done = self.expect(0, option, address.lstrip("\0"), "--json", "http://some.test/x")
                    remote = json.loads(done.stdout)["attempts"][0]["remote"]
                    self.assertEqual(remote, "unix:" + address.replace("\0", "@"))
            self.expect(7, "--unix-socket", path + "-none", "--max-attempts", "1", "http://some.test/")
        self.expect(2, "--unix-socket", "x" * 108, "http://some.test/")

    def test_an_interface_is_by_name_or_by_address(self):
        self.expect(0, "--interface", "127.0.0.2", self.url())
        self.expect(7, "--interface", "192.0.2.1", "--max-attempts", "1", self.url())
        self.expect(7, "--interface", "if!no-such-if", "--max-attempts", "1", self.url())
        self.expect(2, "--interface", "host!eth0", self.url())
        self.expect(2, "--interface", "127.0.0.1", "-6", self.url())

    def test_dns_servers_are_asked(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            threading.Thread(target=answer_names, args=(server,), daemon=True).start()
            path = self.url().split("/", 3)[3]
            address = f"127.0.0.1:{server.getsockname()[1]}"
            done = servers.run(PESTER, "-4", "--dns-servers", address, f"http://some.test:{self.server.port}/{path}")
            server.sendto(b"", server.getsockname())
            if b"built without c-ares" in done.stderr:
                self.skipTest("built without c-ares")
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(dict(self.seen()[0]["headers"])["Host"], f"some.test:{self.server.port}")
        self.expect(2, "--dns-servers", "localhost", self.url())

    def test_an_international_host_is_sent_in_its_ascii_form(self):
        port, path = self.server.port, self.url().split("/", 3)[3]
        rule = f"xn--bcher-kva.test:{port}:127.0.0.1"
        done = servers.run(PESTER, "--resolve", rule, f"http://B\u00fccher.test:{port}/{path}")
        if done.returncode == 3:
            self.assertIn(b"xn--", done.stderr)
            self.skipTest("built without libidn2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(dict(self.seen()[0]["headers"])["Host"], f"xn--bcher-kva.test:{port}")

    # ---- Resilience

    def test_a_failure_is_tried_again_and_the_last_answer_delivered(self):
        done = self.expect(0, "--json", "--backoff", "constant:20ms", self.url(answer(503)))
        document = json.loads(done.stdout)
        self.assertEqual(document["response"]["status"], 503)
        self.assertEqual(document["stop"], "attempts")
        self.assertEqual([a["outcome"] for a in document["attempts"]], ["retried", "retried", "failed"])
        self.assertEqual([a["attempt"] for a in document["attempts"]], [1, 2, 3])
        self.assertEqual(document["winner"], {"request": 0, "attempt": 3})
        self.assertIsNone(document["attempts"][0]["backoff_ms"])
        for attempt in document["attempts"][1:]:
            self.assertGreaterEqual(attempt["backoff_ms"], 19.9)

    def test_retry_after_is_kept_to(self):
        later = (("Date", b"Sun, 06 Nov 1994 08:49:37 GMT"), ("Retry-After", b"Sun, 06 Nov 1994 08:49:38 GMT"))
        url = self.url(answer(503, headers=later), answer())
        document = json.loads(self.expect(0, "--json", "--backoff", "none", url).stdout)
        self.assertEqual([a["status"] for a in document["attempts"]], [503, 200])
        self.assertGreaterEqual(document["attempts"][1]["backoff_ms"], 1000)
        self.assertLessEqual(document["attempts"][1]["backoff_ms"], 1100)
        self.assertGreaterEqual(document["attempts"][1]["started_ms"], 1000)

    def test_too_long_a_retry_after_delivers_the_answer(self):
        url = self.url(answer(503, headers=(("Retry-After", b"2"),)))
        document = json.loads(self.expect(0, "--json", "--retry-after", "1s", url).stdout)
        self.assertEqual(document["response"]["status"], 503)
        self.assertEqual(document["stop"], "not_retryable")
        self.assertEqual(document["totals"]["attempts"], 1)
        document = json.loads(self.expect(0, "--json", "--retry-after", "off", "--backoff", "none", url).stdout)
        self.assertEqual(document["totals"]["attempts"], 3)

    def test_zero_attempts_mean_one(self):
        self.expect(0, "--max-attempts", "0", self.url(answer(503)))
        self.assertEqual(len(self.seen()), 1)

    def test_retry_on_decides(self):
        self.expect(0, "--retry-on", "404", "--backoff", "none", self.url(answer(404), answer()))
        self.assertEqual(len(self.seen()), 2)
        self.expect(0, "--retry-on=-5xx", "--backoff", "none", self.url(answer(500), answer()))
        self.assertEqual(len(self.seen()), 3)

    def test_the_fastest_lane_wins(self):
        url = self.url(answer(delay=0.6), answer(delay=0.02), answer(delay=0.6))
        document = json.loads(self.expect(0, "--json", "--concurrency", "3", url).stdout)
        self.assertEqual(document["totals"]["attempts"], 3)
        outcomes = sorted(a["outcome"] for a in document["attempts"])
        self.assertEqual(outcomes, ["cancelled", "cancelled", "won"])
        winner = [a for a in document["attempts"] if a["outcome"] == "won"][0]
        self.assertEqual(document["winner"], {"request": winner["request"], "attempt": winner["attempt"]})
        self.assertEqual({a["kind"] for a in document["attempts"]}, {"first"})
        self.assertLess(document["totals"]["duration_ms"], 500)

    def test_a_hedge_starts_later(self):
        url = self.url(answer(delay=0.8), answer())
        document = json.loads(self.expect(0, "--json", "--concurrency", "2", "--hedge-after", "60ms", url).stdout)
        self.assertEqual([a["kind"] for a in document["attempts"]], ["first", "hedge"])
        self.assertGreaterEqual(document["attempts"][1]["started_ms"], 59)
        self.assertEqual(document["totals"]["hedges"], 1)

    def test_repeat_sums_up(self):
        done = self.expect(0, "--repeat", "20", "--parallel", "4", self.url())
        self.assertEqual(done.stdout, b"")
        text = done.stderr.decode()
        self.assertRegex(text, r"p50 [\d.]+ ms +p95 [\d.]+ ms +p99 [\d.]+ ms +max [\d.]+ ms")
        self.assertIn("requests sent per logical request: 1.000\n", text)
        opened = int(re.search(r"connections opened: (\d+)\n", text).group(1))
        self.assertTrue(1 <= opened <= 4, text)
        self.assertEqual(len(self.seen()), 20)

    def test_repeat_with_json_is_a_document_a_line(self):
        lines = self.expect(0, "--repeat", "3", "--json", self.url()).stdout.splitlines()
        self.assertEqual([json.loads(line)["response"]["status"] for line in lines], [200, 200, 200])

    # ---- JSON

    def test_the_document_hashes_the_body_and_escapes_bytes(self):
        done = self.expect(0, "--json", self.url(answer(headers=[("X-B", b"caf\xe9")])))
        self.assertIn(b"caf\\u00e9", done.stdout)
        document = json.loads(done.stdout)
        response = document["response"]
        self.assertEqual(response["body_bytes"], 12)
        self.assertEqual(response["body_sha256"], hashlib.sha256(b"hello world\n").hexdigest())
        self.assertEqual(response["version"], "1.1")
        self.assertEqual(response["headers"][1], ["X-B", "caf\u00e9"])
        attempt = document["attempts"][0]
        self.assertEqual(attempt["remote"], f"127.0.0.1:{self.server.port}")
        self.assertLessEqual(attempt["started_ms"], attempt["first_byte_ms"])
        self.assertLessEqual(attempt["first_byte_ms"], attempt["ended_ms"])

    def test_json_with_output_still_writes_the_body(self):
        with tempfile.NamedTemporaryFile() as file:
            self.expect(0, "--json", "-o", file.name, self.url())
            self.assertEqual(file.read(), b"hello world\n")

    def test_no_answer_is_an_error_in_the_document(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        done = self.expect(7, "-s", "--json", "--max-attempts", "1", f"http://127.0.0.1:{port}/")
        document = json.loads(done.stdout)
        self.assertIsNone(document["response"])
        self.assertIsNone(document["winner"])
        self.assertEqual(document["error"]["name"], "UV_ECONNREFUSED")
        self.assertEqual(document["attempts"][0]["error"]["code"], document["error"]["code"])
        self.assertEqual(document["attempts"][0]["delivery"], "unsent")

    # ---- Exit statuses

    def test_bad_usage_is_2(self):
        for arguments, word in [
            ([], b"URL"), (["--frob", "u"], b"--frob"), (["--backoff", "x", "u"], b"'x'"), (["a", "b"], b"URL"),
            (["--concurrency", "65", "u"], b"'65'"), (["--max-redirs", "101", "u"], b"'101'"),
            (["--retry-on", "frob", "http://127.0.0.1/"], b"frob"), (["-m", "x", "u"], b"--max-time"),
        ]:
            done = self.expect(2, *arguments)
            self.assertTrue(done.stderr.startswith(b"pester: (2) "), done.stderr)
            self.assertIn(word, done.stderr)

    def test_bad_urls_are_3_and_schemes_1(self):
        self.expect(3, "http://a b/")
        self.expect(3, "http://h:99999/")
        self.expect(1, "ftp://h/")

    def test_an_unknown_host_is_6(self):
        self.expect(6, "--max-attempts", "1", "http://nobody.invalid/")

    def test_a_cut_body_is_18(self):
        cut = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
        done = self.expect(18, self.url(cut))
        self.assertEqual(done.stdout, b"short")

    def test_a_body_of_which_nothing_was_written_is_tried_again(self):
        cut = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n")
        done = self.expect(0, "--backoff", "none", "-w", "%{num_retries}", self.url(cut, cut, answer()))
        self.assertEqual(done.stdout, b"hello world\n2")
        self.expect(18, "--backoff", "none", self.url(cut))  # three times
        for option in (("-i",), ("-D", "/dev/null")):  # its head was written
            self.expect(18, "--backoff", "none", *option, self.url(cut, answer()))
        self.assertEqual(len(self.seen()), 3 + 3 + 1 + 1)

    def test_an_unreadable_body_is_26(self):
        self.expect(26, "-d", "@/nowhere/x", self.url())
        self.expect(26, "-T", "/nowhere/x", self.url())
        self.assertEqual(self.seen(), [])

    def test_timeouts_are_28(self):
        start = time.monotonic()
        self.expect(28, "-m", "0.2", self.url(hang))
        self.expect(28, "--attempt-timeout", "0.1", "--max-attempts", "2", "--backoff", "none", self.url(hang))
        self.assertLess(time.monotonic() - start, 5)
        self.assertEqual(len(self.seen()), 3)

    def test_no_answer_at_all_is_52(self):
        self.expect(52, "--max-attempts", "1", self.url(raw(b"")))

    def test_nonsense_and_resets_are_56(self):
        self.expect(56, "--max-attempts", "1", self.url(raw(b"SSH-2.0-x\r\n\r\n")))
        self.expect(56, "--max-attempts", "1", self.url(raw(b"HTTP/1.1 200", reset=True)))

    def test_plain_text_on_https_is_35(self):
        listener = socket.create_server(("127.0.0.1", 0))

        def serve():
            with listener.accept()[0] as connection:
                connection.sendall(b"HTTP/1.1 400 No\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        with listener:
            self.expect(35, "-k", "--max-attempts", "1", f"https://127.0.0.1:{listener.getsockname()[1]}/")

    def test_interrupt_is_130(self):
        with subprocess.Popen([PESTER, "--json", self.url(hang)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            while not self.seen():
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=20)
            self.assertEqual(process.returncode, 130)
            self.assertEqual(json.loads(out)["stop"], "cancelled")

    def test_help_and_version(self):
        self.assertIn(b"--waterfall", self.expect(0, "--help").stdout)
        self.assertRegex(self.expect(0, "--version").stdout, rb"^pester \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    servers.main("PESTER")

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pester-flaky from outside, over plain sockets: each action does what the manual says, the log tells who
ended what, and no client can do more than lose its connection. Usage: test_flaky.py PESTER_FLAKY"""

import os
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

import servers

COMMAND = ""


class Flaky(servers.Flaky):
    """With a client of plain sockets."""

    def __init__(self, *options):
        super().__init__(COMMAND, *options)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def resets_at_once(self):
        try:
            with self.connect() as sock:
                return receive(sock).end == "reset"
        except ConnectionResetError:  # the reset was faster than connect's return
            return True

    def get(self, path, **options):
        with self.connect() as sock:
            return exchange(sock, path, **options)


def request(path, method="GET", body=b"", headers=()):
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class Answer:
    def __init__(self):
        self.bytes = b""
        self.end = None  # "complete", "closed", "reset", "timeout"

    @property
    def head(self):
        return self.bytes.partition(b"\r\n\r\n")[0].decode("latin-1")

    @property
    def body(self):
        return self.bytes.partition(b"\r\n\r\n")[2]

    @property
    def status(self):
        return int(self.bytes.split(b" ", 2)[1]) if self.bytes.startswith(b"HTTP/1.1 ") else None

    def is_complete(self):
        head, gap, body = self.bytes.partition(b"\r\n\r\n")
        if not gap:
            return False
        for line in head.lower().split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name == b"content-length":
                return len(body) >= int(value)
            if name == b"transfer-encoding":
                return body.endswith(b"0\r\n\r\n")
        return True


def receive(sock, timeout=10.0):
    answer = Answer()
    sock.settimeout(timeout)
    while answer.end is None:
        try:
            data = sock.recv(65536)
        except socket.timeout:
            answer.end = "timeout"
        except ConnectionResetError:
            answer.end = "reset"
        else:
            answer.bytes += data
            if not data:
                answer.end = "closed"
            elif answer.is_complete():
                answer.end = "complete"
    return answer


def exchange(sock, path, timeout=10.0, **options):
    sock.sendall(request(path, **options))
    return receive(sock, timeout)


def generated(size):
    text = b"".join(b"%015x\n" % at for at in range(0, size, 16))
    return text[:size]


class Stories(unittest.TestCase):
    def test_three_lanes_race_and_the_losers_are_seen_to_leave(self):
        with Flaky("--route", "/race = delay=200ms; delay=18ms; delay=60ms; loop") as flaky:
            lanes = [flaky.connect() for _ in range(3)]
            for lane in lanes:
                lane.sendall(request("/race"))
                time.sleep(0.005)  # the order is the story
            started = time.monotonic()
            answer = receive(lanes[1])
            self.assertEqual((answer.status, answer.end), (200, "complete"))
            self.assertLess(time.monotonic() - started, 0.15)
            lanes[0].close()
            lanes[2].close()
            flaky.logged("connection 1 closed by peer before response")
            flaky.logged("connection 3 closed by peer before response")
            self.assertNotIn("connection 2 closed by peer before response", flaky.log())
            lanes[1].close()

    def test_a_404_becomes_a_200(self):
        with Flaky("--route", "/replica = status=404; status=200") as flaky:
            self.assertEqual([flaky.get("/replica").status for _ in range(3)], [404, 200, 200])

    def test_an_outage_is_ridden_out(self):
        with Flaky("--route", "/outage = status=503; reset; status=503; status=200") as flaky:
            answers = [flaky.get("/outage") for _ in range(4)]
            self.assertEqual([a.status for a in answers], [503, None, 503, 200])
            self.assertEqual((answers[1].end, answers[1].bytes), ("reset", b""))


class Actions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.flaky = Flaky("--route", "/echo = echo", "--route", "/echo-body = echo-body",
                          "--route", "/early = early status=413", "--route", "/both = capacity=1 delay=100ms",
                          "--route", "* = ok")
        cls.get = cls.flaky.get

    @classmethod
    def tearDownClass(cls):
        cls.flaky.__exit__()

    def test_delay_is_never_short(self):
        for _ in range(5):
            started = time.monotonic()
            self.get("/?delay=20ms")
            self.assertGreaterEqual(time.monotonic() - started, 0.020)

    def test_cuts_come_after_exactly_so_many_bytes(self):
        for how, end in (("reset", "reset"), ("close", "closed"), ("stall", "timeout")):
            for place in (0, 1, 17, 5000, 300000):
                answer = self.get(f"/?body=1MiB&{how}@{place}", timeout=0.3)
                self.assertEqual((len(answer.bytes), answer.end), (place, end), how)
            answer = self.get(f"/?body=1MiB&{how}@body+7", timeout=0.3)
            self.assertEqual((answer.body, answer.end), (generated(7), end))

    def test_bodies_and_lengths(self):
        self.assertEqual(self.get("/?body=100001").body, generated(100001))
        self.assertEqual(self.get("/?body=hello").body, b"hello")
        answer = self.get("/?body=10&length=20", timeout=0.2)
        self.assertEqual((answer.body, answer.end), (generated(10), "timeout"))
        chunked = self.get("/?body=20000&chunked").body
        self.assertTrue(chunked.startswith(b"2000\r\n" + generated(8192)[:100]))
        self.assertTrue(chunked.endswith(b"\r\n0\r\n\r\n"))

    def test_drip(self):
        started = time.monotonic()
        answer = self.get("/?drip=10/10ms&body=20&header=A:b")
        self.assertEqual(answer.end, "complete")
        expected = (len(answer.bytes) - 1) // 10 * 0.010
        self.assertGreater(expected, 0.05)
        self.assertGreaterEqual(time.monotonic() - started, expected * 0.8)

    def test_raw_and_garbage(self):
        answer = self.get("/?raw=HTTP/1.1+299+Mine%0D%0AContent-Length:0%0D%0A%0D%0A")
        self.assertEqual(answer.bytes, b"HTTP/1.1 299 Mine\r\nContent-Length:0\r\n\r\n")
        answer = self.get("/?garbage")
        self.assertEqual((answer.status, answer.end, len(answer.bytes)), (None, "closed", 256))

    def test_echo(self):
        answer = self.get("/echo?x=1", method="PUT", body=b"\x00body\xff", headers=["X-One: a", "x-one:  b"])
        self.assertEqual(answer.body, b"PUT /echo?x=1 HTTP/1.1\r\nHost: x\r\nX-One: a\r\nx-one: b\r\n"
                                      b"Content-Length: 6\r\n\r\n\x00body\xff")
        big = os.urandom(3_000_000)
        with self.flaky.connect() as sock:
            threading.Thread(target=sock.sendall, args=[request("/echo-body", "POST", big)], daemon=True).start()
            self.assertEqual(receive(sock).body, big)
        chunks = b"4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n"
        with self.flaky.connect() as sock:
            sock.sendall(request("/echo-body", "POST", headers=["Transfer-Encoding: chunked"]) + chunks)
            self.assertEqual(receive(sock).body, b"Wikipedia")

    def test_a_body_too_big_to_echo_is_413(self):
        with self.flaky.connect() as sock:
            data = request("/echo-body", "POST", bytes(9 << 20))
            threading.Thread(target=lambda: sock.sendall(data), daemon=True).start()
            self.assertEqual(receive(sock).status, 413)

    def test_early_answers_before_the_body(self):
        with self.flaky.connect() as sock:
            sock.sendall(request("/early", headers=["Content-Length: 100000", "Expect: 100-continue"]))
            self.assertEqual(receive(sock).status, 413)
            sock.sendall(bytes(100000) + request("/"))  # the connection is still good
            self.assertEqual(receive(sock).status, 200)

    def test_expect_gets_its_100(self):
        with self.flaky.connect() as sock:
            sock.sendall(request("/echo-body", "POST", headers=["Content-Length: 2", "Expect: 100-continue"]))
            self.assertEqual(receive(sock).bytes, b"HTTP/1.1 100 Continue\r\n\r\n")
            sock.sendall(b"hi")
            self.assertEqual(receive(sock).body, b"hi")

    def test_head_has_no_body(self):
        with self.flaky.connect() as sock:
            sock.sendall(request("/?body=5", method="HEAD") + request("/?body=hey"))
            time.sleep(0.1)
            data = sock.recv(65536)
            self.assertEqual(data.count(b"HTTP/1.1 200 OK"), 2)
            self.assertIn(b"Content-Length: 5\r\n\r\nHTTP/1.1", data)

    def test_refuse_keepalive_says_so_and_closes(self):
        answer = self.get("/?refuse-keepalive")
        self.assertIn("Connection: close", answer.head)
        with self.flaky.connect() as sock:
            exchange(sock, "/?refuse-keepalive")
            self.assertEqual(receive(sock).end, "closed")

    def test_close_idle_says_nothing_and_closes(self):
        with self.flaky.connect() as sock:
            answer = exchange(sock, "/?close-idle=200ms")
            self.assertNotIn("Connection:", answer.head)
            self.assertEqual(exchange(sock, "/").status, 200)  # in time
            time.sleep(0.3)
            self.assertEqual(exchange(sock, "/?close-idle=200ms").status, 200)  # the first one was disarmed
            started = time.monotonic()
            self.assertEqual(receive(sock).end, "closed")
            self.assertGreater(time.monotonic() - started, 0.15)

    def test_stale_leaves_the_second_request_unread(self):
        with self.flaky.connect() as sock:
            self.assertEqual(exchange(sock, "/?stale").status, 200)
            time.sleep(0.1)
            answer = exchange(sock, "/")
            self.assertEqual((answer.bytes, answer.end), (b"", "reset"))
            self.flaky.logged(": stale")

    def test_capacity_lets_the_others_queue(self):
        socks = [self.flaky.connect() for _ in range(3)]
        started = time.monotonic()
        for sock in socks:
            sock.sendall(request("/both"))
        socks[1].close()  # leaves the queue
        self.assertEqual(receive(socks[0]).status, 200)
        self.assertEqual(receive(socks[2]).status, 200)
        self.assertGreaterEqual(time.monotonic() - started, 0.2)
        self.flaky.logged("closed by peer before response")
        for sock in socks:
            sock.close()

    def test_pipelined_requests_are_answered_in_order(self):
        with self.flaky.connect() as sock:
            sock.sendall(b"".join(request(f"/?body=n{i}x&delay={i % 3}ms") for i in range(50)))
            data = b""
            while b"n49x" not in data:
                data += sock.recv(65536)
            places = [data.index(b"n%dx" % i) for i in range(50)]
            self.assertEqual(places, sorted(places))

    def test_a_bad_query_is_400(self):
        self.assertEqual(self.get("/?status=abc").status, 400)
        self.assertEqual(self.get("/?capacity=3&other").status, 200)

    def test_absolute_targets_count_as_paths(self):
        self.assertEqual(self.get("http://elsewhere/?status=418").status, 418)


class Hostile(unittest.TestCase):
    def test_a_hostile_client_loses_its_connection_and_no_more(self):
        attacks = [b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 1000 + b"x", b"GET /" + b"a" * 200000,
                   b"GET / HTTP/1.1\r\nA: " + b"b" * 200000, b"GET / HTTP/1.1\r\n" + b"A:b\r\n" * 50000,
                   b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                   b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
                   b"CONNECT a:1 HTTP/1.1\r\n\r\nxxxx", b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
                   os.urandom(100000)]
        with Flaky() as flaky:
            for attack in attacks:
                with flaky.connect() as sock:
                    try:
                        sock.sendall(attack)
                        sock.shutdown(socket.SHUT_WR)
                    except OSError:
                        pass
                    answer = receive(sock, 3)
                    self.assertIn(answer.end, ("closed", "reset", "complete"), attack[:40])
            self.assertEqual(flaky.get("/").status, 200)
            self.assertEqual(flaky.get("/", headers=["A: b"] * 100).status, 200)

    def test_a_bad_request_is_told_so(self):
        with Flaky() as flaky, flaky.connect() as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nno colon\r\n\r\n")
            self.assertEqual(receive(sock).status, 400)
            self.assertEqual(receive(sock).end, "closed")

    def test_who_pipelines_without_reading_is_held_back(self):
        with Flaky() as flaky, flaky.connect() as sock:
            sock.settimeout(1)
            data = request("/?body=1MiB") * 1000
            sent = 0
            with self.assertRaises(socket.timeout):
                while sent < 1 << 30:
                    sent += sock.send(data)
            self.assertEqual(flaky.get("/").status, 200)
            with open(f"/proc/{flaky.process.pid}/status", encoding="ascii") as status:
                resident = [int(l.split()[1]) for l in status if l.startswith("VmRSS")][0]
            self.assertLess(resident, 200_000)

    def test_connections_beyond_the_limit_are_reset(self):
        with Flaky("--max-connections", "3") as flaky:
            socks = [flaky.connect() for _ in range(3)]
            for sock in socks:
                self.assertEqual(exchange(sock, "/").status, 200)
                self.addCleanup(sock.close)
            self.assertTrue(flaky.resets_at_once())
            socks.pop().close()
            flaky.logged("connection 3 closed by peer after 1 response")
            self.assertEqual(flaky.get("/").status, 200)
            for sock in socks:
                sock.close()


class Port(unittest.TestCase):
    def test_keep_alive_counts_requests(self):
        for option, requests in (("0", 1), ("1", 1), ("3", 3)):
            with Flaky("--keep-alive", option) as flaky, flaky.connect() as sock:
                for _ in range(requests):
                    answer = exchange(sock, "/")
                    self.assertEqual(answer.status, 200)
                self.assertIn("Connection: close", answer.head)
                self.assertEqual(receive(sock).end, "closed")

    def test_refuse_closes_the_port_for_a_while(self):
        with Flaky("--refuse", "400ms..900ms") as flaky:
            kept = flaky.connect()
            self.assertEqual(exchange(kept, "/").status, 200)
            self.assertEqual(receive(kept).end, "reset")
            flaky.logged("outage begins")
            time.sleep(0.05)
            with self.assertRaises(ConnectionRefusedError):
                flaky.connect()
            flaky.logged("outage ends")
            time.sleep(0.05)
            self.assertEqual(flaky.get("/").status, 200)
            kept.close()

    def test_outages_of_other_kinds(self):
        with Flaky("--outage", "0..600ms=reset", "--outage", "600ms..1200ms=502",
                   "--outage", "1200ms..1800ms=stall") as flaky:
            self.assertTrue(flaky.resets_at_once())
            time.sleep(max(0.0, flaky.started + 0.8 - time.monotonic()))
            self.assertEqual(flaky.get("/").status, 502)
            time.sleep(max(0.0, flaky.started + 1.4 - time.monotonic()))
            self.assertEqual(flaky.get("/").status, 200)
            self.assertGreater(time.monotonic() - flaky.started, 1.7)

    def test_an_outage_of_a_path_spares_the_others(self):
        with Flaky("--route", "/x = outage=0..1m=reset", "--route", "* = ok") as flaky:
            self.assertEqual(flaky.get("/x").end, "reset")
            self.assertEqual(flaky.get("/y").status, 200)

    def test_no_rule_is_404_once_there_are_rules(self):
        with Flaky("--route", "/x = ok") as flaky:
            self.assertEqual((flaky.get("/x").status, flaky.get("/y").status), (200, 404))
            self.assertEqual(flaky.get("/y?status=201").status, 201)
        with Flaky("--no-query") as flaky:
            self.assertEqual(flaky.get("/y?status=201").status, 200)

    def test_tls_with_a_certificate_of_its_own(self):
        with tempfile.TemporaryDirectory() as where:
            cert = os.path.join(where, "cert.pem")
            with Flaky("--tls", "self", "--cert-out", cert) as flaky:
                self.assertTrue(flaky.line.startswith("listening https://127.0.0.1:"))
                context = ssl.create_default_context(cafile=cert)
                context.set_alpn_protocols(["http/1.1"])
                for name in ("127.0.0.1", "localhost"):
                    with context.wrap_socket(flaky.connect(), server_hostname=name) as sock:
                        self.assertEqual(sock.selected_alpn_protocol(), "http/1.1")
                        self.assertEqual(exchange(sock, "/?body=300000").body, generated(300000))
                        answer = exchange(sock, "/?reset@10")  # OpenSSL may tell a reset as an end
                        self.assertIn((len(answer.bytes), answer.end), ((10, "reset"), (10, "closed")))
                flaky.logged("reset by us after 1 response")
                with flaky.connect() as sock:
                    sock.sendall(request("/"))
                    self.assertIn(receive(sock).end, ("closed", "reset"))
                flaky.logged("TLS failed")

    def test_the_ways_to_end(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            flaky = Flaky()
            with flaky.connect() as sock:
                exchange(sock, "/")
                flaky.process.send_signal(number)
                self.assertEqual(flaky.process.wait(10), 0)
            flaky.__exit__()
        started = time.monotonic()
        done = subprocess.run([COMMAND, "--for", "200ms", "--verbose"], capture_output=True, text=True, timeout=10)
        self.assertEqual(done.returncode, 0)
        self.assertGreaterEqual(time.monotonic() - started, 0.2)
        self.assertTrue(done.stdout.startswith("listening http://127.0.0.1:"))
        subprocess.run([COMMAND, "--until-eof"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, timeout=10)


class Usage(unittest.TestCase):
    def refused(self, *options):
        done = subprocess.run([COMMAND, "--for", "0", *options], capture_output=True, text=True, timeout=10)
        self.assertEqual((done.returncode, done.stdout), (2, ""), options)
        return done.stderr

    def test_mistakes_name_rule_and_place(self):
        text = self.refused("--route", "/x = ok", "--route", "/y = ok; statsu=2")
        self.assertIn("rule 2, column 10: there is no action 'statsu'\n  /y = ok; statsu=2\n           ^", text)
        with tempfile.NamedTemporaryFile("w", suffix=".flaky") as script:
            script.write("# comment\n\n/x = ok\n/y = delay=7\n")
            script.flush()
            self.assertIn("line 4, column 6: delay wants a time", self.refused("--script", script.name))
        self.assertIn("No such file", self.refused("--script", "/nowhere/at/all"))

    def test_scripts_are_served(self):
        with tempfile.NamedTemporaryFile("w", suffix=".flaky") as script:
            script.write("# comment\n/x = status=201\nPOST /y = status=202\n")
            script.flush()
            with Flaky("--script", script.name) as flaky:
                self.assertEqual(flaky.get("/x").status, 201)
                self.assertEqual(flaky.get("/y", method="POST").status, 202)
                self.assertEqual(flaky.get("/y").status, 404)

    def test_bad_options(self):
        for options in (["--prot", "1"], ["--port"], ["--port", "70000"], ["--tls"], ["--tls=other"], ["--cert", "x"],
                        ["--outage", "1s"], ["--outage", "2s..1s"], ["--cert-out", "x"], ["--seed", "x"]):
            self.refused(*options)

    def test_a_taken_port_is_status_1(self):
        with Flaky() as flaky:
            done = subprocess.run([COMMAND, "--port", str(flaky.port)], capture_output=True, text=True, timeout=10)
            self.assertEqual(done.returncode, 1)
            self.assertIn("address already in use", done.stderr)


if __name__ == "__main__":
    servers.main("COMMAND")

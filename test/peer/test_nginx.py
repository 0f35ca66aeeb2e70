#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Claims about Pester in front of a real nginx: connections are used again and given up as nginx wants, every
shape of answer is taken, a reload costs no request. What nginx saw is read from its own log. Usage: test_nginx.py PESTER PESTER_FLAKY PEER_CLIENT"""

import gzip
import hashlib
import json
import os
import signal
import time
import unittest

import servers
from servers import Driver, Flaky, Nginx, documents, run, until

PESTER = PESTER_FLAKY = PEER_CLIENT = ""

PLAIN = """
  server {
    listen 127.0.0.1:@port@; listen unix:@dir@/nginx.sock; root @dir@;
    location = /hello { return 200 hello; }
    location = /ten { keepalive_requests 10; return 200 hello; }
    location = /soon { keepalive_timeout 100ms; return 200 hello; }
    location = /silent { return 444; }
    location = /error { return 503; }
    location = /moved { return 302 /hello; }
    location = /empty { return 204; }
    location /ssi/ { ssi on; ssi_types *; alias @dir@/; }
    location /list/ { autoindex on; alias @dir@/list/; }
    location /gzip/ { gzip on; gzip_types *; gzip_min_length 1; alias @dir@/; }
    location /static/ { gzip_static always; alias @dir@/; }
    location /slow/ { limit_rate 4k; alias @dir@/; }
    location /put/ { dav_methods PUT; client_max_body_size 64m; alias @dir@/put/; }
    location /small { client_max_body_size 1k; proxy_pass http://127.0.0.1:1; }
    location /small-and-rude { client_max_body_size 1k; lingering_close off; lingering_time 0; proxy_pass http://127.0.0.1:1; }
    error_page 404 /sorry.html;
  }
"""


def numbers(entries):
    """For each connection of the log, the numbers of its requests."""
    found = {}
    for entry in entries:
        found.setdefault(entry.connection, []).append(int(entry.number))
    return list(found.values())


class PlainTest(unittest.TestCase):
    def setUp(self):
        self.nginx = Nginx(PLAIN)
        self.addCleanup(self.nginx.__exit__)

    def write(self, name, data):
        path = self.nginx.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        return data

    def ask(self, *arguments, status=0):
        done = run(PESTER, *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def documents(self, *arguments):
        return documents(run(PESTER, "--json", *arguments))


class Connections(PlainTest):
    def test_one_connection_serves_many_requests(self):
        self.ask("--repeat", "200", "-s", self.nginx.url("/hello"))
        self.assertEqual(numbers(self.nginx.wait_for(200)), [list(range(1, 201))])

    def test_a_unix_socket_serves_as_a_port_does(self):
        data = self.write("big.bin", os.urandom(3 << 20))
        socket = self.nginx.path("nginx.sock")
        found = self.documents("--unix-socket", socket, "--repeat", "20", "http://any.test/big.bin")
        self.assertEqual({d["response"]["body_sha256"] for d in found}, {hashlib.sha256(data).hexdigest()})
        self.assertEqual({d["attempts"][0]["remote"] for d in found}, {"unix:" + socket})
        self.assertEqual([d["attempts"][0]["reused"] for d in found], [False] + [True] * 19)
        self.assertEqual(numbers(self.nginx.wait_for(20)), [list(range(1, 21))])
        done = self.ask("--unix-socket", socket, "-w", "|%{remote_ip}|%{remote_port}", "http://any.test/hello")
        self.assertEqual(done.stdout, b"hello||0")

    def test_what_nginx_refuses_over_a_unix_socket_is_tried_again(self):
        done = self.ask("--json", "--unix-socket", self.nginx.path("nginx.sock"), "--backoff", "none",
                        "http://any.test/silent", status=52)
        attempts = json.loads(done.stdout)["attempts"]
        self.assertEqual([a["error"]["name"] for a in attempts], ["PESTER_EEMPTY"] * 3)

    def test_parallel_requests_share_as_many_connections_as_they_need(self):
        self.ask("--repeat", "200", "--parallel", "4", "-s", self.nginx.url("/hello"))
        used = numbers(self.nginx.wait_for(200))
        self.assertLessEqual(len(used), 4)
        for requests in used:
            self.assertEqual(requests, list(range(1, len(requests) + 1)))

    def test_a_connection_is_left_when_nginx_has_had_its_number_of_requests(self):
        found = self.documents("--repeat", "25", self.nginx.url("/ten"))
        self.assertEqual([d["response"]["status"] for d in found], [200] * 25)
        self.assertEqual([d["totals"]["exchanges"] for d in found], [1] * 25)
        self.assertEqual([d["attempts"][0]["reused"] for d in found].count(False), 3)
        self.assertEqual([len(n) for n in numbers(self.nginx.wait_for(25))], [10, 10, 5])

    def test_answers_without_a_body_leave_their_connection_usable(self):
        self.write("f.txt", b"hello")
        tag = json.loads(self.ask("--json", self.nginx.url("/f.txt")).stdout)
        tag = dict(tag["response"]["headers"])["ETag"]
        for number, arguments in enumerate([["-I", self.nginx.url("/f.txt")], [self.nginx.url("/empty")],
                                            ["-H", f"If-None-Match: {tag}", self.nginx.url("/f.txt")]], 1):
            found = self.documents("--repeat", "3", *arguments)
            self.assertEqual([d["response"]["status"] for d in found], [[200, 204, 304][number - 1]] * 3)
            self.assertEqual([d["response"]["body_bytes"] for d in found], [0] * 3)
            self.assertEqual(numbers(self.nginx.wait_for(1 + 3 * number))[number], [1, 2, 3])

    def test_a_connection_that_nginx_closed_while_the_loop_was_held_up_is_not_used(self):
        with Driver(PEER_CLIENT, "--attempts", "1") as client:
            for _ in range(3):
                self.assertEqual(client.ask(f"GET {self.nginx.url('/soon')}")["status"], 200)
                # A POST: it would not be sent again if the closed connection had been used.
                second = client.ask("hold-up 300", f"POST {self.nginx.url('/soon')} 10")
                self.assertEqual((second["status"], second["error"]), (200, ""))
                self.assertEqual([e["reused"] for e in second["exchanges"]], [0])
        self.assertEqual(len(numbers(self.nginx.wait_for(6))), 4)

    def test_a_connection_that_nginx_closed_is_gone_from_the_pool(self):
        with Driver(PEER_CLIENT) as client:
            client.ask(f"GET {self.nginx.url('/soon')}")
            self.assertEqual(client.ask("stats")["open"], 1)
            until(lambda: client.ask("stats")["open"] == 0)

    def kill_worker_with_a_request_unread(self, client, request):
        """The kernel takes the request, no worker reads it, and its end is a reset."""
        client.ask(f"GET {self.nginx.url('/hello')}")
        worker = int(self.nginx.wait_for(1)[0].pid)
        os.kill(worker, signal.SIGSTOP)
        try:
            client.tell(request, "stats")
            client.ended()  # the stats: the loop has been through its deeds once more
            until(lambda: self.unread() > 0)
        finally:
            os.kill(worker, signal.SIGKILL)
        return client.ended()

    def unread(self):
        """The bytes that wait in the kernel for nginx to read, from its side of its connections."""
        port = f":{self.nginx.ports['port']:04X}"
        rows = [line.split() for line in servers.read("/proc/net/tcp").splitlines()[1:]]
        return sum(int(row[4].split(":")[1], 16) for row in rows if row[1].endswith(port) and row[3] != "0A")

    def test_a_get_unread_on_a_kept_connection_is_sent_again_at_once(self):
        with Driver(PEER_CLIENT, "--attempts", "1") as client:
            found = self.kill_worker_with_a_request_unread(client, f"GET {self.nginx.url('/hello')}")
        self.assertEqual((found["status"], found["error"]), (200, ""))
        self.assertEqual([e["kind"] for e in found["exchanges"]], ["first", "resend"])
        self.assertEqual([e["outcome"] for e in found["exchanges"]], ["followed", "won"])
        self.assertEqual([e["reused"] for e in found["exchanges"]], [1, 0])

    def test_a_post_unread_on_a_kept_connection_is_not_sent_again(self):
        with Driver(PEER_CLIENT) as client:
            found = self.kill_worker_with_a_request_unread(client, f"POST {self.nginx.url('/hello')} 10")
        self.assertEqual((found["status"], found["stop"]), (0, "not_retryable"))
        self.assertEqual([e["delivery"] for e in found["exchanges"]], ["sent"])
        self.assertEqual([e.method for e in self.nginx.entries()], ["GET"])

    def test_no_request_fails_while_nginx_reloads(self):
        asked = [f"GET {self.nginx.url('/hello')}"] * 16
        with Driver(PEER_CLIENT, "--attempts", "1") as client:

            def served_by():
                """Sixteen requests at once; the workers that have served any so far."""
                client.tell(*asked)
                for _ in asked:
                    found = client.ended()
                    self.assertEqual((found["status"], found["error"]), (200, ""), found)
                return {e.pid for e in self.nginx.entries()}

            for _ in range(5):  # each reload has a worker of its own, and the one before closes what it keeps
                before = served_by()
                self.nginx.process.send_signal(signal.SIGHUP)
                until(lambda before=before: served_by() - before)
            stats = client.ask("stats")
        self.assertGreater(stats["opened"], 16)


class Answers(PlainTest):
    def test_chunks_are_joined(self):
        self.write("page.txt", b'one <!--#echo var="request_method" --> two\n' * 3000)
        done = self.ask("-i", self.nginx.url("/ssi/page.txt"))
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        self.assertIn(b"Transfer-Encoding: chunked", head)
        self.assertEqual(body, b"one GET two\n" * 3000)
        for n in range(300):
            self.write(f"list/file-{n:03}", b"")
        done = self.ask("-i", self.nginx.url("/list/"))
        self.assertIn(b"Transfer-Encoding: chunked", done.stdout)
        self.assertEqual(done.stdout.count(b"<a href=\"file-"), 300)
        self.assertTrue(done.stdout.endswith(b"</html>\r\n"))

    def test_a_large_file_is_streamed_whole(self):
        data = self.write("large", os.urandom(1 << 20) * 32)
        found, = self.documents(self.nginx.url("/large"))
        self.assertEqual(found["response"]["body_bytes"], len(data))
        self.assertEqual(found["response"]["body_sha256"], hashlib.sha256(data).hexdigest())

    def test_a_file_is_put(self):
        os.mkdir(self.nginx.path("put"))
        data = self.write("source", os.urandom(3_000_000))
        found, = self.documents("-T", self.nginx.path("source"), self.nginx.url("/put/there"))
        self.assertEqual((found["response"]["status"], found["totals"]["attempts"]), (201, 1))
        with open(self.nginx.path("put/there"), "rb") as file:
            self.assertEqual(file.read(), data)

    def test_head_tells_the_length_of_what_does_not_come(self):
        self.write("f.txt", b"x" * 5000)
        done = self.ask("-I", self.nginx.url("/f.txt"))
        self.assertIn(b"Content-Length: 5000\r\n", done.stdout)
        self.assertTrue(done.stdout.endswith(b"\r\n\r\n"))

    def test_ranges(self):
        data = self.write("f.txt", bytes(range(256)) * 100)
        url = self.nginx.url("/f.txt")
        part = self.ask("-i", "-H", "Range: bytes=1000-1999", url).stdout
        self.assertIn(b"HTTP/1.1 206 ", part)
        self.assertTrue(part.endswith(b"\r\n\r\n" + data[1000:2000]))
        parts = self.ask("-i", "-H", "Range: bytes=0-9,100-109", url).stdout
        self.assertIn(b"multipart/byteranges", parts)
        self.assertIn(data[0:10], parts)
        self.assertIn(data[100:110], parts)
        over, = self.documents("-H", "Range: bytes=99999999-", url)
        self.assertEqual((over["response"]["status"], over["totals"]["attempts"]), (416, 1))

    def test_a_404_brings_its_error_page_and_is_final(self):
        self.write("sorry.html", b"<p>not here</p>\n")
        done = self.ask(self.nginx.url("/nothing"))
        self.assertEqual(done.stdout, b"<p>not here</p>\n")
        self.ask("-f", self.nginx.url("/nothing"), status=22)
        self.assertEqual([e.status for e in self.nginx.wait_for(2)], ["404", "404"])

    def test_a_redirect_is_an_answer(self):
        done = self.ask("-w", "%{http_code} %{redirect_url}", "-o", "/dev/null", self.nginx.url("/moved"))
        self.assertEqual(done.stdout.decode(), f"302 {self.nginx.url('/hello')}")

    def test_503_is_tried_again_and_delivered_on_one_connection(self):
        found, = self.documents("--backoff", "constant:20ms", self.nginx.url("/error"))
        self.assertEqual([a["status"] for a in found["attempts"]], [503, 503, 503])
        self.assertEqual((found["response"]["status"], found["stop"]), (503, "attempts"))
        self.assertEqual(numbers(self.nginx.wait_for(3)), [[1, 2, 3]])

    def test_a_close_without_an_answer_is_tried_again_and_52(self):
        done = self.ask("--backoff", "none", "--log", self.nginx.url("/silent"), status=52)
        self.assertEqual(done.stderr.count(b"error: "), 3)
        entries = self.nginx.wait_for(3)
        self.assertEqual([e.status for e in entries], ["444"] * 3)
        self.assertEqual(numbers(entries), [[1]] * 3)

    def test_a_close_without_an_answer_on_a_kept_connection_is_not_taken_for_the_servers_word(self):
        with Driver(PEER_CLIENT, "--attempts", "2") as client:
            client.ask(f"GET {self.nginx.url('/hello')}")
            found = client.ask(f"GET {self.nginx.url('/silent')}")
        self.assertEqual([e["kind"] for e in found["exchanges"]], ["first", "resend", "retry"])
        self.assertEqual([e["reused"] for e in found["exchanges"]], [1, 0, 0])
        self.assertEqual((found["error"], found["stop"]), ("PESTER_EEMPTY", "attempts"))

    def test_gzip_is_not_asked_for_and_passed_on_when_it_is(self):
        data = self.write("f.txt", b"squeeze me " * 1000)
        self.assertEqual(self.ask(self.nginx.url("/gzip/f.txt")).stdout, data)
        done = self.ask("-i", "-H", "Accept-Encoding: gzip", self.nginx.url("/gzip/f.txt"))
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        self.assertIn(b"Content-Encoding: gzip", head)
        self.assertTrue(body.startswith(b"\x1f\x8b"))

    def test_gzip_is_decoded_when_it_is_asked_for_made_on_the_way_or_kept(self):
        data = self.write("f.txt", "".join(f"{n * n}\n" for n in range(400_000)).encode())
        self.write("f.txt.gz", gzip.compress(data))
        for path, coding in (("/gzip/f.txt", "gzip"), ("/static/f.txt", "gzip"), ("/list/f.txt", None)):
            if coding is None:
                self.write("list/f.txt", data)
            for found in self.documents("--compressed", "--repeat", "3", self.nginx.url(path)):
                response = found["response"]
                self.assertEqual(response["body_sha256"], hashlib.sha256(data).hexdigest())
                self.assertEqual(response.get("content_coding"), coding)
                if coding is not None:
                    self.assertLess(response["encoded_bytes"], len(data) // 2)
        self.assertEqual(numbers(self.nginx.wait_for(9)), [[1, 2, 3]] * 3)

    def test_an_answer_to_head_is_not_decoded(self):
        self.write("f.txt", b"squeeze me " * 1000)
        coded = self.write("f.txt.gz", gzip.compress(b"squeeze me " * 1000))
        head = self.ask("-I", "--compressed", self.nginx.url("/static/f.txt")).stdout
        self.assertIn(b"Content-Encoding: gzip", head)
        self.assertIn(b"Content-Length: %d\r\n" % len(coded), head)


class Time(PlainTest):
    def test_a_slow_body_with_gaps_arrives_whole(self):
        data = self.write("f.txt", os.urandom(8500))
        started = time.monotonic()
        self.assertEqual(self.ask(self.nginx.url("/slow/f.txt")).stdout, data)
        self.assertGreater(time.monotonic() - started, 1)

    def test_a_gap_over_its_limit_is_a_timeout_and_tried_again(self):
        self.write("f.txt", os.urandom(20_000))
        with Driver(PEER_CLIENT, "--attempts", "2", "--gap", "300") as client:
            found = client.ask(f"GET {self.nginx.url('/slow/f.txt')}")
        self.assertEqual([e["error"] for e in found["exchanges"]], ["PESTER_ETIMEOUT_BODY"] * 2)
        self.assertEqual([e["status"] for e in found["exchanges"]], [200, 200])

    def test_the_whole_request_may_take_no_longer_than_max_time(self):
        self.write("f.txt", os.urandom(200_000))
        started = time.monotonic()
        done = self.ask("-m", "0.5", self.nginx.url("/slow/f.txt"), status=28)
        self.assertLess(time.monotonic() - started, 5)
        self.assertGreater(len(done.stdout), 0)


class EarlyAnswers(PlainTest):
    def large(self):
        self.write("body", bytes(20 << 20))
        return "@" + self.nginx.path("body")

    def test_a_413_while_the_body_is_being_sent_is_the_answer(self):
        found, = self.documents("--data-binary", self.large(), self.nginx.url("/small"))
        self.assertEqual((found["response"]["status"], found["stop"]), (413, "success"))
        self.assertEqual(found["totals"]["attempts"], 1)

    def test_a_413_is_the_answer_even_when_a_reset_follows_at_once(self):
        for _ in range(5):
            found, = self.documents("--data-binary", self.large(), self.nginx.url("/small-and-rude"))
            self.assertEqual((found["response"]["status"], found["totals"]["attempts"]), (413, 1))
            self.assertLess(found["totals"]["bytes_sent"], 20 << 20)  # nobody was there to take more

    def test_what_comes_after_an_early_answer_has_a_connection_of_its_own(self):
        with Driver(PEER_CLIENT, "--attempts", "1") as client:
            for _ in range(3):
                self.assertEqual(client.ask(f"POST {self.nginx.url('/small')} {20 << 20}")["status"], 413)
                self.assertEqual(client.ask(f"GET {self.nginx.url('/hello')}")["status"], 200)


class Proxied(unittest.TestCase):
    PROXY = """
      server {
        listen 127.0.0.1:@port@;
        location / { proxy_pass http://127.0.0.1:%d; proxy_http_version 1.1; proxy_buffering off;
                     proxy_read_timeout 300ms; client_max_body_size 64m; }
      }
    """

    def test_an_outage_behind_nginx_is_ridden_out(self):
        with Flaky(PESTER_FLAKY, "--route", "/x = reset; status=503; stall@0; status=200 body=fine") as flaky, \
                Nginx(self.PROXY % flaky.port) as nginx:
            found, = documents(run(PESTER, "--json", "--max-attempts", "4", "--backoff", "constant:20ms",
                                   nginx.url("/x")))
            self.assertEqual([a["status"] for a in found["attempts"]], [502, 503, 504, 200])
            self.assertEqual(len(numbers(nginx.wait_for(4))), 1)

    def test_a_body_cut_behind_nginx_is_noticed(self):
        with Flaky(PESTER_FLAKY, "--route", "/chunked = chunked body=100000 reset@body+50000",
                   "--route", "/length = body=100000 reset@body+50000") as flaky, \
                Nginx(self.PROXY % flaky.port) as nginx:
            for path in ("/chunked", "/length"):
                done = run(PESTER, nginx.url(path))
                self.assertEqual(done.returncode, 18, (path, done.stderr))
                self.assertLess(len(done.stdout), 100000)

    def test_bodies_go_there_and_back(self):
        data = os.urandom(2_000_000)
        with Flaky(PESTER_FLAKY, "--route", "/echo = echo-body", "--route", "/chunked = echo-body chunked") as flaky, \
                Nginx(self.PROXY % flaky.port) as nginx:
            for path in ("/echo", "/chunked"):
                done = run(PESTER, "--data-binary", "@-", nginx.url(path), stdin=data)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(hashlib.sha256(done.stdout).digest(), hashlib.sha256(data).digest())


if __name__ == "__main__":
    servers.main("PESTER", "PESTER_FLAKY", "PEER_CLIENT", needs=("nginx",))

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Claims about Pester in front of an nginx that guards and limits: who may come in (auth_request, auth_basic), how
often (limit_req), how many at once (limit_conn), and how long and how often a connection may be used. What nginx
saw is read from its own log. Usage: test_nginx_limits.py PESTER PESTER_FLAKY PEER_CLIENT"""

import os
import random
import time
import unittest

import servers
from servers import Driver, Flaky, Nginx, documents, run, until

PESTER = PESTER_FLAKY = PEER_CLIENT = ""

GUARDED = """
  server {
    listen 127.0.0.1:@port@; root @dir@; client_max_body_size 64m;
    location = /check {
      internal; proxy_pass http://127.0.0.1:%d/check; proxy_method GET; proxy_pass_request_body off; proxy_set_header Content-Length "";
    }
    location /guarded/ {
      auth_request /check; dav_methods PUT; create_full_put_path on; alias @dir@/guarded/;
    }
    location /basic/ { auth_basic pester; auth_basic_user_file @dir@/users; alias @dir@/guarded/; }
    location /moved/ { auth_basic pester; auth_basic_user_file @dir@/users; return 302 http://localhost:@port@/basic/f.txt; }
  }
"""

LIMITED = """
  limit_req_zone $binary_remote_addr zone=rate:1m rate=20r/s;
  limit_req_zone $binary_remote_addr zone=seldom:1m rate=2r/s;
  limit_conn_zone $binary_remote_addr zone=few:1m;
  server {
    listen 127.0.0.1:@port@; root @dir@;
    location /rate/ { limit_req zone=rate; alias @dir@/; }
    location /asks/ { limit_req zone=seldom; limit_req_status 429; add_header Retry-After 1 always; alias @dir@/; }
    location /few/ { limit_conn few 2; limit_rate 400k; alias @dir@/; }
    location /seven/ { keepalive_requests 7; client_max_body_size 1m; dav_methods PUT; create_full_put_path on;
                       alias @dir@/put/; }
    location /hinted { keepalive_timeout 60s 3s; return 200 hello; }
    location /brief { keepalive_time 150ms; return 200 hello; }
    location /soon { keepalive_timeout 40ms; return 200 hello; }
  }
"""


class NginxTest(unittest.TestCase):
    def start(self, configuration):
        self.nginx = Nginx(configuration)
        self.addCleanup(self.nginx.__exit__)

    def write(self, name, data):
        path = self.nginx.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def documents(self, *arguments):
        return documents(run(PESTER, "--json", *arguments))

    def statuses(self, document):
        return [attempt["status"] for attempt in document["attempts"]]

    def used(self):
        """How many requests each connection served, by the log."""
        counts = {}
        for entry in self.nginx.entries():
            counts[entry.connection] = max(counts.get(entry.connection, 0), int(entry.number))
        return sorted(counts.values())


class Guarded(NginxTest):
    def setUp(self):
        self.guard = Flaky(PESTER_FLAKY, "--route", "* = status=204")
        self.addCleanup(lambda: self.guard.__exit__())
        self.start(GUARDED % self.guard.port)
        self.write("guarded/f.txt", b"inside\n")
        self.write("users", b"user:{PLAIN}s cret\n")

    def guard_with(self, *routes):
        """Another guard at the port that nginx asks."""
        self.guard.__exit__()
        options = [option for route in routes for option in ("--route", route)]
        self.guard = Flaky(PESTER_FLAKY, "--port", str(self.guard.port), *options)

    def test_who_is_let_in_is_asked_about_each_time_on_one_connection(self):
        found = self.documents("--oauth2-bearer", "good", "--repeat", "5", self.nginx.url("/guarded/f.txt"))
        self.assertEqual([self.statuses(d) for d in found], [[200]] * 5)
        self.assertEqual([d["attempts"][0]["reused"] for d in found], [False] + [True] * 4)
        self.assertEqual(len(self.guard.requests()), 5)

    def test_a_401_and_a_403_of_the_guard_are_final(self):
        self.guard_with("* = status=401 header='WWW-Authenticate: Bearer realm=x'; status=403")
        for status in (401, 403):
            found, = self.documents("--oauth2-bearer", "bad", self.nginx.url("/guarded/f.txt"))
            self.assertEqual((self.statuses(found), found["stop"]), ([status], "success"))

    def test_a_guard_that_fails_is_a_500_and_tried_again(self):
        self.guard_with("* = status=503; reset; status=204")
        found, = self.documents("--backoff", "constant:20ms", self.nginx.url("/guarded/f.txt"))
        self.assertEqual(self.statuses(found), [500, 500, 200])

    def test_a_body_waits_for_the_guard_and_arrives_whole(self):
        data = os.urandom(2_000_000)
        source = self.write("source", data)
        found, = self.documents("-T", source, self.nginx.url("/guarded/up"))
        self.assertEqual(self.statuses(found), [201])
        with open(self.nginx.path("guarded/up"), "rb") as file:
            self.assertEqual(file.read(), data)

    def test_a_body_that_the_guard_does_not_let_in_is_not_sent_for_nothing(self):
        self.guard_with("* = status=403")
        source = self.write("source", bytes(20 << 20))
        found, = self.documents("-T", source, "--expect100-timeout", "5", self.nginx.url("/guarded/up"))
        self.assertEqual(self.statuses(found), [403])
        self.assertLess(found["totals"]["bytes_sent"], 100_000)

    def test_basic_credentials_are_sent_unasked_or_for_a_challenge(self):
        url = self.nginx.url("/basic/f.txt")
        found, = self.documents("-u", "user:s cret", url)
        self.assertEqual(self.statuses(found), [200])
        found, = self.documents("--anyauth", "-u", "user:s cret", url)
        self.assertEqual(self.statuses(found), [401, 200])
        self.assertEqual([a["kind"] for a in found["attempts"]], ["first", "auth"])
        self.assertEqual([a["reused"] for a in found["attempts"]], [False, True])

    def test_wrong_credentials_are_a_401_and_not_tried_again(self):
        for option, statuses in (("--basic", [401]), ("--anyauth", [401, 401])):
            found, = self.documents(option, "-u", "user:guess", self.nginx.url("/basic/f.txt"))
            self.assertEqual((self.statuses(found), found["response"]["status"]), (statuses, 401))

    def test_credentials_stay_behind_at_a_redirect_to_another_name(self):
        found, = self.documents("-L", "-u", "user:s cret", self.nginx.url("/moved/"))
        self.assertEqual(self.statuses(found), [302, 401])


class Limited(NginxTest):
    def setUp(self):
        self.start(LIMITED)
        os.mkdir(self.nginx.path("put"))

    def test_who_comes_too_often_is_sent_away_with_503_and_comes_again(self):
        self.write("f.txt", b"hello")
        found = self.documents("--repeat", "12", "--parallel", "6", "--max-attempts", "100", "--backoff",
                               "exponential-jitter:20ms:200ms", self.nginx.url("/rate/f.txt"))
        self.assertEqual({d["response"]["status"] for d in found}, {200})
        statuses = [status for d in found for status in self.statuses(d)]
        self.assertEqual((statuses.count(200), set(statuses)), (12, {200, 503}))
        self.assertLessEqual(len(self.used()), 6)  # a 503 costs no connection

    def test_a_429_with_retry_after_is_waited_for(self):
        self.write("f.txt", b"hello")
        started = time.monotonic()
        found = self.documents("--repeat", "2", "--parallel", "2", "--retry-on", "+429", "--backoff", "constant:1ms",
                               self.nginx.url("/asks/f.txt"))
        self.assertEqual(sorted(self.statuses(d) for d in found), [[200], [429, 200]])
        self.assertGreater(time.monotonic() - started, 1)

    def test_more_at_once_than_may_be_are_sent_away_with_503_and_come_again(self):
        data = os.urandom(100_000)
        self.write("f.bin", data)
        found = self.documents("--repeat", "6", "--parallel", "6", "--max-attempts", "100", "--backoff",
                               "constant:50ms", self.nginx.url("/few/f.bin"))
        self.assertEqual([d["response"]["body_bytes"] for d in found], [len(data)] * 6)
        self.assertIn(503, {status for d in found for status in self.statuses(d)})

    def test_each_upload_arrives_once_though_connections_serve_seven_requests(self):
        # Each PUT of a new name is a 201; one that came twice would be a 204.
        with Driver(PEER_CLIENT, "--attempts", "1") as client:
            client.tell(*[f"PUT {self.nginx.url(f'/seven/{n}')} 1000" for n in range(100)])
            ended = [client.ended() for _ in range(100)]
        self.assertEqual({(e["status"], len(e["exchanges"])) for e in ended}, {(201, 1)})
        self.assertEqual(len(self.nginx.wait_for(100)), 100)
        self.assertLessEqual(self.used()[-1], 7)
        self.assertEqual(len(os.listdir(self.nginx.path("put"))), 100)

    def test_a_connection_is_left_two_seconds_before_the_time_that_nginx_names(self):
        with Driver(PEER_CLIENT) as client:
            client.ask(f"GET {self.nginx.url('/hinted')}")
            told = time.monotonic()
            self.assertEqual(client.ask("stats")["idle"], 1)
            until(lambda: client.ask("stats")["open"] == 0, 5)
            self.assertGreater(time.monotonic() - told, 0.5)  # of the one second that is left

    def test_connections_that_are_used_up_by_time_cost_no_request(self):
        with Driver(PEER_CLIENT, "--attempts", "1") as client:
            end = time.monotonic() + 0.6
            count = 0
            while time.monotonic() < end:
                method = ("GET", "POST")[count % 2]
                found = client.ask(f"{method} {self.nginx.url('/brief')}")
                self.assertEqual((found["status"], len(found["exchanges"])), (200, 1))
                count += 1
        self.assertGreater(len(self.used()), 2)
        self.assertEqual(len(self.nginx.wait_for(count)), count)

    def test_requests_at_the_moment_when_nginx_closes_are_answered(self):
        chance = random.Random(1)
        with Driver(PEER_CLIENT, "--attempts", "1") as client:
            for _ in range(60):
                time.sleep(chance.uniform(0.034, 0.046))  # what is tested: the timing
                found = client.ask(f"GET {self.nginx.url('/soon')}")
                self.assertEqual((found["status"], found["error"]), (200, ""), found)
            stats = client.ask("stats")
        self.assertGreater(stats["opened"], 1)  # nginx did close under us


if __name__ == "__main__":
    servers.main("PESTER", "PESTER_FLAKY", "PEER_CLIENT", needs=("nginx",))

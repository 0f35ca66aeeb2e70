#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Claims about Pester in front of a real haproxy: its own 502, 503 and 504 are ridden out, connections that it
closes, refuses or resets cost no request, queues and deadlines meet as they should. What haproxy and the
backends saw is read from their logs. Usage: test_haproxy.py PESTER PESTER_FLAKY PEER_CLIENT"""

import os
import random
import re
import time
import unittest

import servers
from servers import Driver, Flaky, Haproxy, documents, run, until

PESTER = PESTER_FLAKY = PEER_CLIENT = ""


def one(port, front="", back="", server="", bind=""):
    """A frontend, a backend and one server, with a line more in each."""
    return f"""
frontend front
  bind 127.0.0.1:@port@ {bind}
  {front}
  default_backend back
backend back
  {back}
  server one 127.0.0.1:{port} {server}
"""


class HaproxyTest(unittest.TestCase):
    def flaky(self, *options):
        server = Flaky(PESTER_FLAKY, *options)
        self.addCleanup(server.__exit__)
        return server

    def haproxy(self, sections, ports=("port",)):
        server = Haproxy(sections, ports)
        self.addCleanup(server.__exit__)
        return server

    def ask(self, *arguments, status=0):
        done = run(PESTER, *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def documents(self, *arguments):
        return documents(run(PESTER, "--json", "--backoff", "constant:30ms", *arguments))

    def statuses(self, document):
        return [attempt["status"] for attempt in document["attempts"]]


class Backends(HaproxyTest):
    TWO = """
frontend front
  bind 127.0.0.1:@port@
  default_backend back
backend back
  balance roundrobin
  timeout server 300ms
  server one 127.0.0.1:%d
  server two 127.0.0.1:%d
"""

    def test_one_connection_reaches_both_backends(self):
        one, two = self.flaky("--route", "* = body=one"), self.flaky("--route", "* = body=two")
        proxy = self.haproxy(self.TWO % (one.port, two.port))
        found = self.documents("--repeat", "10", proxy.url("/x"))
        self.assertEqual({d["response"]["status"] for d in found}, {200})
        self.assertEqual((len(one.requests()), len(two.requests())), (5, 5))
        self.assertEqual(len({e.client_port for e in proxy.wait_for(10)}), 1)

    def test_the_503_of_a_backend_that_is_down_is_tried_again_until_it_is_up(self):
        back = self.flaky("--refuse", "0..1500ms")
        proxy = self.haproxy(one(back.port))
        found, = self.documents("--max-attempts", "100", proxy.url("/x"))
        statuses = self.statuses(found)
        self.assertEqual(set(statuses[:-1]), {503})
        self.assertEqual((statuses[-1], found["stop"]), (200, "success"))
        self.assertEqual(len(back.requests()), 1)
        self.assertEqual(proxy.wait_for(len(statuses))[0].end.strip()[0], "S")

    def test_a_backend_that_resets_is_a_502_and_the_other_one_answers(self):
        one, two = self.flaky("--route", "* = reset"), self.flaky("--route", "* = body=two")
        proxy = self.haproxy(self.TWO % (one.port, two.port))
        for _ in range(4):
            found, = self.documents(proxy.url("/x"))
            self.assertEqual(self.statuses(found), [502, 200][-len(self.statuses(found)):])
            self.assertEqual(found["response"]["body_bytes"], 3)

    def test_a_backend_that_is_silent_is_a_504_and_the_other_one_answers(self):
        one, two = self.flaky("--route", "* = stall@0"), self.flaky("--route", "* = body=two")
        proxy = self.haproxy(self.TWO % (one.port, two.port))
        found = [self.documents(proxy.url("/x"))[0] for _ in range(2)]
        self.assertIn([504, 200], [self.statuses(d) for d in found])
        self.assertEqual({d["response"]["status"] for d in found}, {200})

    def test_a_hedge_goes_to_the_other_backend(self):
        slow, two = self.flaky("--route", "* = delay=8s"), self.flaky("--route", "* = body=two")
        proxy = self.haproxy(self.TWO.replace("timeout server 300ms", "") % (slow.port, two.port))
        kinds = []
        for _ in range(4):
            found, = self.documents("--concurrency", "2", "--hedge-after", "40ms", proxy.url("/x"))
            self.assertEqual((found["response"]["status"], found["response"]["body_bytes"]), (200, 3))
            self.assertLess(found["totals"]["duration_ms"], 7000)
            kinds += [a["kind"] for a in found["attempts"] if a["outcome"] == "won"]
        self.assertIn("hedge", kinds)
        self.assertLessEqual(set(kinds), {"first", "hedge"})

    def test_a_post_that_haproxy_could_not_deliver_is_answered_and_tried_again(self):
        one, two = self.flaky("--route", "* = reset"), self.flaky("--route", "POST * = echo-body")
        proxy = self.haproxy(self.TWO % (one.port, two.port))
        for _ in range(2):
            found, = self.documents("-d", "amount=12", proxy.url("/pay"))
            self.assertEqual((found["response"]["status"], found["response"]["body_bytes"]), (200, 9))

    def test_a_body_that_the_backend_cuts_is_told_as_cut(self):
        for options in ("", " chunked"):
            back = self.flaky("--route", f"* = body=100000 reset@body+50000{options}")
            proxy = self.haproxy(one(back.port))
            done = self.ask("--max-attempts", "1", proxy.url("/x"), status=18)
            self.assertLess(len(done.stdout), 100000)

    def test_a_gathered_body_that_the_backend_cuts_is_asked_for_again(self):
        back = self.flaky("--route", "* = body=100000 reset@body+50000; body=100000")
        proxy = self.haproxy(one(back.port))
        with Driver(PEER_CLIENT) as client:
            found = client.ask(f"GET {proxy.url('/x')}")
        self.assertEqual((found["status"], found["bytes"]), (200, 100000))
        self.assertEqual([e["error"] for e in found["exchanges"]], ["PESTER_EBODYCUT", ""])

    def test_an_early_hint_on_its_way_through_haproxy_is_not_the_answer(self):
        hint = r"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
        back = self.flaky("--route", rf"* = raw='{hint}{hint}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine'")
        proxy = self.haproxy(one(back.port))
        found = self.documents("--repeat", "3", proxy.url("/x"))
        self.assertEqual([self.statuses(d) for d in found], [[200]] * 3)
        self.assertEqual([d["response"]["body_bytes"] for d in found], [4] * 3)
        self.assertEqual([d["attempts"][0]["reused"] for d in found], [False, True, True])
        # More came than the answer alone.
        self.assertGreater(found[0]["totals"]["bytes_received"], 2 * len("HTTP/1.1 103 Early Hints"))

    def test_header_names_in_small_letters_are_found(self):
        back = self.flaky("--route", "* = header='Content-Type: text/x'")
        proxy = self.haproxy(one(back.port))
        done = self.ask("-i", "-w", "%{content_type}", proxy.url("/x"))
        self.assertIn(b"\r\ncontent-type: text/x\r\n", done.stdout)
        self.assertTrue(done.stdout.endswith(b"text/x"))

    def test_large_bodies_pass_both_ways(self):
        back = self.flaky("--route", "POST * = echo-body", "--route", "* = body=20MiB")
        proxy = self.haproxy(one(back.port))
        data = os.urandom(4_000_000)
        self.assertEqual(run(PESTER, "--data-binary", "@-", proxy.url("/x"), stdin=data).stdout, data)
        found, = self.documents(proxy.url("/x"))
        self.assertEqual(found["response"]["body_bytes"], 20 << 20)


class Connections(HaproxyTest):
    def test_a_connection_that_haproxy_closed_while_the_loop_was_held_up_is_not_used(self):
        back = self.flaky()
        proxy = self.haproxy(one(back.port, front="timeout http-keep-alive 100ms"))
        with Driver(PEER_CLIENT, "--attempts", "1") as client:
            for _ in range(3):
                self.assertEqual(client.ask(f"GET {proxy.url('/x')}")["status"], 200)
                # A POST: it would not be sent again if the closed connection had been used.
                second = client.ask("hold-up 300", f"POST {proxy.url('/x')} 10")
                self.assertEqual((second["status"], [e["reused"] for e in second["exchanges"]]), (200, [0]))
            until(lambda: client.ask("stats")["open"] == 0)

    def test_requests_at_the_moment_when_haproxy_closes_are_answered(self):
        back = self.flaky()
        proxy = self.haproxy(one(back.port, front="timeout http-keep-alive 20ms"))
        chance = random.Random(1)
        with Driver(PEER_CLIENT, "--attempts", "1") as client:
            for _ in range(100):
                time.sleep(chance.uniform(0.015, 0.024))  # what is tested: the timing
                found = client.ask(f"GET {proxy.url('/x')}")
                self.assertEqual((found["status"], found["error"]), (200, ""), found)
            stats = client.ask("stats")
        self.assertGreater(stats["opened"], 1)  # haproxy did close under us

    def test_httpclose_costs_a_connection_each_and_nothing_else(self):
        back = self.flaky()
        proxy = self.haproxy(one(back.port, front="option httpclose"))
        found = self.documents("--repeat", "20", "--parallel", "4", proxy.url("/x"))
        self.assertEqual([d["totals"]["exchanges"] for d in found], [1] * 20)
        self.assertEqual({d["response"]["status"] for d in found}, {200})
        self.assertEqual(len({e.client_port for e in proxy.wait_for(20)}), 20)

    def test_backend_connections_that_haproxy_shares_are_no_matter(self):
        back = self.flaky("--route", "* = close-idle=15ms")
        proxy = self.haproxy(one(back.port, back="http-reuse always"))
        with Driver(PEER_CLIENT) as client:
            for n in range(30):
                time.sleep(0.001 * (n % 3) * 8)  # some come after the backend has closed what haproxy keeps
                self.assertEqual(client.ask(f"GET {proxy.url('/x')}")["status"], 200)
        self.assertLess(len({connection for connection, _ in back.requests()}), 30)
        self.assertEqual(len({e.client_port for e in proxy.entries()}), 1)

    def test_a_rejected_connection_is_tried_again_and_told(self):
        proxy = self.haproxy("""
frontend front
  bind 127.0.0.1:@port@
  bind 127.0.0.1:@closed@
  tcp-request connection reject if { dst_port @closed@ }
  http-request return status 200
""", ("port", "closed"))
        done = run(PESTER, "--json", "--backoff", "none", proxy.url("/x", "closed"))
        self.assertIn(done.returncode, (52, 55, 56), done.stderr)
        found, = servers.read_documents(done.stdout.decode())
        self.assertEqual(len(found["attempts"]), 3)
        self.assertEqual(found["stop"], "attempts")
        self.assertIn(found["error"]["name"], ("PESTER_EEMPTY", "UV_ECONNRESET", "UV_EPIPE"))
        self.assertEqual(self.documents(proxy.url("/x"))[0]["response"]["status"], 200)

    RESETS = """
frontend front
  bind 127.0.0.1:@port@
  option nolinger
  http-request reject if { path /reset }
  http-request return status 200
"""

    def test_a_reset_on_a_kept_connection_is_made_up_for_and_then_the_servers_word(self):
        proxy = self.haproxy(self.RESETS)
        with Driver(PEER_CLIENT, "--attempts", "2") as client:
            self.assertEqual(client.ask(f"GET {proxy.url('/x')}")["status"], 200)
            found = client.ask(f"GET {proxy.url('/reset')}")
        self.assertEqual([e["kind"] for e in found["exchanges"]], ["first", "resend", "retry"])
        self.assertEqual([e["reused"] for e in found["exchanges"]], [1, 0, 0])
        self.assertLessEqual({e["error"] for e in found["exchanges"]}, {"UV_ECONNRESET", "PESTER_EEMPTY"})
        self.assertEqual([e.path for e in proxy.wait_for(4)], ["/x"] + ["/reset"] * 3)

    def test_a_post_that_met_a_reset_is_not_doubled(self):
        proxy = self.haproxy(self.RESETS)
        with Driver(PEER_CLIENT) as client:
            self.assertEqual(client.ask(f"POST {proxy.url('/x')} 10")["status"], 200)
            found = client.ask(f"POST {proxy.url('/reset')} 10")
        self.assertIn(found["error"], ("UV_ECONNRESET", "PESTER_EEMPTY"))
        self.assertEqual((found["stop"], [e["delivery"] for e in found["exchanges"]]), ("not_retryable", ["sent"]))
        self.assertEqual([e.path for e in proxy.wait_for(2)], ["/x", "/reset"])

    def test_a_503_that_names_its_time_is_waited_for(self):
        proxy = self.haproxy("""
frontend front
  bind 127.0.0.1:@port@
  stick-table type ip size 10 expire 30s store http_req_cnt
  http-request track-sc0 src
  http-request return status 503 hdr Retry-After 1 if { sc_http_req_cnt(0) le 1 }
  http-request return status 200
""")
        started = time.monotonic()
        found, = self.documents(proxy.url("/x"))
        self.assertEqual(self.statuses(found), [503, 200])
        self.assertGreater(time.monotonic() - started, 1)

    def test_connections_rejected_now_and_then_cost_no_request(self):
        proxy = self.haproxy("""
frontend front
  bind 127.0.0.1:@port@
  option httpclose
  tcp-request content reject if { rand(2) 1 }
  http-request return status 200
""")
        found = self.documents("--repeat", "40", "--max-attempts", "30", "--backoff", "none", proxy.url("/x"))
        self.assertEqual({d["response"]["status"] for d in found}, {200})
        self.assertGreater(sum(d["totals"]["retries"] for d in found), 0)

    def test_a_tarpit_is_left_at_the_deadline_and_tried_again(self):
        proxy = self.haproxy("""
frontend front
  bind 127.0.0.1:@port@
  timeout tarpit 2s
  http-request tarpit if { path /tar }
  http-request return status 200
""")
        started = time.monotonic()
        self.ask("--attempt-timeout", "0.2", "--max-attempts", "2", "--backoff", "none", proxy.url("/tar"), status=28)
        self.assertGreater(time.monotonic() - started, 0.4)
        proxy.wait_for(2)

    def test_a_429_is_final_unless_asked_for(self):
        proxy = self.haproxy("""
frontend front
  bind 127.0.0.1:@port@
  http-request deny deny_status 429 if { rand(3) 0 1 }
  http-request return status 200
""")
        once = self.documents("--repeat", "30", proxy.url("/x"))
        self.assertEqual({len(d["attempts"]) for d in once}, {1})
        self.assertEqual({d["response"]["status"] for d in once}, {200, 429})
        more = self.documents("--repeat", "10", "--retry-on", "+429", "--max-attempts", "50", "--backoff", "none",
                              proxy.url("/x"))
        self.assertEqual({d["response"]["status"] for d in more}, {200})


class Queue(HaproxyTest):
    def test_a_queue_is_waited_in(self):
        back = self.flaky("--route", "* = delay=20ms")
        proxy = self.haproxy(one(back.port, server="maxconn 1"))
        found = self.documents("--repeat", "16", "--parallel", "8", proxy.url("/x"))
        self.assertEqual({d["response"]["status"] for d in found}, {200})
        self.assertEqual({len(d["attempts"]) for d in found}, {1})
        self.assertGreater(max(d["totals"]["duration_ms"] for d in found), 100)

    def test_who_waited_too_long_is_sent_away_with_503_and_comes_again(self):
        back = self.flaky("--route", "* = delay=60ms")
        proxy = self.haproxy(one(back.port, back="timeout queue 80ms", server="maxconn 1"))
        found = self.documents("--repeat", "6", "--parallel", "6", "--max-attempts", "50", proxy.url("/x"))
        self.assertEqual({d["response"]["status"] for d in found}, {200})
        self.assertIn(503, {status for d in found for status in self.statuses(d)})
        self.assertEqual(len(back.requests()), 6)

    def test_a_cancelled_lane_leaves_the_queue(self):
        back = self.flaky("--route", "* = delay=100ms")
        # haproxy looks for a client's close only when its frontend was told so: a `listen` is both.
        proxy = self.haproxy(f"""
listen both
  bind 127.0.0.1:@port@
  option abortonclose
  server one 127.0.0.1:{back.port} maxconn 1
""")
        found, = self.documents("--concurrency", "4", proxy.url("/x"))
        self.assertEqual(sorted(a["outcome"] for a in found["attempts"]), ["cancelled"] * 3 + ["won"])
        entries = proxy.wait_for(4)
        self.assertEqual(sorted(e.end[0] for e in entries), ["-", "C", "C", "C"], entries)
        self.assertEqual(len(re.findall("response 1 sent: 200", back.log())), 1)


class Tls(HaproxyTest):
    def test_a_name_is_checked_and_backends_behind_tls_are_reached(self):
        pki = servers.Pki()
        self.addCleanup(pki.close)
        with open(pki("both.pem"), "w", encoding="ascii") as both:
            both.write(servers.read(pki("good.pem")) + servers.read(pki("good.key")))
        back = self.flaky("--route", "/x = status=503; body=fine", "--route", "* = echo-body")
        proxy = self.haproxy(one(back.port, bind=f"ssl crt {pki('both.pem')} alpn h2,http/1.1"))
        port = proxy.ports["port"]

        def ask(name, status, *more):
            return self.ask("--resolve", f"{name}:{port}:127.0.0.1", "--cacert", pki("ca.pem"), "--backoff", "none",
                            *more, f"https://{name}:{port}/x", status=status)

        found, = documents(ask("shop.example.test", 0, "--json"))
        self.assertEqual(self.statuses(found), [503, 200])
        self.assertEqual([a["tls"]["alpn"] for a in found["attempts"]], ["http/1.1"] * 2)
        self.assertEqual([a["reused"] for a in found["attempts"]], [False, True])
        ask("shop.example.org", 60)
        self.assertEqual(len(back.requests()), 2)
        # Without the CA nobody is trusted, and -k trusts anyone.
        url = f"https://127.0.0.1:{port}/x"
        self.ask("--cacert", pki("stranger.pem"), url, status=60)
        self.assertEqual(self.ask("-k", url).stdout, b"fine")
        data = os.urandom(3_000_000)
        self.assertEqual(run(PESTER, "-k", "--data-binary", "@-", f"{url}/large", stdin=data).stdout, data)


if __name__ == "__main__":
    servers.main("PESTER", "PESTER_FLAKY", "PEER_CLIENT", needs=("haproxy", "openssl"))

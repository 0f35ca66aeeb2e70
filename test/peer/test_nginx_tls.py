#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Claims about Pester's TLS in front of a real nginx (OpenSSL): versions, sessions, names, client certificates. What
nginx saw is read from its own log. Usage: test_nginx_tls.py PESTER"""

import unittest

import servers
from servers import Nginx, documents, run

PESTER = ""

TLS = """
  ssl_certificate @pki@/good.pem; ssl_certificate_key @pki@/good.key;
  server { listen 127.0.0.1:@port@ ssl; server_name a.example.test; ssl_protocols TLSv1.2 TLSv1.3;
           ssl_session_cache shared:a:1m; ssl_session_tickets off; keepalive_timeout 0;
           location / { return 200 "a $ssl_server_name"; } location /kept { keepalive_timeout 10s; return 200 hello; } }
  server { listen 127.0.0.1:@tickets@ ssl; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache off; keepalive_timeout 0;
           location / { return 200 hello; } }
  server { listen 127.0.0.1:@old@ ssl; ssl_protocols TLSv1.2; location / { return 200 old; } }
  server { listen 127.0.0.1:@new@ ssl; ssl_protocols TLSv1.3; location / { return 200 new; } }
  server { listen 127.0.0.1:@clients@ ssl; ssl_client_certificate @pki@/ca.pem; ssl_verify_client on;
           location / { return 200 $ssl_client_s_dn; } }
  server { listen 127.0.0.1:@names@ ssl; server_name localhost; ssl_certificate @pki@/viaint.pem;
           ssl_certificate_key @pki@/viaint.key; location / { return 200 intermediate; } }
  server { listen 127.0.0.1:@names@ ssl; server_name b.example.test; location / { return 200 b; } }
"""


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pki = servers.Pki()
        cls.addClassCleanup(cls.pki.close)

    def setUp(self):
        self.nginx = Nginx(TLS.replace("@pki@", self.pki.dir.name), ("port", "tickets", "old", "new", "clients", "names"))
        self.addCleanup(self.nginx.__exit__)

    def url(self, port="port", host="localhost", path="/"):
        return self.nginx.url(path, port, "https", host)

    def ask(self, *arguments, status=0, resolve=()):
        names = [word for host, port in resolve
                 for word in ("--resolve", f"{host}:{self.nginx.ports[port]}:127.0.0.1")]
        done = run(PESTER, "-4", "--cacert", self.pki("ca.pem"), "--max-attempts", "1", *names, *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def test_the_newest_version_both_have_is_spoken(self):
        found, = documents(self.ask("--json", self.url()))
        entry, = self.nginx.wait_for(1)
        version = found["attempts"][0]["tls"]["version"]
        self.assertEqual(version, entry.protocol)
        self.assertEqual(self.ask(self.url("old")).stdout, b"old")
        self.assertEqual(self.nginx.wait_for(2)[1].protocol, "TLSv1.2")
        if version == "TLSv1.3":
            self.assertEqual(self.ask(self.url("new")).stdout, b"new")
        else:  # mbedTLS 2.28 has no more
            self.ask(self.url("new"), status=35)

    def test_sessions_are_resumed_from_the_cache_and_by_ticket(self):
        for port in ("port", "tickets"):
            before = len(self.nginx.entries())
            found = documents(self.ask("--json", "--repeat", "5", self.url(port)))
            self.assertEqual([d["attempts"][0]["reused"] for d in found], [False] * 5)
            self.assertEqual([d["attempts"][0]["tls"]["resumed"] for d in found], [False] + [True] * 4)
            self.assertEqual([e.reused for e in self.nginx.wait_for(before + 5)[before:]], [".", "r", "r", "r", "r"])

    def test_a_kept_connection_needs_no_handshake(self):
        found = documents(self.ask("--json", "--repeat", "5", self.url(path="/kept")))
        self.assertEqual([d["attempts"][0]["tls_ms"] is None for d in found], [False] + [True] * 4)
        self.assertEqual([e.number for e in self.nginx.wait_for(5)], ["1", "2", "3", "4", "5"])

    def test_a_name_is_sent_and_checked(self):
        a, b, c = [(name, "port") for name in ("a.example.test", "b.example.test", "example.org")]
        self.assertEqual(self.ask(self.url(host=a[0]), resolve=[a]).stdout, b"a a.example.test")
        self.assertEqual(self.ask(self.url(host=b[0]), resolve=[b]).stdout, b"a b.example.test")
        refused = self.ask(self.url(host=c[0]), resolve=[c], status=60)
        self.assertEqual(refused.stdout, b"")
        self.assertEqual(len(self.nginx.wait_for(2)), 2)  # no request was sent to the wrong one

    def test_nginx_chooses_its_certificate_by_the_name(self):
        b = ("b.example.test", "names")
        self.assertEqual(self.ask(self.url("names")).stdout, b"intermediate")
        self.assertEqual(self.ask(self.url("names", b[0]), resolve=[b]).stdout, b"b")

    def test_a_stranger_is_not_trusted(self):
        done = run(PESTER, "-4", "--cacert", self.pki("stranger.pem"), self.url())
        self.assertEqual(done.returncode, 60, done.stderr)
        self.assertEqual(self.nginx.entries(), [])

    def test_a_client_certificate_is_shown_when_asked_for(self):
        self.assertEqual(self.ask("-E", self.pki("client.pem"), "--key", self.pki("client.key"), self.url("clients")).stdout,
                         b"CN=client")
        done = self.ask("-w", "%{http_code}", "-o", "/dev/null", self.url("clients"))
        self.assertEqual(done.stdout, b"400")


if __name__ == "__main__":
    servers.main("PESTER", needs=("nginx", "openssl"))

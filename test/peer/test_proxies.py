#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Claims about real proxies, squid and microsocks, with credentials: requests are forwarded, tunnelled and carried
by SOCKS to servers that see nothing of the proxy's credentials; what the proxies say no to is told; the environment
is honoured as curl does. What squid saw is read from its log. Usage: test_proxies.py PESTER PESTER_FLAKY VIA_PROXY"""

import collections
import os
import socket
import tempfile
import unittest

import servers
from servers import Daemon, Flaky, documents, find, free_port, read, run

PESTER = PESTER_FLAKY = VIA_PROXY = ""

SQUID = """
http_port 127.0.0.1:@port@
pid_filename none
cache deny all
cache_mem 8 MB
cache_log @dir@/cache.log
logformat pester %>p|%rm|%ru|%>Hs|%un|%{Authorization}>h
access_log stdio:@dir@/access pester
buffered_logs off
coredump_dir @dir@
shutdown_lifetime 0 seconds
visible_hostname localhost
strip_query_terms off
pinger_enable off
netdb_filename none
auth_param basic program /bin/sh @dir@/auth
auth_param basic realm pester
auth_param basic children 1
acl known proxy_auth REQUIRED
acl forbidden url_regex forbidden
http_access deny forbidden
http_access allow known
http_access deny all
"""

# Squid gives the password percent-encoded.
AUTH = """while read -r user password rest; do
  if [ "$user $password" = "user s%20cret" ]; then echo OK; else echo ERR; fi
done
"""


def accepts(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


class Squid(Daemon):
    """squid for one user; started by root it becomes another, who needs the directory, too."""

    Entry = collections.namedtuple("Entry", "client_port method url status user authorization")

    def __init__(self):
        if os.stat("/dev/shm").st_mode & 0o002 == 0:  # in a bare chroot
            raise unittest.SkipTest("squid's user may not write to /dev/shm")
        super().__init__(SQUID, ("port",))

    def entries(self):
        return [e for e in super().entries() if not e.url.startswith("error:")]  # the knock of accepts()

    def start(self):
        os.chmod(self.dir.name, 0o777)
        with open(self.path("auth"), "w", encoding="ascii") as file:
            file.write(AUTH)
        os.chmod(self.path("auth"), 0o644)
        command = [find("squid"), "-N", "-f", self.path("conf"), "-n", f"pester{self.ports['port']}"]
        return self.launch(command, lambda: accepts(self.ports["port"]),
                           lambda: read(self.path("out")) + read(self.path("cache.log")))


class Microsocks(Daemon):
    Entry = None

    def __init__(self):
        super().__init__("", ("port",))

    def start(self):
        command = [find("microsocks"), "-i", "127.0.0.1", "-p", str(self.ports["port"]), "-u", "user", "-P", "s cret"]
        return self.launch(command, lambda: accepts(self.ports["port"]), lambda: read(self.path("out")))


class ProxyTest(unittest.TestCase):
    def flaky(self, *options):
        server = Flaky(PESTER_FLAKY, *options)
        self.addCleanup(server.__exit__)
        return server

    def secure(self):
        """A server over TLS, and the options that trust it."""
        certificate = tempfile.NamedTemporaryFile(suffix=".pem")
        self.addCleanup(certificate.close)
        server = self.flaky("--tls", "self", "--cert-out", certificate.name, "--route", "* = echo")
        return server, ("--cacert", certificate.name)

    def ask(self, *arguments, status=0, env=None):
        done = run(PESTER, *arguments, env=env)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout.decode(), done.stderr.decode()

    def documents(self, *arguments):
        return documents(run(PESTER, "--json", *arguments))


class SquidTest(ProxyTest):
    def setUp(self):
        self.squid = Squid()
        self.addCleanup(self.squid.__exit__)
        self.proxy = f"http://127.0.0.1:{self.squid.ports['port']}"
        self.through = ("-x", self.proxy, "-U", "user:s cret")

    def test_a_request_is_forwarded_and_the_server_sees_no_credentials_of_the_proxy(self):
        server = self.flaky("--route", "* = echo")
        seen, _ = self.ask(*self.through, "-u", "me:mine", server.url + "/page?x=y")
        self.assertIn("GET /page?x=y HTTP/1.1", seen)
        self.assertIn("Authorization: Basic bWU6bWluZQ==", seen)
        self.assertNotIn("Proxy-Authorization", seen)
        entry, = self.squid.wait_for(1)
        self.assertEqual((entry.method, entry.url, entry.status, entry.user), ("GET", server.url + "/page?x=y", "200", "user"))

    def test_a_forwarded_body_arrives_whole(self):
        server = self.flaky("--route", "* = echo-body")
        body, _ = self.ask(*self.through, "-d", "a" * 100_000, server.url + "/")
        self.assertEqual(body, "a" * 100_000)

    def test_a_connection_to_the_proxy_is_used_again(self):
        server = self.flaky("--route", "* = body=hello")
        found = self.documents(*self.through, "--repeat", "5", server.url + "/")
        self.assertEqual([d["attempts"][0]["reused"] for d in found], [False, True, True, True, True])
        self.assertEqual({d["attempts"][0]["proxy"] for d in found}, {self.proxy})
        self.assertEqual({d["attempts"][0]["remote"] for d in found}, {self.proxy.partition("//")[2]})
        self.assertEqual(len({e.client_port for e in self.squid.wait_for(5)}), 1)

    def test_https_goes_through_a_tunnel(self):
        server, trust = self.secure()
        seen, _ = self.ask(*self.through, *trust, "-u", "me:mine", server.url + "/page")
        self.assertIn("GET /page HTTP/1.1", seen)
        self.assertNotIn("Proxy-Authorization", seen)
        entry, = self.squid.wait_for(1)
        self.assertEqual((entry.method, entry.url, entry.status, entry.user, entry.authorization),
                         ("CONNECT", f"127.0.0.1:{server.port}", "200", "user", "-"))

    def test_a_server_that_is_not_trusted_is_not_trusted_through_a_tunnel(self):
        server, _ = self.secure()
        _, trust_in_another = self.secure()
        self.ask(*self.through, *trust_in_another, server.url + "/", status=60)

    def test_a_tunnel_may_be_asked_for_to_http(self):
        server = self.flaky("--route", "* = echo")
        seen, _ = self.ask(*self.through, "-p", server.url + "/page")
        self.assertIn("GET /page HTTP/1.1", seen)
        self.assertEqual(self.squid.wait_for(1)[0].method, "CONNECT")

    def test_without_credentials_a_forwarded_request_gets_a_407_and_a_tunnel_fails_once(self):
        server, trust = self.secure()
        self.ask("-x", self.proxy, "-f", "http://127.0.0.1:1/", status=22)
        _, errors = self.ask("-x", self.proxy, *trust, server.url + "/", status=97)
        self.assertIn("the proxy asks for credentials: 407", errors)
        _, errors = self.ask("-x", self.proxy, "-U", "user:guess", *trust, server.url + "/", status=97)
        self.assertIn("the proxy does not accept the credentials: 407", errors)
        self.assertEqual([e.status for e in self.squid.wait_for(3)], ["407"] * 3)

    def test_a_forbidden_tunnel_is_told_at_once(self):
        _, errors = self.ask(*self.through, "-p", "--backoff", "none", "http://forbidden.test/", status=97)
        self.assertIn("the proxy refused the tunnel: 403 Forbidden", errors)
        self.assertNotIn("attempts", errors)

    def test_a_server_that_is_away_is_a_503_of_the_proxy(self):
        away = free_port()
        _, errors = self.ask(*self.through, "-p", "--max-attempts", "1", f"http://127.0.0.1:{away}/", status=97)
        self.assertIn("the proxy refused the tunnel: 503", errors)

    def test_each_hop_of_a_redirect_asks_anew_which_way_it_goes(self):
        first = socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)[0][4][0]
        direct = self.flaky("--host", first, "--route", "* = echo")
        server = self.flaky("--route", f"* = status=307 header='Location: http://localhost:{direct.port}/next'")
        found, = self.documents(*self.through, "--noproxy", "localhost", "-L", server.url + "/page")
        self.assertEqual([a["proxy"] for a in found["attempts"]], [self.proxy, None])
        self.assertEqual([a["status"] for a in found["attempts"]], [307, 200])
        seen, _ = self.ask(*self.through, "--noproxy", "localhost", "-L", "-u", "me:mine", server.url + "/page")
        self.assertIn("GET /next HTTP/1.1", seen)
        self.assertNotIn("uthorization", seen)  # neither the proxy's nor, at another host, the server's
        self.assertEqual([e.url for e in self.squid.wait_for(2)], [server.url + "/page"] * 2)

    def test_a_redirect_leads_from_a_forwarded_request_into_a_tunnel(self):
        secure, trust = self.secure()
        server = self.flaky("--route", f"* = status=302 header='Location: {secure.url}/next'")
        seen, _ = self.ask(*self.through, *trust, "-L", server.url + "/page")
        self.assertIn("GET /next HTTP/1.1", seen)
        self.assertNotIn("roxy", seen)
        self.assertEqual([(e.method, e.status) for e in self.squid.wait_for(2)], [("GET", "302"), ("CONNECT", "200")])

    def test_the_environment_is_honoured_as_curl_does(self):
        server = self.flaky("--route", "* = body=hello")
        with_user = self.proxy.replace("//", "//user:s%20cret@")
        for env in ({"http_proxy": with_user}, {"ALL_PROXY": with_user}):
            self.assertEqual(self.ask(server.url + "/by-proxy", env=env)[0], "hello")
        self.squid.wait_for(2)
        for env in ({"HTTP_PROXY": with_user}, {"https_proxy": with_user}, {"http_proxy": with_user, "no_proxy": "127.0.0.1"},
                    {"http_proxy": with_user, "REQUEST_METHOD": "GET"}):
            self.assertEqual(self.ask(server.url + "/directly", env=env)[0], "hello")
        self.assertEqual(self.ask("-x", "", server.url, env={"http_proxy": with_user})[0], "hello")
        self.assertEqual(self.ask("--noproxy", "*", server.url, env={"http_proxy": with_user})[0], "hello")
        self.assertEqual(len(self.squid.entries()), 2)

    def test_verbose_names_the_proxy_and_not_its_password(self):
        server = self.flaky("--route", "* = body=hello")
        _, said = self.ask("-v", *self.through, server.url + "/")
        self.assertIn(f"the proxy {self.proxy}\n", said)
        self.assertNotIn("s cret", said)

    def test_the_example_asks_through_it(self):
        server = self.flaky("--route", "* = body=hello")
        done = run(VIA_PROXY, self.proxy.replace("//", "//user:s%20cret@"), server.url + "/")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(done.stdout.decode(), f"200 through {self.proxy}: hello\n")
        done = run(VIA_PROXY, self.proxy, server.url.replace("http:", "https:"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("the proxy asks for credentials: 407", done.stdout.decode())
        done = run(VIA_PROXY, "socks4://h", server.url)
        self.assertEqual(done.returncode, 2)
        self.assertIn("socks4 is none of http, socks5 and socks5h", done.stderr.decode())


class MicrosocksTest(ProxyTest):
    def setUp(self):
        self.socks = Microsocks()
        self.addCleanup(self.socks.__exit__)
        self.at = f"127.0.0.1:{self.socks.ports['port']}"

    def test_both_kinds_carry_http_and_https(self):
        plain = self.flaky("--route", "* = echo")
        # microsocks asks for a name's first address and no other.
        first = socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)[0][4][0]
        named = self.flaky("--host", first, "--route", "* = echo")
        server, trust = self.secure()
        for scheme in ("socks5", "socks5h"):
            through = ("-x", f"{scheme}://{self.at}", "-U", "user:s cret")
            for url in (plain.url, f"http://localhost:{named.port}", server.url):
                seen, _ = self.ask(*through, *trust, url + "/page")
                self.assertIn("GET /page HTTP/1.1", seen)
                self.assertNotIn("roxy", seen)

    def test_a_connection_is_used_again(self):
        server = self.flaky("--route", "* = body=hello")
        found = self.documents("-x", f"socks5h://user:s%20cret@{self.at}", "--repeat", "3", server.url + "/")
        self.assertEqual([d["attempts"][0]["reused"] for d in found], [False, True, True])
        self.assertEqual({d["attempts"][0]["proxy"] for d in found}, {f"socks5h://{self.at}"})

    def test_a_redirect_from_http_to_https_is_followed_with_the_same_credentials(self):
        secure, trust = self.secure()
        server = self.flaky("--route", f"* = status=302 header='Location: {secure.url}/next'")
        found, = self.documents("-x", f"socks5h://user:s%20cret@{self.at}", *trust, "-L", server.url)
        self.assertEqual([a["status"] for a in found["attempts"]], [302, 200])
        self.assertEqual({a["proxy"] for a in found["attempts"]}, {f"socks5h://{self.at}"})

    def test_wrong_credentials_are_refused_once(self):
        server = self.flaky("--route", "* = body=hello")
        _, errors = self.ask("-x", f"socks5h://user:guess@{self.at}", server.url + "/", status=97)
        self.assertIn("it does not accept the credentials", errors)
        self.assertNotIn("attempts", errors)
        _, errors = self.ask("-x", f"socks5h://{self.at}", server.url + "/", status=97)
        self.assertIn("it asks for credentials", errors)

    def test_a_server_that_is_away_is_told_in_words(self):
        away = free_port()
        _, errors = self.ask("-x", f"socks5h://user:s%20cret@{self.at}", "--max-attempts", "1",
                             f"http://127.0.0.1:{away}/", status=97)
        self.assertIn("could not connect: connection refused (5)", errors)


class AwayTest(ProxyTest):
    def test_a_proxy_that_is_away_is_told_by_exit_status(self):
        away = free_port()
        self.ask("-x", f"http://127.0.0.1:{away}", "--max-attempts", "1", "http://127.0.0.1/", status=7)
        _, errors = self.ask("-x", "http://no-such-proxy.invalid", "--max-attempts", "1", "http://127.0.0.1/", status=5)
        self.assertIn("the proxy no-such-proxy.invalid", errors)

    def test_a_proxy_that_is_none_is_refused(self):
        _, errors = self.ask("-x", "socks4://user:secret@h", "http://127.0.0.1/", status=2)
        self.assertIn("option --proxy: 'socks4://h'", errors)
        self.assertNotIn("secret", errors)


if __name__ == "__main__":
    servers.main("PESTER", "PESTER_FLAKY", "VIA_PROXY", needs=("squid", "microsocks"))

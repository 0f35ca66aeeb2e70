#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs of docs/guide/pin-a-key.md and docs/guide/tls.md do what the pages say, in front of
`openssl s_server`. Usage: test_example_tls.py PIN_KEY TLS"""

import os
import unittest

import servers
from servers import run
from test_tls_faults import Server

PIN_KEY = TLS = ""


class TlsExamples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pki = servers.Pki()
        cls.addClassCleanup(cls.pki.close)

    def server(self, *options):
        server = Server(self.pki, "good", *options, key="good.key", www=True)
        self.addCleanup(server.end)
        return server, f"https://127.0.0.1:{server.port}/"

    def output(self, program, *arguments, status=0, env=None):
        done = run(program, *arguments, env=env)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout.decode(), done.stderr.decode()

    def pin(self):
        return "sha256//" + servers.read(self.pki("good.pin"))

    # ---- pin_key

    def test_pin_key_asks_for_one_of_the_keys(self):
        _, url = self.server()
        other = "sha256//" + "A" * 43 + "="
        for pins in (self.pin(), f"{other};{self.pin()}"):
            out, errors = self.output(PIN_KEY, url, pins, self.pki("ca.pem"))
            self.assertEqual((out, errors), ("200 from the server with the pinned key\n", ""))
        out, errors = self.output(PIN_KEY, url, other, self.pki("ca.pem"), status=1)
        self.assertEqual(out, "")
        self.assertEqual(errors, "not the key that was pinned: the public key of 127.0.0.1 is none of the pinned ones\n")

    def test_pin_key_still_asks_for_the_rest(self):
        _, url = self.server()
        out, errors = self.output(PIN_KEY, url, self.pin(), self.pki("stranger.pem"), status=1)
        self.assertEqual((out, errors), ("", "the certificate of 127.0.0.1 is not issued by a trusted CA\n"))

    def test_pin_key_says_what_is_no_pin(self):
        out, errors = self.output(PIN_KEY, "https://127.0.0.1:1/", "sha1//abc", status=2)
        self.assertEqual((out, errors), ("", 'pinned_spki: "sha1//abc" is not sha256//BASE64 of 32 bytes\n'))
        _, errors = self.output(PIN_KEY, status=2)
        self.assertRegex(errors, "^usage: ")

    # ---- tls

    def test_tls_resumes_what_the_run_before_has_left(self):
        _, url = self.server()
        sessions = self.pki("sessions")
        lines = [self.output(TLS, url, self.pki("ca.pem"), sessions)[0] for _ in range(3)]
        self.assertRegex(lines[0], r"^plain: 200, TLSv1\.[23], new\n$")
        for line in lines[1:]:
            self.assertRegex(line, r"^plain: 200, TLSv1\.[23], resumed\n$")
        self.assertEqual(os.stat(sessions).st_mode & 0o777, 0o600)
        with open(sessions, "r+b") as file:
            file.seek(60)
            file.write(b"\0\0\0\0")
        out, errors = self.output(TLS, url, self.pki("ca.pem"), sessions)
        self.assertRegex(out, "new\n$")
        self.assertEqual(errors, f"{sessions}: invalid option\n")

    def test_tls_does_not_resume_under_another_ca(self):
        _, url = self.server()
        sessions = self.pki("sessions2")
        self.output(TLS, url, self.pki("ca.pem"), sessions)
        out, errors = self.output(TLS, url, self.pki("stranger.pem"), sessions, status=1)
        self.assertEqual((out, errors), ("", "plain: the certificate of 127.0.0.1 is not issued by a trusted CA\n"))

    def test_tls_shows_a_certificate_in_one_request(self):
        server, url = self.server("-Verify", "1", "-CAfile", self.pki("ca.pem"), "-verify_return_error")
        out, errors = self.output(TLS, url, self.pki("ca.pem"), self.pki("sessions3"), self.pki("client.pem"),
                                  self.pki("client.key"), status=1)
        self.assertRegex(out, r"^with a certificate: 200, TLSv1\.[23], new\n$")
        self.assertRegex(errors, "^plain: ")

    def test_tls_keeps_a_key_log_when_the_environment_asks(self):
        theirs, ours = self.pki("theirs.log"), self.pki("ours.log")
        _, url = self.server("-keylogfile", theirs)
        self.output(TLS, url, self.pki("ca.pem"), self.pki("sessions4"), env={"SSLKEYLOGFILE": ours})
        lines = servers.read(ours).splitlines()
        self.assertGreaterEqual(len(lines), 1)
        self.assertLessEqual(set(lines), set(servers.read(theirs).splitlines()))


if __name__ == "__main__":
    servers.main("PIN_KEY", "TLS", needs=("openssl",))

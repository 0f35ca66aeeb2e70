#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Claims about TLS servers with a fault, each a real `openssl s_server`: what badssl.com has, and more. For each the
error's code, words that name the culprit, and that the server got nothing of the request. Usage:
test_tls_faults.py PESTER"""

import os
import re
import socket
import subprocess
import tempfile
import threading
import unittest

import servers
from servers import documents, read_documents, run

PESTER = ""

CA_CNF = """
[ca]
default_ca = throwaway
[throwaway]
database = @dir@/index.txt
serial = @dir@/serial
new_certs_dir = @dir@
default_md = sha256
unique_subject = no
policy = any
[any]
commonName = optional
"""
ALWAYS = ("20200101000000Z", "20991231000000Z")
WEAK = ("-cipher", "ALL:eNULL:@SECLEVEL=0")
HOST = "localhost"
# Group 2 of RFC 2409, as small as OpenSSL takes it.
DH_1024 = """-----BEGIN DH PARAMETERS-----
MIGHAoGBAP//////////yQ/aoiFowjTExmKLgNwc0SkCTgiKZ8x0Agu+pjsTmyJR
Sgh5jjQE3e+VGbPNOkMbMCsKbfJfFDdP4TVtbVHCReSFtXZiXn7G9ExC6aY37WsL
/1y29Aa37e44a/taiZ+lrp8kEXxLH+ZJKGZR7OZTgf//////////AgEC
-----END DH PARAMETERS-----
"""


class Pki:
    """A throw-away CA, and what it issues: `issue` gives the name of a NAME.pem and NAME.key."""

    def __init__(self):
        self.dir = tempfile.TemporaryDirectory()
        with open(self("ca.cnf"), "w", encoding="ascii") as file:
            file.write(CA_CNF.replace("@dir@", self.dir.name))
        for name, text in (("index.txt", ""), ("serial", "1000\n")):
            with open(self(name), "w", encoding="ascii") as file:
                file.write(text)
        self.key("ec.key", "EC", "ec_paramgen_curve:P-256")
        for name in ("ca", "stranger"):
            self.key(name + ".key", "EC", "ec_paramgen_curve:P-256")
            self.root(name, name, "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def __call__(self, name):
        return os.path.join(self.dir.name, name)

    def openssl(self, *words):
        done = subprocess.run(["openssl", *words], cwd=self.dir.name, capture_output=True, timeout=60)
        assert done.returncode == 0, (words, done.stderr)

    def key(self, file, kind, option):
        self.openssl("genpkey", "-algorithm", kind, "-pkeyopt", option, "-out", file)

    def root(self, name, subject, *more):
        self.openssl("req", "-x509", "-new", "-key", name + ".key", "-out", name + ".pem", "-days", "3650", "-subj", "/CN=" + subject, *more)

    def issue(self, name, san=f"DNS:{HOST}", issuer="ca", cn=None, key="ec.key", eku="serverAuth", days=ALWAYS, md="sha256",
              extensions=(), signer=None):
        signer = signer or ("ec.key" if issuer not in ("ca", "stranger") else issuer + ".key")
        lines = [f"subjectAltName={san}"] * bool(san) + [f"extendedKeyUsage={eku}"] * bool(eku) + list(extensions)
        with open(self(name + ".ext"), "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
        subject = f"/CN={cn if cn is not None else name}"
        self.openssl("req", "-new", "-key", key, "-out", name + ".csr", "-subj", "/" if cn == "" else subject, "-config", "ca.cnf")
        self.openssl("ca", "-batch", "-notext", "-config", "ca.cnf", "-in", name + ".csr", "-out", name + ".pem", "-extfile", name + ".ext",
                     "-cert", issuer + ".pem", "-keyfile", signer, "-startdate", days[0], "-enddate", days[1], "-md", md)
        return name

    def intermediate(self, name, *extensions, issuer="ca", key="ec.key"):
        return self.issue(name, san="", eku="", issuer=issuer, cn=name, key=key,
                          extensions=("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign", *extensions))

    def close(self):
        self.dir.cleanup()


class Server:
    """An `openssl s_server`, which prints what it decrypts; `www`: that answers instead."""

    def __init__(self, pki, certificate, *options, key="ec.key", chain=(), www=False):
        command = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", pki(certificate + ".pem"), "-key", pki(key), *options]
        if chain:
            with open(pki(certificate + ".chain"), "w", encoding="ascii") as file:
                file.write("".join(servers.read(pki(name + ".pem")) for name in chain))
            command += ["-cert_chain", pki(certificate + ".chain")]
        if www:
            command += ["-www"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=pki.dir.name)
        self.port = None
        self.said = b""
        while self.port is None:
            line = self.process.stdout.readline()
            self.said += line
            if not line:
                self.said += self.process.stderr.read()
                break
            accepts = re.match(rb"ACCEPT .*:(\d+)\n", line)
            self.port = int(accepts[1]) if accepts else None
        self.readers = [threading.Thread(target=self.read, args=(pipe,)) for pipe in (self.process.stdout, self.process.stderr)]
        for reader in self.readers:
            reader.start()

    def read(self, pipe):
        for part in iter(lambda: pipe.read1(4096), b""):
            self.said += part

    def end(self):
        """What it said in its life."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        for reader in self.readers:
            reader.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
        return self.said


# What pester makes of it: the error and the exit status.
BAD = ("PESTER_ECERTIFICATE", 60)
NO_TLS = ("PESTER_ETLS", 35)


class TlsFaults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pki = Pki()
        cls.addClassCleanup(cls.pki.close)

    def server(self, *arguments, **more):
        server = Server(self.pki, *arguments, **more)
        self.addCleanup(server.end)
        return server

    def ask(self, server, *options, host=HOST):
        return run(PESTER, "--json", "-4", "--max-attempts", "1", "-m", "15", "--resolve", f"{host}:{server.port}:127.0.0.1",
                   "--cacert", self.pki("ca.pem"), *options, f"https://{host}:{server.port}/secret")

    def expect(self, fault, *words, options=(), host=HOST, server=(), sent=False, **more):
        """The server of `server` and `more` is refused as `fault` says, with `words`, and was told nothing."""
        name, status = fault
        peer = self.server(*server, **more)
        self.assertIsNotNone(peer.port, peer.said)
        done = self.ask(peer, *options, host=host)
        said = peer.end()
        found, = read_documents(done.stdout.decode())
        told = done.stderr.decode()
        self.assertEqual((found["error"] or {}).get("name"), name, told)
        self.assertEqual(done.returncode, status, told)
        for word in words:
            self.assertIn(word, told)
        if not sent:
            self.assertEqual(found["attempts"][0]["delivery"], "unsent")
        self.assertNotIn(b"/secret", said)
        return told

    def accept(self, *options, host=HOST, server=(), **more):
        peer = self.server(*server, www=True, **more)
        self.assertIsNotNone(peer.port, peer.said)
        found, = documents(self.ask(peer, *options, host=host))
        self.assertEqual(found["response"]["status"], 200)
        return found["attempts"][0]["tls"]

    # ---- certificates

    def test_a_good_certificate_is_accepted(self):
        self.pki.issue("good")
        self.accept(server=["good"])

    def test_each_fault_of_a_certificate_is_named(self):
        issue = self.pki.issue
        self.pki.key("self.key", "EC", "ec_paramgen_curve:P-256")
        self.pki.root("self", HOST, "-addext", f"subjectAltName=DNS:{HOST}")
        self.pki.key("rsa1024.key", "RSA", "rsa_keygen_bits:1024")
        self.pki.key("rsa512.key", "RSA", "rsa_keygen_bits:512")
        staple = "tlsfeature=status_request"
        table = [
            # certificate, what is said of it, further words, options of the server
            (issue("expired", days=("20200101000000Z", "20200201000000Z")), "is expired", [], []),
            (issue("future", days=("20980101000000Z", "20991231000000Z")), "is not yet valid", [], []),
            (issue("elsewhere", san="DNS:other.example,DNS:www.other.example"), "is not for this host", ["other.example"], []),
            (issue("nosan", san="", cn=HOST), "is not for this host", [], []),
            (issue("noname", san="", cn=""), "is not for this host", [], []),
            (issue("address", san="IP:127.0.0.1"), "is not for this host", ["127.0.0.1"], []),
            (issue("wild", san="DNS:*"), "is not for this host", [], []),
            (issue("stranger_s", issuer="stranger"), "is not issued by a trusted CA", [], []),
            ("self", "is not issued by a trusted CA", [], ["-key", self.pki("self.key")]),
            (issue("client", eku="clientAuth"), "is not for TLS servers (extended key usage)", [], []),
            (issue("sha1", md="sha1"), "is signed with a weak hash", [], WEAK),
            (issue("rsa1024", key="rsa1024.key"), "is made with a weak key", [], [*WEAK, "-key", self.pki("rsa1024.key")]),
            # The server itself cannot sign with so short a key, but by what RSA did before.
            (issue("rsa512", key="rsa512.key"), "is made with a weak key", [],
             ["-tls1_2", "-cipher", "AES128-SHA:AES256-SHA:@SECLEVEL=0", "-key", self.pki("rsa512.key")]),
            (issue("staple", extensions=[staple]), "must-staple", ["only good with a stapled OCSP answer"], []),
            (issue("staple2", extensions=["1.3.6.1.5.5.7.1.24=DER:30:03:02:01:11"]), "must-staple", [], []),
            (issue("staple3", extensions=["1.3.6.1.5.5.7.1.24=DER:05:00"]), "must-staple", [], []),
            (issue("many", san="DNS:other.example", days=("20200101000000Z", "20200201000000Z"), issuer="stranger"),
             "is not issued by a trusted CA, not for this host, expired", [], []),
            (issue("critical", extensions=["1.2.3.4=critical,ASN1:NULL"]), f"the certificate of {HOST}: ", [], []),
            (issue("staple4", extensions=["tlsfeature=critical,status_request"]), f"the certificate of {HOST}: ", [], []),
        ]
        for name, said, words, options in table:
            with self.subTest(name):
                self.expect(BAD, said, HOST, *words, server=[name, *options])

    def test_a_signature_by_md5_is_weak(self):
        self.pki.key("md5_ca.key", "RSA", "rsa_keygen_bits:2048")
        self.pki.intermediate("md5_ca", key="md5_ca.key")
        self.pki.issue("md5", issuer="md5_ca", signer="md5_ca.key", md="md5")
        self.expect(BAD, "signed with a weak hash", server=["md5", *WEAK], chain=["md5_ca"])

    def test_a_feature_other_than_stapling_is_no_fault(self):
        self.pki.issue("feature", extensions=["1.3.6.1.5.5.7.1.24=DER:30:03:02:01:17"])  # extended master secret
        self.accept(server=["feature"])

    def test_each_fault_of_a_chain_is_named(self):
        pki = self.pki
        pki.intermediate("middle")
        pki.issue("below", issuer="middle")
        self.accept(server=["below"], chain=["middle"])
        self.expect(BAD, "is not issued by a trusted CA", server=["below"])  # the intermediate is missing
        pki.issue("leaf")
        pki.issue("below_leaf", issuer="leaf")
        self.expect(BAD, "is not issued by a trusted CA", server=["below_leaf"], chain=["leaf"])
        pki.intermediate("short", "basicConstraints=critical,CA:TRUE,pathlen:0")
        pki.intermediate("shorter", issuer="short")
        pki.issue("too_deep", issuer="shorter")
        self.expect(BAD, "is not issued by a trusted CA", server=["too_deep"], chain=["shorter", "short"])
        # Name constraints are not known to mbedTLS, and refused where they are critical, as they must be.
        pki.intermediate("constrained", "nameConstraints=critical,permitted;DNS:other.example")
        pki.issue("outside", issuer="constrained")
        self.expect(BAD, f"the certificate of {HOST}", server=["outside"], chain=["constrained"])

    def test_what_is_not_checked(self):
        """Revocation, and name constraints that are not critical: documented, and seen here when that changes."""
        pki = self.pki
        pki.issue("revoked")
        pki.openssl("ca", "-config", "ca.cnf", "-revoke", "revoked.pem", "-cert", "ca.pem", "-keyfile", "ca.key")
        self.accept(server=["revoked"])
        pki.intermediate("loose", "nameConstraints=permitted;DNS:other.example")
        pki.issue("outside_loose", issuer="loose")
        self.accept(server=["outside_loose"], chain=["loose"])

    def test_wildcards_are_for_one_label(self):
        self.pki.issue("wildcard", san="DNS:*.example.test")
        self.accept(server=["wildcard"], host="a.example.test")
        for host in ("a.b.example.test", "example.test"):
            self.expect(BAD, "is not for this host", "*.example.test", server=["wildcard"], host=host)

    def test_a_pinned_key_is_asked_for(self):
        self.pki.issue("pinned")
        der = subprocess.run(["openssl", "pkey", "-in", self.pki("ec.key"), "-pubout", "-outform", "DER"], capture_output=True, check=True).stdout
        digest = subprocess.run(["openssl", "dgst", "-sha256", "-binary"], input=der, capture_output=True, check=True).stdout
        pin = subprocess.run(["openssl", "base64", "-A"], input=digest, capture_output=True, check=True).stdout.decode()
        other = "sha256//" + "A" * 43 + "="
        self.accept("--pinnedpubkey", f"{other};sha256//{pin}", server=["pinned"])
        self.expect(("PESTER_EPIN", 90), "none of the pinned ones", HOST, options=["--pinnedpubkey", other], server=["pinned"])
        # A pin excuses nothing.
        self.pki.issue("pinned_late", days=("20200101000000Z", "20200201000000Z"))
        self.expect(BAD, "expired", options=["--pinnedpubkey", f"sha256//{pin}"], server=["pinned_late"])

    def test_unverified_all_of_it_passes(self):
        self.pki.issue("awry", san="DNS:other.example", issuer="stranger", days=("20200101000000Z", "20200201000000Z"))
        self.accept("-k", server=["awry"])

    # ---- versions and ciphers

    def test_versions(self):
        self.pki.issue("versions")
        newest = self.accept(server=["versions"])["version"]
        self.assertEqual(self.accept(server=["versions", "-tls1_2"])["version"], "TLSv1.2")
        if newest == "TLSv1.3":
            self.assertEqual(self.accept(server=["versions", "-tls1_3"])["version"], "TLSv1.3")
            self.expect(NO_TLS, "version", server=["versions", "-tls1_2"], options=["--tlsv1.3"])
        else:  # mbedTLS 2.28 has no more, and says what is the matter
            self.expect(NO_TLS, "the server wants another TLS version", server=["versions", "-tls1_3"])
        for old in ("-tls1", "-tls1_1"):
            with self.subTest(old):
                self.expect(NO_TLS, "version", server=["versions", old, *WEAK])

    def test_weak_ciphers_are_not_spoken(self):
        self.pki.key("rsa.key", "RSA", "rsa_keygen_bits:2048")
        self.pki.issue("rsa", key="rsa.key")
        with open(self.pki("dh1024.pem"), "w", encoding="ascii") as file:
            file.write(DH_1024)
        key = ("-key", self.pki("rsa.key"))
        self.accept(server=["rsa", *key, "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"])
        weak = ["NULL-SHA256", "NULL-MD5", "ECDHE-RSA-NULL-SHA", "AECDH-NULL-SHA", "ADH-AES128-SHA256", "AECDH-AES128-SHA",
                "RC4-SHA", "ECDHE-RSA-RC4-SHA", "DES-CBC3-SHA", "DES-CBC-SHA", "EXP-RC4-MD5"]
        asked = 0
        for cipher in weak:
            with self.subTest(cipher):
                if subprocess.run(["openssl", "ciphers", cipher + ":@SECLEVEL=0"], capture_output=True).returncode != 0:
                    continue  # this OpenSSL cannot speak it, either
                asked += 1
                self.expect(NO_TLS, "handshake failure: no common parameters", server=["rsa", *key, "-tls1_2", "-cipher", cipher + ":@SECLEVEL=0"])
        self.assertGreaterEqual(asked, 6)
        ephemeral = ["rsa", *key, "-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0"]
        self.accept(server=ephemeral)  # of 2048 bits
        small = self.expect(NO_TLS, server=[*ephemeral, "-dhparam", self.pki("dh1024.pem")])
        self.assertRegex(small, "an unusable key exchange message|an illegal value in a handshake message")  # 2.28, 3.6

    # ---- client certificates

    def test_a_client_certificate_is_shown_where_it_is_asked_for(self):
        pki = self.pki
        pki.issue("server")
        pki.issue("me", san="", eku="clientAuth")
        pki.issue("foreign", san="", eku="clientAuth", issuer="stranger")
        pki.openssl("ec", "-in", "ec.key", "-aes128", "-passout", "pass:secret", "-out", "locked.key")
        asks = ["server", "-Verify", "1", "-CAfile", pki("ca.pem"), "-verify_return_error"]
        self.accept("-E", pki("me.pem"), "--key", pki("ec.key"), server=asks)
        self.accept("-E", pki("me.pem") + ":secret", "--key", pki("locked.key"), server=asks)
        self.accept("-E", pki("me.pem"), "--key", pki("ec.key"), server=["server"])  # not asked for: not shown
        self.accept(server=["server", "-verify", "1", "-CAfile", pki("ca.pem")])  # asked for, and not needed

    def test_each_fault_with_a_client_certificate_is_named(self):
        pki = self.pki
        pki.issue("server2")
        pki.issue("me2", san="", eku="clientAuth")
        pki.key("other.key", "EC", "ec_paramgen_curve:P-256")
        pki.openssl("ec", "-in", "ec.key", "-aes128", "-passout", "pass:secret", "-out", "locked2.key")
        own = ("PESTER_ECLIENTCERT", 58)
        for options, words in (
                (["-E", pki("none.pem"), "--key", pki("ec.key")], ["none.pem", "no such file"]),
                (["-E", pki("me2.pem"), "--key", pki("none.key")], ["none.key", "no such file"]),
                (["-E", pki("me2.pem"), "--key", pki("other.key")], ["other.key", "does not belong to"]),
                (["-E", pki("me2.pem"), "--key", pki("locked2.key")], ["locked2.key", "encrypted and no password"]),
                (["-E", pki("me2.pem") + ":wrong", "--key", pki("locked2.key")], ["locked2.key", "password does not open"])):
            with self.subTest(words[0] + " " + words[1]):
                self.expect(own, *words, options=options, server=["server2"])

    def test_a_refused_client_certificate_is_told(self):
        """In TLS 1.3 the client is done before the server has looked: then the refusal comes instead of the answer. Over
        loopback the server's end may overtake its alert."""
        pki = self.pki
        pki.issue("server3")
        pki.issue("foreign3", san="", eku="clientAuth", issuer="stranger")
        asks = ["server3", "-Verify", "1", "-CAfile", pki("ca.pem"), "-verify_return_error"]
        for options in ([], ["-E", pki("foreign3.pem"), "--key", pki("ec.key")]):
            peer = self.server(*asks)
            done = self.ask(peer, *options)
            found, = read_documents(done.stdout.decode())
            self.assertIn(found["error"]["name"], ("PESTER_ETLS", "PESTER_ETLSDATA", "UV_ECONNRESET", "PESTER_EEMPTY"))
            if found["error"]["name"].startswith("PESTER_ETLS"):
                self.assertRegex(done.stderr.decode(), "certificate")
            self.assertNotIn(b"/secret", peer.end())

    # ---- no TLS at all, and secrets

    def test_a_server_of_plain_http_is_told(self):
        class Plain:
            def __init__(self, test):
                self.socket = socket.create_server(("127.0.0.1", 0))
                test.addCleanup(self.socket.close)
                self.port = self.socket.getsockname()[1]
                threading.Thread(target=self.serve, daemon=True).start()

            def serve(self):
                try:
                    peer, _ = self.socket.accept()
                    peer.recv(4096)
                    peer.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                    peer.recv(4096)
                    peer.close()
                except OSError:
                    pass
        done = self.ask(Plain(self))
        self.assertEqual(done.returncode, 35)
        self.assertIn(b"may not speak TLS here", done.stderr)

    def test_the_key_log_has_what_the_server_wrote(self):
        self.pki.issue("logged")
        for by_environment in (False, True):
            ours, theirs = self.pki(f"ours{by_environment}.log"), self.pki(f"theirs{by_environment}.log")
            server = self.server("logged", "-keylogfile", theirs, www=True)
            url = f"https://{HOST}:{server.port}/"
            words = ["-4", "-o", os.devnull, "--resolve", f"{HOST}:{server.port}:127.0.0.1", "--cacert", self.pki("ca.pem"), url]
            if by_environment:
                done = run(PESTER, *words, env={"SSLKEYLOGFILE": ours})
            else:
                done = run(PESTER, "--tls-keylog", ours, *words, env={"SSLKEYLOGFILE": self.pki("unused.log")})
            self.assertEqual(done.returncode, 0, done.stderr)
            lines = servers.read(ours).splitlines()
            self.assertGreaterEqual(len(lines), 1)
            written = servers.read(theirs).splitlines()
            for line in lines:
                self.assertIn(line, written)
            self.assertEqual(os.stat(ours).st_mode & 0o777, 0o600)
        self.assertFalse(os.path.exists(self.pki("unused.log")))
        done = run(PESTER, "--tls-keylog", self.dir_that_is_not(), "https://127.0.0.1:1/")
        self.assertEqual(done.returncode, 23)
        self.assertIn(b"cannot write", done.stderr)
        server = self.server("logged", www=True)
        done = run(PESTER, "-k", "-o", os.devnull, f"https://127.0.0.1:{server.port}/", env={"SSLKEYLOGFILE": self.dir_that_is_not()})
        self.assertEqual(done.returncode, 0, done.stderr)

    def dir_that_is_not(self):
        return self.pki("none/key.log")


if __name__ == "__main__":
    servers.main("PESTER", needs=("openssl",))

# SPDX-License-Identifier: MIT
"""What the peer tests stand on: servers on ports of their own with their files in a directory of their own,
ended by their process, and the commands run to their end. It claims nothing itself and knows no test."""

import collections
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SUPPORT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support")
STARTS = 10  # a port that was free a moment ago may be taken by now


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


class Listener:
    """Listens on a port of its own, and hands each connection to `serve` on a thread of its own."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def close(self):
        """The descriptor is given back last: a thread on its way into accept() would take the connections of
        whoever gets that number next."""
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(20)
        self.socket.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.begin(connection)

    def begin(self, connection):
        threading.Thread(target=self.serve, args=(connection,), daemon=True).start()


def until(claim, seconds=10.0, why=lambda: ""):
    """Waits until `claim` gives something true, and returns it."""
    end = time.monotonic() + seconds
    while True:
        found = claim()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {why()}")
        time.sleep(0.01)


def read(path):
    try:
        with open(path, encoding="latin-1") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def main(*names, needs=()):
    """Runs the calling module's tests. The paths of `names` come as arguments and become its globals; without a
    program of `needs` all of it is skipped (77), as on a machine where that server is not installed."""
    for program in needs:
        if find(program) is None:
            print(f"skipped: {program} is not installed")
            sys.exit(77)
    for name in names:
        setattr(sys.modules["__main__"], name, os.path.abspath(sys.argv.pop(1)))
    unittest.main(verbosity=1)


def find(program):
    """Servers are often in sbin, which an ordinary user's PATH has not."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/sbin")


def run(command, *arguments, stdin=b"", env=None, timeout=40, **more):
    """A command, run to its end. A sanitizer's report is a failure whatever the test looks at."""
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment["LC_ALL"] = "C.UTF-8"
    environment.update(env or {})
    done = subprocess.run([command, *arguments], input=stdin, capture_output=True, timeout=timeout,
                          env=environment, **more)
    assert b"Sanitizer" not in done.stderr and b"runtime error" not in done.stderr, done.stderr
    return done


def documents(done):
    """The JSON documents of `pester --json`: one over many lines, or one a line."""
    assert done.returncode == 0, (done.returncode, done.stderr, done.stdout)
    return read_documents(done.stdout.decode())


def read_documents(text):
    found, decoder = [], json.JSONDecoder()
    while text:
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:].lstrip()
    return found


class Pki:
    """The throw-away certificates of test/support/make_pki.sh: `pki("good.pem")`."""

    def __init__(self):
        self.dir = tempfile.TemporaryDirectory()
        subprocess.run(["sh", os.path.join(SUPPORT, "make_pki.sh"), self.dir.name], check=True, timeout=60)

    def __call__(self, name):
        return os.path.join(self.dir.name, name)

    def close(self):
        self.dir.cleanup()


class Flaky:
    """A running pester-flaky; its log is a file, so that nobody has to read along."""

    def __init__(self, command, *options):
        self.dir = tempfile.TemporaryDirectory()
        self.log_path = os.path.join(self.dir.name, "log")
        self.process = subprocess.Popen([command, "--log", self.log_path, "--until-eof", "--seed", "1", *options],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.line = self.process.stdout.readline().strip()
        self.started = time.monotonic()
        assert self.line.startswith("listening "), self.line
        self.url = self.line.partition(" ")[2]
        self.port = int(self.line.rpartition(":")[2])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        status = self.process.wait(20)
        self.process.stdout.close()
        self.dir.cleanup()
        assert status == 0, f"pester-flaky ended with {status}"

    def log(self):
        return read(self.log_path)

    def logged(self, text, seconds=5):
        until(lambda: text in self.log(), seconds, lambda: f"not logged: {text}\n{self.log()}")

    def requests(self):
        """(connection, "GET /path") of each request that was read, in order."""
        return [(int(n), what) for n, what in re.findall(r"connection (\d+) request \d+: (\S+ [^\s,]+)", self.log())]


class Daemon:
    """A server that reads a configuration and writes a log of requests: the common part of nginx and haproxy."""

    def __init__(self, configuration, ports):
        self.dir = tempfile.TemporaryDirectory()
        self.process = None
        for _ in range(STARTS):
            self.ports = {name: free_port() for name in ports}
            text = configuration.replace("@dir@", self.dir.name)
            for name, port in self.ports.items():
                text = text.replace(f"@{name}@", str(port))
            with open(self.path("conf"), "w", encoding="utf-8") as file:
                file.write(text)
            if self.start():
                return
        self.dir.cleanup()
        raise AssertionError("no start: the port was always taken")

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def launch(self, command, is_up, said):
        """True when it is up, False when its port was taken."""
        with open(self.path("out"), "ab") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            if until(lambda: self.process.poll() is not None or is_up()) and self.process.poll() is None:
                return True
        except AssertionError:
            self.end()
            raise AssertionError(f"not up: {command[0]}\n{said()}") from None
        text = said()
        assert "ddress already in use" in text, f"{command[0]} ended with {self.process.returncode}\n{text}"
        return False

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
        self.dir.cleanup()

    def url(self, path="/", port="port", scheme="http", host="127.0.0.1"):
        return f"{scheme}://{host}:{self.ports[port]}{path}"

    def entries(self):
        """The log so far, an Entry a line."""
        lines = [line.split("|") for line in read(self.path("access")).splitlines()]
        return [self.Entry(*line) for line in lines if len(line) == len(self.Entry._fields)]

    def wait_for(self, count):
        """The log once it has `count` entries: a line may be written after the answer was read."""
        found = until(lambda: len(self.entries()) >= count and self.entries(), 10, lambda: self.entries())
        assert len(found) == count, f"{len(found)} entries, not {count}: {found}"
        return found


NGINX = """
@user@
daemon off; worker_processes 1; pid @dir@/pid; error_log @dir@/error info;
events { worker_connections 256; }
http {
  log_format entry '$connection|$connection_requests|$request_method|$uri|$status|$body_bytes_sent|$ssl_protocol|$ssl_session_reused|$pid';
  access_log @dir@/access entry;
  client_body_temp_path @dir@/t1; proxy_temp_path @dir@/t2; fastcgi_temp_path @dir@/t3;
  uwsgi_temp_path @dir@/t4; scgi_temp_path @dir@/t5;
  types { text/plain txt; text/html html; }
  default_type application/octet-stream;
  keepalive_requests 100000; keepalive_timeout 30s; lingering_timeout 1s; lingering_time 2s;
  @http@
}
"""


class Nginx(Daemon):
    """nginx with the given `http` part; @dir@ and the names of `ports`, as in @port@, are filled in."""

    Entry = collections.namedtuple("Entry", "connection number method path status bytes protocol reused pid")

    def __init__(self, http, ports=("port",)):
        # Root would hand its workers to a user who may not enter the temporary directory.
        user = "user root root;" if os.geteuid() == 0 else ""
        super().__init__(NGINX.replace("@user@", user).replace("@http@", http), ports)

    def start(self):
        def said():
            return read(self.path("error")) + read(self.path("out"))

        # The pid is written once the sockets listen.
        return self.launch([find("nginx"), "-e", self.path("error"), "-p", self.dir.name, "-c", self.path("conf")],
                           lambda: read(self.path("pid")).strip() == str(self.process.pid), said)


HAPROXY = """
global
  log stdout format raw local0
  maxconn 200
defaults
  mode http
  log global
  log-format "%cp|%s|%ST|%tsc|%HM|%HP"
  retries 0
  timeout connect 1s
  timeout client 10s
  timeout server 10s
"""


class Haproxy(Daemon):
    """haproxy with the given frontends and backends; the names of `ports`, as in @port@, are filled in. A port
    that nothing of it listens on may stand for a backend that is away."""

    Entry = collections.namedtuple("Entry", "client_port server status end method path")

    def __init__(self, sections, ports=("port",)):
        super().__init__(HAPROXY + sections, ports)

    def start(self):
        def is_up():
            try:
                with socket.create_connection(("127.0.0.1", self.ports["port"]), timeout=1):
                    return True
            except OSError:
                return False

        def said():
            return read(self.path("out"))

        return self.launch([find("haproxy"), "-db", "-f", self.path("conf")], is_up, said)

    def entries(self):
        lines = [line.split("|") for line in read(self.path("out")).splitlines()]
        # What came without a request is is_up's knock.
        return [self.Entry(*line) for line in lines if len(line) == 6 and line[4] != "<BADREQ>"]


class Driver:
    """The program peer_client on pester.h: a line in is a deed, a line out is a request's end. One client, so what
    a request leaves behind is there for the next."""

    def __init__(self, command, *options):
        self.process = subprocess.Popen([command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.errors = b""
        self.reader = threading.Thread(target=self.read_errors, daemon=True)
        self.reader.start()

    def read_errors(self):
        self.errors = self.process.stderr.read()

    def tell(self, *lines):
        self.process.stdin.write(("\n".join(lines) + "\n").encode())
        self.process.stdin.flush()

    def ended(self):
        line = self.process.stdout.readline()
        assert line, self.errors
        return json.loads(line)

    def ask(self, *lines):
        """The last of `lines` is the one whose answer is wanted."""
        self.tell(*lines)
        return self.ended()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.stdin.close()
        try:
            status = self.process.wait(20)
        finally:
            self.process.kill()
            self.reader.join(20)
            self.process.stdout.close()
            self.process.stderr.close()
        if kind is None:
            assert status == 0 and b"Sanitizer" not in self.errors, (status, self.errors)

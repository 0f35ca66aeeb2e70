#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bodies on their way down: a gibibyte in constant memory to a program that takes it in more slowly than the
server gives it. Usage: test_download.py DOWNLOAD_CLIENT. The server is a few lines of sockets below, which count
how often they had to wait for the client."""

import os
import select
import socket
import threading
import unittest
import zlib

import servers
from servers import run

DOWNLOAD_CLIENT = ""
MEBIBYTE = 1 << 20


class Server:
    """Answers one request with `mebibytes` pieces, no two alike: framed by a length, in chunks, or as one short gzip."""

    def __init__(self, mebibytes, form):
        self.mebibytes, self.form = mebibytes, form
        self.sent, self.checksum, self.waits = 0, zlib.adler32(b""), 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        connection, _ = self.socket.accept()
        with connection, connection.makefile("rb") as file:
            while file.readline() not in (b"\r\n", b""):
                pass
            connection.setblocking(False)
            (self.send_coded if self.form == "gzip" else self.send_plain)(connection)

    def count(self, piece):
        self.checksum = zlib.adler32(piece, self.checksum)
        self.sent += len(piece)

    def send_plain(self, connection):
        chunked = self.form == "chunked"
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % (self.mebibytes * MEBIBYTE)
        self.send(connection, b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")
        noise = memoryview(os.urandom(MEBIBYTE + self.mebibytes))
        for i in range(self.mebibytes):
            piece = noise[i:i + MEBIBYTE]
            if chunked:
                self.send(connection, b"%x\r\n" % len(piece))
            self.send(connection, piece)
            if chunked:
                self.send(connection, b"\r\n")
            self.count(piece)
        if chunked:
            self.send(connection, b"0\r\n\r\n")

    def send_coded(self, connection):
        coder, coded = zlib.compressobj(6, wbits=31), b""
        for i in range(self.mebibytes):
            piece = bytes([i % 251]) * MEBIBYTE
            coded += coder.compress(piece)
            self.count(piece)
        coded += coder.flush()
        self.send(connection, b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (
            len(coded), coded))

    def send(self, connection, data):
        data = memoryview(data)
        while data:
            try:
                data = data[connection.send(data):]
            except BlockingIOError:
                self.waits += 1
                select.select([], [connection], [], 60)


class MemoryTest(unittest.TestCase):
    def check(self, mebibytes, form):
        server = Server(mebibytes, form)
        self.addCleanup(server.socket.close)
        # AddressSanitizer keeps what was freed and every frame of the stack for a while: no growth of the program's.
        asan = os.environ.get("ASAN_OPTIONS", "") + (":quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
                                                     ":detect_stack_use_after_return=0")
        decode = ["decode"] if form == "gzip" else []
        done = run(DOWNLOAD_CLIENT, server.url, *decode, env={"ASAN_OPTIONS": asan}, timeout=150)
        status, taken, checksum, pauses, growth_kib = map(int, done.stdout.split())
        server.thread.join(20)
        self.assertEqual((status, taken, checksum), (200, server.sent, server.checksum), done.stderr)
        self.assertEqual(server.sent, mebibytes * MEBIBYTE)
        self.assertEqual(pauses, mebibytes // 8)
        # The server was held up, in each of the longer rests at least: it could not have sent all of it and left.
        if form != "gzip":
            self.assertGreaterEqual(server.waits, pauses // 8)
        self.assertLessEqual(growth_kib, 2048)
        print(f"{mebibytes} MiB: {growth_kib} KiB more, {pauses} pauses, the server waited {server.waits} times")

    def test_a_gibibyte_comes_down_in_constant_memory_though_the_program_is_slow(self):
        self.check(1024, "length")

    # All of it lies in the client's socket at once: what is held back is the decoder.
    def test_what_a_decoder_makes_of_little_is_held_back(self):
        self.check(256, "gzip")

    def test_chunks_are_held_back_as_well(self):
        self.check(128, "chunked")


if __name__ == "__main__":
    servers.main("DOWNLOAD_CLIENT")

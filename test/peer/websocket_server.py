# SPDX-License-Identifier: MIT
"""A WebSocket server (RFC 6455) that says back what it hears, over TCP or TLS, with faults on demand. Each
connection is a thread. Knows text, ping and close frames, whole, of less than 64 KiB."""

import base64
import hashlib
import socket
import ssl
import struct
import threading

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class WebSocketServer:
    """`faults`: what the first connections do instead of switching: a status, "wrong accept" or "cut"."""

    def __init__(self, *faults, pings=False, certificate=None, key=None):
        self.faults = list(faults)
        self.pings = pings
        self.heads = []
        self.masked = True
        self.closed = []  # the codes of goodbyes
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}/chat"
        self.threads = []
        self.acceptor = threading.Thread(target=self.accept)
        self.acceptor.start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.acceptor.join()
        self.listener.close()
        for thread in self.threads:
            thread.join()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.threads.append(threading.Thread(target=self.serve, args=(sock,)))
            self.threads[-1].start()

    def serve(self, sock):
        sock.settimeout(20)
        try:
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            with sock, sock.makefile("rb") as stream:
                while self.handshake(sock, stream):
                    pass
        except (OSError, EOFError):
            pass

    def handshake(self, sock, stream):
        """True when the connection goes on with HTTP."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                return False
            head += line
        self.heads.append(head.decode())
        fields = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:-2])
        key = [line for line in head.decode().split("\r\n") if line.lower().startswith("sec-websocket-key: ")][0].split(": ")[1]
        fault = self.faults.pop(0) if self.faults else None
        if fault == "cut":
            return False
        if isinstance(fault, int):
            sock.sendall(f"HTTP/1.1 {fault} No\r\nContent-Length: 0\r\n\r\n".encode())
            return True
        assert fields["upgrade"] == "websocket" and fields["connection"] == "upgrade"
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        if fault == "wrong accept":
            accept = accept[::-1]
        answer = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        # The first frame goes out with the head.
        sock.sendall(answer.encode() + (self.frame(PING, b"there?") if self.pings else b""))
        self.talk(sock, stream)
        return False

    @staticmethod
    def frame(kind, payload):
        size = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + struct.pack(">H", len(payload))
        return bytes([0x80 | kind]) + size + payload

    def talk(self, sock, stream):
        while True:
            first, second = self.take(stream, 2)
            size = second & 127
            if size == 126:
                size, = struct.unpack(">H", self.take(stream, 2))
            self.masked &= second >= 128
            mask = self.take(stream, 4)
            payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(self.take(stream, size)))
            if first & 15 == CLOSE:
                self.closed.append(struct.unpack(">H", payload[:2])[0])
                sock.sendall(self.frame(CLOSE, payload))
                return
            if first & 15 == PONG:
                assert payload == b"there?"
                self.pings = False
            if first & 15 == TEXT:
                sock.sendall(self.frame(TEXT, payload))

    @staticmethod
    def take(stream, size):
        data = stream.read(size)
        if len(data) != size:
            raise EOFError
        return data

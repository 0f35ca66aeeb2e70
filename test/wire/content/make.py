#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the coded bodies beside this file by other programs than the library: Python's zlib, and the commands
brotli and zstd. Their bytes may differ from version to version, so what was made is kept."""
import gzip
import pathlib
import random
import struct
import subprocess
import zlib

HERE = pathlib.Path(__file__).parent
WORDS = "the request lane attempt exchange backoff hedge budget breaker origin endpoint pool winner loser body head"
SKIPPABLE = bytes.fromhex("502a4d18 03000000 616263")  # a zstd frame that says nothing


def lines(size):
    dice, out, n = random.Random(5), "", 0
    while len(out) < size:
        n += 1
        out += f"{n}. " + " ".join(dice.choice(WORDS.split()) for _ in range(dice.randint(3, 11))) + "\n"
    return out.encode()[:size]


def by(*command):
    return lambda data: subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def bare(data):
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflate.compress(data) + deflate.flush()


def with_all_of_a_header(data):
    head = b"\x1f\x8b\x08" + bytes([2 | 4 | 8 | 16]) + b"\0\0\0\0\0\x03" + struct.pack("<H", 6) + b"AB\x02\x00xy"
    head += b"name\0" + b"a comment\0"
    head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    return head + bare(data) + struct.pack("<II", zlib.crc32(data), len(data))


gz = lambda data: gzip.compress(data, 9, mtime=0)
br = by("brotli", "-c", "-q", "9", "-")
zst = by("zstd", "-c", "-19", "-q")
text = lines(1200)
for name, data in {
        "text": text,
        "text.gz": gz(text),
        "header.gz": with_all_of_a_header(text),
        "members.gz": gz(text[:500]) + gz(b"") + gz(text[500:]),
        "text.zlib": zlib.compress(text, 9),
        "text.deflate": bare(text),
        "text.br": br(text),
        "text.zst": zst(text),
        "frames.zst": zst(text[:500]) + SKIPPABLE + zst(text[500:]),
        "text.gz.br": br(gz(text)),
        "text.zst.gz": gz(zst(text)),
        "zeros.br": br(bytes(64 << 20)),
        "five": gz(zlib.compress(br(zst(gz(text)))))}.items():
    (HERE / name).write_bytes(data)

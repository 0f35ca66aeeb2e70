#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The program of docs/guide/metrics.md in front of a server that fails at first, its figures read by Prometheus's own
parser of OpenMetrics. Usage: test_openmetrics.py METRICS"""

import subprocess
import threading
import unittest
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families

import servers

METRICS = ""


class Server(servers.Listener):
    """The first two answers are 503. None comes before `go` is set."""

    def __init__(self):
        self.go, self.statuses = threading.Event(), [503, 503]
        super().__init__()

    def serve(self, connection):
        with connection, connection.makefile("rb") as requests:
            while requests.readline():
                while requests.readline() not in (b"\r\n", b""):
                    pass
                self.go.wait(20)
                status = self.statuses.pop(0) if self.statuses else 200
                connection.sendall(b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\nhello" % status)


class OpenMetricsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        server = Server()
        cls.addClassCleanup(server.close)
        with subprocess.Popen([METRICS, server.url + "/"], stdout=subprocess.PIPE, text=True) as program:
            url = program.stdout.readline().strip()
            cls.while_live = cls.scrape(url)
            server.go.set()
            assert program.stdout.readline() == "done\n"
            cls.at_end = cls.scrape(url)
            assert program.wait(20) == 0

    @staticmethod
    def scrape(url):
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=20) as answer:
            assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
            text = answer.read().decode()
        return {family.name: family for family in text_string_to_metric_families(text)}

    def value(self, family, sample="", **labels):
        found = [s.value for s in self.at_end[family].samples
                 if s.name == family + sample and s.labels == {"client": "example", **labels}]
        self.assertEqual(len(found), 1, (family, sample, labels))
        return found[0]

    def test_what_is_under_way_is_told(self):
        live, = (s.value for s in self.while_live["http_client_active_requests"].samples)
        self.assertEqual(live, 1)

    def test_counters_say_what_happened(self):
        for name, value in {"requests_started": 5, "requests_done": 5, "exchanges": 7, "retries": 2}.items():
            self.assertEqual(self.value("pester_client_" + name, "_total"), value, name)
        self.assertEqual(self.value("http_client_active_requests"), 0)
        self.assertGreater(self.value("pester_client_bytes_received", "_total"), 5 * len("hello"))

    def test_connections_are_told_by_state_and_reason(self):
        opened = self.value("pester_client_connections_opened", "_total")
        open_now = sum(self.value("http_client_open_connections", http_connection_state=state)
                       for state in ("active", "idle"))
        closed = sum(s.value for s in self.at_end["pester_client_connections_closed"].samples)
        self.assertEqual(opened, open_now + closed)
        self.assertEqual(self.value("http_client_open_connections", http_connection_state="idle"), 1)

    def test_histograms_are_cumulative_and_in_seconds(self):
        for family, count, least in (("pester_client_request_duration_seconds", 5, 2 * 0.02),
                                     ("http_client_request_duration_seconds", 7, 0),
                                     ("pester_client_backoff_duration_seconds", 2, 2 * 0.02)):
            self.assertEqual(self.at_end[family].type, "histogram")
            self.assertEqual(self.value(family, "_count"), count)
            self.assertGreaterEqual(self.value(family, "_sum"), least)
            buckets = [s.value for s in self.at_end[family].samples if s.name.endswith("_bucket")]
            self.assertEqual(buckets, sorted(buckets))
            self.assertEqual(buckets[-1], count)

    def test_a_scrape_disturbs_nothing_and_counters_grow(self):
        self.assertEqual(self.while_live.keys(), self.at_end.keys())
        for name, family in self.while_live.items():
            if family.type == "counter":
                for before, after in zip(family.samples, self.at_end[name].samples):
                    self.assertEqual((before.name, before.labels), (after.name, after.labels))
                    self.assertLessEqual(before.value, after.value)


if __name__ == "__main__":
    servers.main("METRICS")

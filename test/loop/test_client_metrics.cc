// SPDX-License-Identifier: MIT
// Claims about what a client measures: each request, exchange and wait is in its histogram once, with
// the length that its result tells; and every metric has a name, which the document explains.
#include <fstream>
#include <sstream>

#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;
int64_t request_ns, exchanges_ns;

int begin(void**) {
  c.begin();
  outcome = {};
  request_ns = exchanges_ns = 0;
  outcome.at_done = [](const pester_result_t* result) {
    request_ns += pester_result_duration_ns(result);
    for (size_t i = 0; i < pester_result_exchange_count(result); ++i) {
      pester_exchange_t exchange;
      (void)pester_result_exchange(result, i, &exchange);
      exchanges_ns += exchange.ended_ns - exchange.started_ns;
    }
  };
  return 0;
}

pester_histogram_t histogram_of(int which) {
  pester_histogram_t histogram;
  assert_int_equal(pester_client_histogram(c.client, which, &histogram), 0);
  uint64_t counted = 0;
  for (size_t i = 0; i < histogram.bucket_count; ++i) counted += histogram.counts[i];
  assert_int_equal(counted, histogram.count);
  return histogram;
}

void get_once() {
  outcome.done = 0;
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  assert_true(run_until_done(c, outcome));
}

void each_get_is_a_request_and_an_exchange(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("text");
  });
  assert_int_equal(c.open(), 0);
  for (int i = 0; i < 5; ++i) get_once();
  for (const int which : {PESTER_HISTOGRAM_REQUESTS, PESTER_HISTOGRAM_EXCHANGES}) {
    const pester_histogram_t histogram = histogram_of(which);
    assert_int_equal(histogram.count, 5);
    assert_int_equal(histogram.sum_ns, exchanges_ns);
    assert_true(histogram.min_ns > 0 && histogram.min_ns <= histogram.max_ns);
    assert_true(histogram.max_ns < histogram.sum_ns);
    const uint64_t median = pester_histogram_quantile_ns(&histogram, 500);
    assert_in_range(median, histogram.min_ns, histogram.max_ns);
    assert_int_equal(pester_histogram_quantile_ns(&histogram, 0), histogram.min_ns);
    assert_int_equal(pester_histogram_quantile_ns(&histogram, 1'000), histogram.max_ns);
  }
  assert_int_equal(histogram_of(PESTER_HISTOGRAM_BACKOFFS).count, 0);
  assert_int_equal(c.end(), 0);
}

void retries_and_their_waits_are_measured(void**) {
  c.policy.backoff = {PESTER_BACKOFF_CONSTANT, 20, 0, nullptr, nullptr};
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("text", c.server->count++ < 2 ? "503 Busy" : "200 OK");
  });
  assert_int_equal(c.open(), 0);
  get_once();
  const pester_histogram_t waits = histogram_of(PESTER_HISTOGRAM_BACKOFFS);
  assert_int_equal(waits.count, 2);
  assert_int_equal(waits.sum_ns, 40'000'000);
  assert_int_equal(waits.min_ns, 20'000'000);
  assert_int_equal(pester_histogram_quantile_ns(&waits, 500), 20'000'000);
  const pester_histogram_t exchanges = histogram_of(PESTER_HISTOGRAM_EXCHANGES);
  assert_int_equal(exchanges.count, 3);
  assert_int_equal(exchanges.sum_ns, exchanges_ns);
  const pester_histogram_t requests = histogram_of(PESTER_HISTOGRAM_REQUESTS);
  assert_int_equal(requests.count, 1);
  assert_true(requests.sum_ns >= 40'000'000 + exchanges.sum_ns);
  assert_int_equal(c.end(), 0);
}

void what_fails_or_is_cancelled_is_measured_too(void**) {
  c.policy.max_attempts = 1;
  c.serve([](Peer& peer) {
    if (c.server->count++ == 0) {
      peer.head();
      peer.reset();
    } else {
      peer.sees_close();
    }
  });
  assert_int_equal(c.open(), 0);
  get_once();
  assert_true(outcome.error != 0);
  outcome.done = 0;
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  assert_true(c.run_until([] { return c.server->count == 2; }));
  assert_int_equal(pester_cancel(c.client, outcome.id), 0);
  assert_true(run_until_done(c, outcome));
  assert_int_equal(histogram_of(PESTER_HISTOGRAM_REQUESTS).count, 2);
  assert_int_equal(histogram_of(PESTER_HISTOGRAM_EXCHANGES).count, 2);
  assert_int_equal(histogram_of(PESTER_HISTOGRAM_EXCHANGES).sum_ns, exchanges_ns);
  assert_int_equal(c.end(), 0);
}

void what_there_is_not_is_refused(void**) {
  assert_int_equal(c.open(), 0);
  pester_histogram_t histogram;
  assert_int_equal(pester_client_histogram(c.client, -1, &histogram), PESTER_EOPTION);
  assert_int_equal(pester_client_histogram(c.client, PESTER_HISTOGRAM_WAITS + 1, &histogram),
                   PESTER_EOPTION);
  assert_int_equal(pester_client_histogram(nullptr, 0, &histogram), UV_EINVAL);
  assert_int_equal(pester_client_histogram(c.client, 0, nullptr), UV_EINVAL);
  histogram = histogram_of(PESTER_HISTOGRAM_REQUESTS);
  assert_int_equal(histogram.count, 0);
  assert_int_equal(histogram.min_ns, 0);
  assert_int_equal(pester_histogram_quantile_ns(&histogram, 500), 0);
  assert_int_equal(pester_histogram_quantile_ns(nullptr, 500), 0);
  assert_null(pester_metric_name(-1));
  assert_null(pester_metric_name(PESTER_METRIC_COUNT));
  assert_int_equal(c.end(), 0);
}

void each_metric_has_a_name_that_the_document_explains(void**) {
  std::stringstream document;
  document << std::ifstream(PESTER_METRICS_DOCUMENT).rdbuf();
  bool explained = true;
  for (int i = 0; i < PESTER_METRIC_COUNT; ++i) {
    const std::string name = pester_metric_name(i);
    const bool known = name.starts_with("pester.client.") || name.starts_with("http.client.");
    explained = explained && known && document.str().find("`" + name + "`") != std::string::npos;
  }
  assert_true(explained);
  assert_string_equal(pester_metric_name(PESTER_METRIC_EXCHANGE_DURATION),
                      "http.client.request.duration");
  assert_string_equal(pester_metric_name(PESTER_METRIC_REQUESTS_LIVE), "http.client.active_requests");
  assert_string_equal(pester_metric_name(PESTER_METRIC_CONNECTIONS_OPEN),
                      "http.client.open_connections");
  assert_string_equal(pester_metric_name(PESTER_METRIC_CONNECTIONS_IDLE),
                      "http.client.open_connections");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(each_get_is_a_request_and_an_exchange, begin),
      cmocka_unit_test_setup(retries_and_their_waits_are_measured, begin),
      cmocka_unit_test_setup(what_fails_or_is_cancelled_is_measured_too, begin),
      cmocka_unit_test_setup(what_there_is_not_is_refused, begin),
      cmocka_unit_test(each_metric_has_a_name_that_the_document_explains),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}

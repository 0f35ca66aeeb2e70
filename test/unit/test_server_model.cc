// SPDX-License-Identifier: MIT
// Claims about the text of a server: what it means, and that whatever is not right is refused with the
// part it is in.
#include "sim/server_model.h"

#include <string>

#include "support/cmocka.h"

using namespace pester::sim;
using pester::core::Duration;
using Kind = FailureModel::Kind;
using Shape = LatencyModel::Shape;

namespace {

constexpr int64_t kMs = 1'000'000;

ServerModel model(const char* text) {
  std::string why;
  const std::optional<ServerModel> read = parse_server_model(text, &why);
  if (!read) fail_msg("%s: %s", text, why.c_str());
  return read.value();
}

void ranges_and_shares_make_a_mixture(void**) {
  const ServerModel it = model("95%:5-20ms,4.5%:200-500ms,0.5%:2s");
  assert_int_equal(it.latencies.size(), 3);
  assert_int_equal(it.latencies[0].share, 950'000);
  assert_int_equal(it.latencies[0].latency.from.ns, 5 * kMs);
  assert_int_equal(it.latencies[0].latency.to.ns, 20 * kMs);
  assert_int_equal(it.latencies[1].share, 45'000);
  assert_int_equal(it.latencies[2].share, 5'000);
  assert_int_equal(it.latencies[2].latency.from.ns, 2'000 * kMs);
  assert_int_equal(it.latencies[2].latency.to.ns, 2'000 * kMs);
  assert_true(it.errors.empty() && it.outages.empty() && !it.connect);
  assert_int_equal(it.capacity, 0);
}

void a_latency_alone_is_the_whole(void**) {
  assert_int_equal(model("1.5ms").latencies[0].share, kWhole);
  assert_int_equal(model("1.5ms").latencies[0].latency.from.ns, 1'500'000);
  assert_int_equal(model("100%:7us").latencies[0].latency.from.ns, 7'000);
  assert_int_equal(model("900ms-2s").latencies[0].latency.from.ns, 900 * kMs);
  assert_int_equal(model("0.5-2m").latencies[0].latency.from.ns, 30'000 * kMs);
}

void shapes_have_names(void**) {
  const ServerModel it = model("50%:exp:20ms,50%:lognormal:10ms:80ms");
  assert_true(it.latencies[0].latency.shape == Shape::exponential);
  assert_int_equal(it.latencies[0].latency.from.ns, 20 * kMs);
  assert_true(it.latencies[1].latency.shape == Shape::lognormal);
  assert_int_equal(it.latencies[1].latency.from.ns, 10 * kMs);
  assert_int_equal(it.latencies[1].latency.to.ns, 80 * kMs);
}

void failures_have_kinds(void**) {
  const ServerModel it =
      model("5ms,errors=1%:503,errors=2%:429:1-2ms,errors=0.1%:reset,errors=0.2%:hang");
  assert_int_equal(it.errors.size(), 4);
  assert_int_equal(it.errors[0].share, 10'000);
  assert_true(it.errors[0].failure.kind == Kind::status && !it.errors[0].failure.latency);
  assert_int_equal(it.errors[0].failure.status, 503);
  assert_int_equal(it.errors[1].failure.status, 429);
  assert_int_equal(it.errors[1].failure.latency->to.ns, 2 * kMs);
  assert_true(it.errors[2].failure.kind == Kind::reset);
  assert_int_equal(it.errors[2].share, 1'000);
  assert_true(it.errors[3].failure.kind == Kind::hang);
}

void outages_are_in_order(void**) {
  const ServerModel it = model("outage=30-40s:503:1ms,5ms,outage=10s-20s:refuse,outage=20s-30s:hang");
  assert_int_equal(it.outages.size(), 3);
  assert_int_equal(it.outages[0].from.ns, 10'000 * kMs);
  assert_int_equal(it.outages[0].to.ns, 20'000 * kMs);
  assert_true(it.outages[0].failure.kind == Kind::refuse);
  assert_true(it.outages[1].failure.kind == Kind::hang);
  assert_int_equal(it.outages[2].from.ns, 30'000 * kMs);
  assert_int_equal(it.outages[2].failure.status, 503);
}

void limits_are_numbers(void**) {
  const ServerModel it = model("5ms,capacity=64,queue=0,connect=1-3ms,retry-after=2s");
  assert_int_equal(it.capacity, 64);
  assert_int_equal(it.queue, 0);
  assert_int_equal(it.retry_after_s, 2);
  assert_int_equal(it.connect->from.ns, 1 * kMs);
  assert_int_equal(it.connect->to.ns, 3 * kMs);
  assert_true(model("5ms,capacity=1").queue == UINT32_MAX);
}

void a_capacity_can_be_another_for_a_while(void**) {
  const ServerModel it = model("5ms,capacity=100,capacity=60s-70s:10,capacity=20-30s:50");
  assert_int_equal(it.capacity, 100);
  assert_int_equal(it.capacity_changes.size(), 2);
  assert_int_equal(it.capacity_changes[0].from.ns, 20'000 * kMs);
  assert_int_equal(it.capacity_changes[0].to.ns, 30'000 * kMs);
  assert_int_equal(it.capacity_changes[0].capacity, 50);
  assert_int_equal(it.capacity_changes[1].capacity, 10);
}

void what_is_not_right_is_refused_by_its_part(void**) {
  struct {
    const char* text;
    const char* why;
  } const cases[] = {
      {"", "part 1, '': it is empty"},
      {"5ms,", "part 2, '': it is empty"},
      {",5ms", "part 1, '': it is empty"},
      {"5", "part 1, '5': '5' is no duration such as 250us, 20ms or 1.5s"},
      {"5ms,x", "part 2, 'x': 'x' is no duration such as 250us, 20ms or 1.5s"},
      {" 5ms", "part 1, ' 5ms': ' 5ms' is no duration such as 250us, 20ms or 1.5s"},
      {"-5ms", "part 1, '-5ms': '' is no duration such as 250us, 20ms or 1.5s"},
      {"5-ms", "part 1, '5-ms': 'ms' is no duration such as 250us, 20ms or 1.5s"},
      {"1.2.3ms", "part 1, '1.2.3ms': '1.2.3ms' is no duration such as 250us, 20ms or 1.5s"},
      {".ms", "part 1, '.ms': '.ms' is no duration such as 250us, 20ms or 1.5s"},
      {"1e3ms", "part 1, '1e3ms': '1e3ms' is no duration such as 250us, 20ms or 1.5s"},
      {"infs", "part 1, 'infs': 'infs' is no duration such as 250us, 20ms or 1.5s"},
      {"1441m", "part 1, '1441m': '1441m' is longer than a day"},
      {"20-5ms", "part 1, '20-5ms': the range '20-5ms' ends before it begins"},
      {"exp:", "part 1, 'exp:': '' is no duration such as 250us, 20ms or 1.5s"},
      {"lognormal:5ms", "part 1, 'lognormal:5ms': lognormal has no 99th percentile (MEDIAN:P99)"},
      {"lognormal:0ms:5ms", "part 1, 'lognormal:0ms:5ms': the median of lognormal is nothing"},
      {"lognormal:6ms:5ms", "part 1, 'lognormal:6ms:5ms': the 99th percentile is below the median"},
      {"101%:5ms", "part 1, '101%:5ms': more than 100%"},
      {"0%:5ms", "part 1, '0%:5ms': a share of nothing"},
      {"95%5ms", "part 1, '95%5ms': no ':' behind the share"},
      {"95%:5ms", "the shares of the latencies do not sum up to 100%"},
      {"95%:5ms,6%:9ms", "the shares of the latencies do not sum up to 100%"},
      {"95%:5ms,9ms", "one of several latencies has no share such as 5%:"},
      {"capacity=5", "no latency: say how long an answer takes, such as 5-20ms"},
      {"5ms,error=1%:503",
       "part 2, 'error=1%:503': 'error' is not errors, outage, capacity, queue, connect or retry-after"},
      {"5ms,errors=503", "part 2, 'errors=503': no share such as 1%:503"},
      {"5ms,errors=1%:", "part 2, 'errors=1%:': '' is not a status, reset or hang"},
      {"5ms,errors=1%:refuse", "part 2, 'errors=1%:refuse': 'refuse' is not a status, reset or hang"},
      {"5ms,errors=1%:600", "part 2, 'errors=1%:600': '600' is not a whole number from 200 to 599"},
      {"5ms,errors=1%:50x", "part 2, 'errors=1%:50x': '50x' is not a whole number from 200 to 599"},
      {"5ms,errors=60%:503,errors=41%:500", "the shares of the errors sum up to more than 100%"},
      {"5ms,outage=10s:503", "part 2, 'outage=10s:503': no end (FROM-TO:KIND)"},
      {"5ms,outage=1-2s", "part 2, 'outage=1-2s': no kind (FROM-TO:KIND)"},
      {"5ms,outage=2-2s:hang", "part 2, 'outage=2-2s:hang': an outage of no length"},
      {"5ms,outage=1-2s:reset", "part 2, 'outage=1-2s:reset': 'reset' is not a status, refuse or hang"},
      {"5ms,outage=1-3s:503,outage=2-4s:hang", "two outages at the same time"},
      {"5ms,capacity=0", "part 2, 'capacity=0': '0' is not a whole number from 1 to 1000000"},
      {"5ms,capacity=1,capacity=2", "part 3, 'capacity=2': a second capacity"},
      {"5ms,capacity=5s:2", "part 2, 'capacity=5s:2': no end (FROM-TO:N)"},
      {"5ms,capacity=9,capacity=5-5s:2", "part 3, 'capacity=5-5s:2': a change of no length"},
      {"5ms,capacity=9,capacity=5-6s:0",
       "part 3, 'capacity=5-6s:0': '0' is not a whole number from 1 to 1000000"},
      {"5ms,capacity=5-6s:2", "a capacity for a while, and none else"},
      {"5ms,capacity=9,capacity=1-3s:2,capacity=2-4s:3", "two capacities for the same time"},
      {"5ms,queue=4", "a queue without a capacity"},
      {"5ms,retry-after=2", "part 2, 'retry-after=2': no whole seconds such as 2s"},
      {"5ms,retry-after=0.5s",
       "part 2, 'retry-after=0.5s': '0.5' is not a whole number from 1 to 86400"},
      {"5ms,connect=1ms,connect=2ms", "part 3, 'connect=2ms': a second connect"},
  };
  for (const auto& c : cases) {
    std::string why;
    if (parse_server_model(c.text, &why)) fail_msg("'%s' is accepted", c.text);
    assert_string_equal(why.c_str(), c.why);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(ranges_and_shares_make_a_mixture),
      cmocka_unit_test(a_latency_alone_is_the_whole),
      cmocka_unit_test(shapes_have_names),
      cmocka_unit_test(failures_have_kinds),
      cmocka_unit_test(outages_are_in_order),
      cmocka_unit_test(limits_are_numbers),
      cmocka_unit_test(a_capacity_can_be_another_for_a_while),
      cmocka_unit_test(what_is_not_right_is_refused_by_its_part),
  };
  const int failures = cmocka_run_group_tests_name("server_model", tests, nullptr, nullptr);
  return failures != 0;
}

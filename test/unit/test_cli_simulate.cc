// SPDX-License-Identifier: MIT
// Claims about `pester simulate`: what its command line means, what it refuses, and what table, document
// and picture look like.
#include "cli/simulate_options.h"

#include <pester/limits.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/command_error.h"
#include "cli/exit_code.h"
#include "cli/simulate_plot.h"
#include "cli/simulate_report.h"
#include "cli/simulate_timeline.h"
#include "support/cmocka.h"

using namespace pester::cli;

namespace {

SimulateLine parsed_line(std::vector<const char*> words) {
  words.insert(words.begin(), "simulate");
  return parse_simulate_line(static_cast<int>(words.size()), words.data());
}

SimulateOptions parsed(std::vector<const char*> words) {
  words.insert(words.begin(), {"--server", "5ms"});
  return parsed_line(std::move(words)).options;
}

// The text of the refusal, whose exit status is 2; "" when nothing was refused.
std::string refusal(std::vector<const char*> words) {
  try {
    parsed_line(std::move(words));
  } catch (const CommandError& error) {
    assert_int_equal(error.exit_status(), kExitUsage);
    return error.what();
  }
  return "";
}

bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

void defaults_are_10000_requests_32_at_once_of_the_default_policy(void**) {
  const SimulateOptions o = parsed({});
  assert_string_equal(o.server.c_str(), "5ms");
  assert_int_equal(o.requests, 10'000);
  assert_int_equal(o.parallel, 32);
  assert_int_equal(o.rate, 0);
  assert_int_equal(o.seeds, 5);
  assert_int_equal(o.seed, 1);
  assert_int_equal(o.policies.size(), 1);
  assert_string_equal(o.policies[0].name.c_str(), "defaults");
  assert_int_equal(o.policies[0].options.resilience.concurrency, 0);
  assert_int_equal(o.policies[0].options.resilience.max_attempts, 0);
}

void a_policy_is_written_as_the_command_writes_it(void**) {
  const SimulateOptions o = parsed({"--seed", "7", "--concurrency=3", "--hedge-after", "20ms", "-m", "2",
                                    "--idempotent", "-X", "POST", "--rate", "50"});
  const Options& policy = o.policies[0].options;
  assert_string_equal(o.policies[0].name.c_str(),
                      "--concurrency 3 --hedge-after 20ms --max-time 2 --idempotent --request POST");
  assert_int_equal(policy.resilience.concurrency, 3);
  assert_int_equal(policy.resilience.hedge_after_ms, 20);
  assert_int_equal(policy.connection.max_time_ms, 2'000);
  assert_true(policy.resilience.idempotent);
  assert_int_equal(o.seed, 7);
  assert_int_equal(o.rate, 50);
}

void the_limits_of_an_origin_are_a_part_of_the_policy(void**) {
  const SimulateOptions o =
      parsed({"--rate", "50", "--concurrency-limit", "gradient:2", "--rate-limit", "100/m:5",
              "--max-wait", "3s", "--compare", "--concurrency-limit aimd", "--timeline", "t.svg"});
  const LimiterWords& own = o.policies[0].options.resilience.limiter;
  assert_int_equal(o.rate, 50);
  assert_int_equal(own.kind, PESTER_LIMITER_GRADIENT);
  assert_int_equal(own.min, 2);
  assert_int_equal(own.rate, 100);
  assert_int_equal(own.rate_period_ms, 60'000);
  assert_int_equal(own.burst, 5);
  assert_int_equal(o.policies[0].options.resilience.max_wait_ms, 3'000);
  assert_int_equal(o.policies[1].options.resilience.limiter.kind, PESTER_LIMITER_AIMD);
  assert_int_equal(o.policies[1].options.resilience.limiter.rate, 0);
  assert_string_equal(o.timeline->c_str(), "t.svg");
  assert_int_equal(o.good_within_ms, 1'000);
}

void a_timeline_is_drawn_second_by_second(void**) {
  const std::string svg =
      timeline("a < b", {10, 20}, {{"one", {0, 150}, {9, 8}}, {"two", {1, 2}, {3, 4}}});
  assert_true(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
  assert_true(has(svg, "a &lt; b") && has(svg, ">one<") && has(svg, ">two<"));
  assert_true(has(svg, ">100 ms<") && has(svg, ">1 ms<") && has(svg, ">20<"));
  size_t lines = 0;
  for (size_t at = 0; (at = svg.find("<polyline", at)) != std::string::npos; ++at) ++lines;
  assert_int_equal(lines, 5);
  assert_true(svg == timeline("a < b", {10, 20}, {{"one", {0, 150}, {9, 8}}, {"two", {1, 2}, {3, 4}}}));
  assert_true(timeline("nothing", {}, {}).ends_with("</svg>\n"));
}

void what_is_compared_is_a_policy_of_its_own(void**) {
  const SimulateOptions o = parsed(
      {"--compare", "  --concurrency 2   --max-attempts 5", "--concurrency", "4", "--compare", ""});
  assert_int_equal(o.policies.size(), 3);
  assert_int_equal(o.policies[0].options.resilience.concurrency, 4);
  assert_string_equal(o.policies[1].name.c_str(), "--concurrency 2 --max-attempts 5");
  assert_int_equal(o.policies[1].options.resilience.concurrency, 2);
  assert_int_equal(o.policies[1].options.resilience.max_attempts, 5);
  assert_string_equal(o.policies[2].name.c_str(), "defaults");
  assert_int_equal(o.policies[2].options.resilience.concurrency, 0);
}

void what_makes_no_sense_is_refused_by_name(void**) {
  struct {
    std::vector<const char*> words;
    const char* why;
  } const cases[] = {
      {{}, "no server given; try 'pester simulate --help'"},
      {{"--server", "5ms", "x"}, "simulate has no place for 'x'"},
      {{"--server", "5ms", "--repeat", "3"}, "option --repeat: is unknown"},
      {{"--server", "5ms", "--fallback", "x"}, "option --fallback: is unknown"},
      {{"--server", "5ms", "--max-in-flight", "3"}, "option --max-in-flight: is unknown"},
      {{"--server", "5ms", "--resume", "3"}, "option --resume: is unknown"},
      {{"--server", "5ms", "--compare", "--eject on"},
       "option --compare '--eject on': option --eject: is unknown"},
      {{"--server", "5ms", "--rate-limit", "10"},
       "option --rate-limit: '10' has no unit of time: 10/s, 10/m, 10/h or 10/d"},
      {{"--server", "5ms", "--svg", "-", "--timeline", "-"},
       "only one of --svg and --timeline can go to standard output"},
      {{"--server", "5ms", "--good-within", "0ms"},
       "option --good-within: '0ms' is not a duration above 0 such as 500ms"},
      {{"--server", "5ms", "-o", "f"}, "option -o: is unknown"},
      {{"--server", "5ms", "--requests", "0"},
       "option --requests: '0' is not a whole number from 1 to 1000000"},
      {{"--server", "5ms", "--concurrency", "65"},
       "option --concurrency: '65' is not a whole number from 1 to 64"},
      {{"--server", "5ms", "--parallel", "2", "--rate", "3"},
       "only one of --parallel and --rate can be used"},
      {{"--server", "5ms", "--compare", "--seeds 3"},
       "option --compare '--seeds 3': option --seeds: is unknown"},
      {{"--server", "5ms", "--compare", "nothing"},
       "option --compare 'nothing': 'nothing' is no option"},
      {{"--server", "5ms", "--compare", "--help"},
       "option --compare '--help': only options of a policy have a place there"},
      {{"--server", "5ms", "--requests", "1000000", "--seeds", "51"},
       "more than 50000000 requests in all"},
  };
  for (const auto& c : cases) assert_string_equal(refusal(c.words).c_str(), c.why);
  std::vector<const char*> many = {"--server", "5ms"};
  for (int i = 0; i < 16; ++i) many.insert(many.end(), {"--compare", ""});
  assert_string_equal(refusal(many).c_str(), "more than 16 policies to compare");
}

void help_names_the_policys_options_and_its_own(void**) {
  const std::string text = parsed_line({"--help"}).text.value_or("");
  for (const char* option :
       {"--server", "--compare", "--svg", "--backoff", "--retry-on", "--max-time"}) {
    assert_true(has(text, option));
  }
  assert_false(has(text, "--repeat") || has(text, "--cacert") || has(text, "--cookie"));
}

// ---- output

std::vector<PolicyOutcome> two_outcomes() {
  PolicyOutcome slow, fast;
  slow.name = "defaults";
  slow.summary = {12'900'000, 19'200'000, 20'000'000, 438'400'000, 493'000'000, 31'000'000'000,
                  0.0125,     1,          0.0032,     500,         {}};
  slow.outcomes = {{"200", 9'875}, {"503", 125}};
  for (size_t i = 0; i < pester::sim::curve_ranks(10'000).size(); ++i) {
    slow.summary.curve_ns.push_back(5'000'000 + static_cast<int64_t>(i) * 5'000'000);
  }
  fast = slow;
  fast.name = "--retry-on +4xx<&>";
  fast.summary.sent = 1.0512;
  fast.summary.p50_ns = 8'230'000;
  return {slow, fast};
}

void the_table_has_a_line_for_each_policy(void**) {
  const SimulateOptions o = parsed({"--compare", ""});
  assert_string_equal(
      simulation_table(o, two_outcomes()).c_str(),
      "server: 5ms\n"
      "load:   10000 requests, 32 at once, 5 runs; times in ms, of each number the median\n"
      "\n"
      "      p50      p90      p95      p99    p99.9      max   errors    sent  conns  policy\n"
      "     12.9     19.2     20.0    438.4    493.0    31000   1.250%   1.000  0.003  defaults\n"
      "     8.23     19.2     20.0    438.4    493.0    31000   1.250%   1.051  0.003  --retry-on "
      "+4xx<&>\n"
      "\n"
      "sent, conns: requests sent and connections opened for each request\n");
  assert_true(has(simulation_table(parsed({"--rate", "9", "--seeds", "1"}), {}), "9 a second, 1 run;"));
}

void the_document_has_the_same_numbers(void**) {
  const auto read = nlohmann::json::parse(simulation_json(parsed({"--seeds", "3"}), two_outcomes()));
  assert_true(read["load"]["parallel"] == 32 && read["load"]["rate"].is_null());
  assert_true(read["load"]["seeds"] == 3);
  assert_int_equal(read["policies"].size(), 2);
  const auto& fast = read["policies"][1];
  assert_true(fast["options"] == "--retry-on +4xx<&>");
  assert_true(fast["latency_ms"]["p50"] == 8.23 && fast["latency_ms"]["max"] == 31'000);
  assert_true(fast["sent_per_request"] == 1.0512 && fast["errors"] == 0.0125);
  assert_true(fast["outcomes"]["503"] == 125);
}

size_t occurrences(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

void the_picture_has_a_curve_and_four_dots_for_each_policy(void**) {
  SimulateOptions o = parsed({});
  o.server = "5ms,<script>";
  const std::string svg = simulation_plot(o, two_outcomes());
  assert_true(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
  assert_int_equal(occurrences(svg, "<polyline "), 2);
  assert_int_equal(occurrences(svg, "<circle "), 8);
  assert_true(has(svg, ">99.99 %<") && has(svg, ">500 ms<"));
  assert_true(has(svg, "5ms,&lt;script&gt;") && !has(svg, "<script>"));
  assert_true(
      has(svg, "--retry-on +4xx&lt;&amp;&gt;: p99 438.4 ms, 1.051 sent for each, 1.25 % errors"));
  assert_false(has(svg, "nan") || has(svg, "inf"));
}

// A latency of nothing, one request only: logarithms have no end there.
void the_picture_is_whole_at_its_edges(void**) {
  std::vector<PolicyOutcome> outcomes = {two_outcomes()[0]};
  outcomes[0].summary = {};
  outcomes[0].summary.curve_ns.assign(1, 0);
  outcomes[0].summary.sent = 1;
  const std::string svg = simulation_plot(parsed({"--requests", "1"}), outcomes);
  assert_true(svg.ends_with("</svg>\n"));
  assert_false(has(svg, "nan") || has(svg, "inf"));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(defaults_are_10000_requests_32_at_once_of_the_default_policy),
      cmocka_unit_test(a_policy_is_written_as_the_command_writes_it),
      cmocka_unit_test(the_limits_of_an_origin_are_a_part_of_the_policy),
      cmocka_unit_test(a_timeline_is_drawn_second_by_second),
      cmocka_unit_test(what_is_compared_is_a_policy_of_its_own),
      cmocka_unit_test(what_makes_no_sense_is_refused_by_name),
      cmocka_unit_test(help_names_the_policys_options_and_its_own),
      cmocka_unit_test(the_table_has_a_line_for_each_policy),
      cmocka_unit_test(the_document_has_the_same_numbers),
      cmocka_unit_test(the_picture_has_a_curve_and_four_dots_for_each_policy),
      cmocka_unit_test(the_picture_is_whole_at_its_edges),
  };
  const int failures = cmocka_run_group_tests_name("cli_simulate", tests, nullptr, nullptr);
  return failures != 0;
}

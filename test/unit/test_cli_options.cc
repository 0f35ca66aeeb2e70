// SPDX-License-Identifier: MIT
// Claims about the command line: curl's habits, the order of data, and what is refused by name.
#include "cli/options.h"

#include <pester.h>

#include <cstring>
#include <string>
#include <vector>

#include "cli/command_error.h"
#include "cli/exit_code.h"
#include "cli/refusal.h"
#include "cli/report.h"
#include "support/cmocka.h"

using namespace pester::cli;

namespace {

Options parsed(std::vector<const char*> words) {
  words.insert(words.begin(), "pester");
  return parse_command_line(static_cast<int>(words.size()), words.data()).options;
}

// The text of the refusal, whose exit status is 2; "" when nothing was refused.
std::string refusal(std::vector<const char*> words) {
  try {
    parsed(std::move(words));
  } catch (const CommandError& error) {
    assert_int_equal(error.exit_status(), kExitUsage);
    return error.what();
  }
  return "";
}

bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

void defaults_are_the_contract(void**) {
  const Options o = parsed({"http://a/"});
  assert_string_equal(o.request.url.c_str(), "http://a/");
  assert_int_equal(o.resilience.concurrency, 0);  // as the policy has it
  assert_int_equal(o.resilience.max_attempts, 0);
  assert_false(o.resilience.backoff.has_value());
  assert_false(o.resilience.repeat.has_value());
  assert_int_equal(o.resilience.runs(), 1);
  assert_true(o.output.tells_errors());
}

void short_options_combine_and_take_attached_values(void**) {
  const Options o = parsed({"-sSfi", "-XPATCH", "-HA: b", "-ofile", "http://a/"});
  assert_true(o.output.silent && o.output.show_error && o.output.fail && o.output.include);
  assert_string_equal(o.request.method.c_str(), "PATCH");
  assert_string_equal(o.request.headers.at(0).c_str(), "A: b");
  assert_string_equal(o.output.output->c_str(), "file");
  const Options p = parsed({"-vo", "out", "http://a/"});
  assert_true(p.output.verbose);
  assert_string_equal(p.output.output->c_str(), "out");
}

void a_compressed_body_is_asked_for(void**) {
  assert_true(parsed({"--compressed", "http://a/"}).request.compressed);
  assert_false(parsed({"http://a/"}).request.compressed);
}

void a_url_may_stand_anywhere(void**) {
  assert_string_equal(parsed({"http://a/", "-H", "X: y", "-v"}).request.url.c_str(), "http://a/");
  assert_string_equal(parsed({"-H", "X: y", "http://a/", "-v"}).request.url.c_str(), "http://a/");
  assert_string_equal(parsed({"-v", "--", "http://a/"}).request.url.c_str(), "http://a/");
  assert_string_equal(parsed({"[::1]:80/x"}).request.url.c_str(), "[::1]:80/x");
}

void values_are_taken_as_they_stand(void**) {
  const Options o = parsed({"-d", "[1,2]", "-d", "", "-d", "-x", "-d", "{\"a\":\"%%\"}", "-d", "\"q\"",
                            "--retry-on", "-5xx", "--output=a=b", "http://a/"});
  assert_int_equal(o.request.data.size(), 5);
  assert_string_equal(o.request.data[0].value.c_str(), "[1,2]");
  assert_string_equal(o.request.data[1].value.c_str(), "");
  assert_string_equal(o.request.data[2].value.c_str(), "-x");
  assert_string_equal(o.request.data[3].value.c_str(), "{\"a\":\"%%\"}");
  assert_string_equal(o.request.data[4].value.c_str(), "\"q\"");
  assert_string_equal(o.resilience.retry_on->c_str(), "-5xx");
  assert_string_equal(o.output.output->c_str(), "a=b");
}

void data_keep_the_order_of_the_command_line(void**) {
  const Options o =
      parsed({"-d", "1", "--data-urlencode", "2", "--data", "3", "--data-binary", "4", "-d5", "a"});
  const DataPart::Kind kinds[] = {DataPart::Kind::data, DataPart::Kind::urlencode, DataPart::Kind::data,
                                  DataPart::Kind::binary, DataPart::Kind::data};
  assert_int_equal(o.request.data.size(), 5);
  for (size_t i = 0; i < 5; ++i) {
    assert_int_equal(o.request.data[i].kind, kinds[i]);
    assert_string_equal(o.request.data[i].value.c_str(), std::to_string(i + 1).c_str());
  }
}

void interfaces_and_addresses_are_told_apart_as_by_curl(void**) {
  const auto reads = [](const char* text, const char* interface, const char* address) {
    const Options o = parsed({"--interface", text, "a"});
    assert_string_equal(o.connection.interface.c_str(), interface);
    assert_string_equal(o.connection.local_address.c_str(), address);
  };
  reads("eth0", "eth0", "");
  reads("if!127.0.0.1", "127.0.0.1", "");
  reads("127.0.0.2", "", "127.0.0.2");
  reads("::1", "", "::1");
  reads("fe80::1%eth0", "", "fe80::1%eth0");
  reads("host!127.0.0.3", "", "127.0.0.3");
  const Options last = parsed({"--interface", "127.0.0.1", "--interface", "lo", "a"});
  assert_string_equal(last.connection.interface.c_str(), "lo");
  assert_string_equal(last.connection.local_address.c_str(), "");
}

void unix_sockets_and_servers_are_kept(void**) {
  assert_string_equal(parsed({"--unix-socket", "/run/x", "a"}).connection.unix_socket.c_str(), "/run/x");
  assert_string_equal(parsed({"--abstract-unix-socket", "x", "a"}).connection.unix_socket.c_str(), "@x");
  const Options o = parsed({"--dns-servers", "127.0.0.1:53,[::1]", "a"});
  assert_string_equal(o.connection.dns_servers.c_str(), "127.0.0.1:53,[::1]");
}

void the_last_of_repeated_options_holds(void**) {
  const Options o = parsed({"-X", "A", "-X", "B", "-m", "1", "-m", "2.5", "-4", "-6", "a"});
  assert_string_equal(o.request.method.c_str(), "B");
  assert_int_equal(o.connection.max_time_ms, 2500);
  assert_int_equal(o.connection.family, 6);
}

void resilience_is_read(void**) {
  const Options o = parsed({"--policy",
                            "pester",
                            "--concurrency",
                            "3",
                            "--max-attempts",
                            "5",
                            "--backoff",
                            "exponential-jitter:250ms:5m",
                            "--hedge-after",
                            "50ms",
                            "--retry-after",
                            "90s",
                            "--retry-on",
                            "5xx,+429",
                            "--idempotent",
                            "--retry-unsafe",
                            "--seed",
                            "7",
                            "--repeat",
                            "100",
                            "--parallel",
                            "10",
                            "a"});
  assert_int_equal(o.resilience.concurrency, 3);
  assert_int_equal(o.resilience.max_attempts, 5);
  assert_int_equal(o.resilience.backoff->kind, PESTER_BACKOFF_EXPONENTIAL_JITTER);
  assert_int_equal(o.resilience.backoff->base_ms, 250);
  assert_int_equal(o.resilience.backoff->cap_ms, 300'000);
  assert_int_equal(o.resilience.hedge_after_ms, 50);
  assert_int_equal(o.resilience.retry_after_max_ms, 90'000);
  assert_int_equal(o.resilience.hedge_per_mille, PESTER_NONE);
  assert_int_equal(parsed({"--hedge-after", "p95", "a"}).resilience.hedge_per_mille, 950);
  assert_int_equal(parsed({"--hedge-after", "p99.9", "a"}).resilience.hedge_per_mille, 999);
  assert_int_equal(parsed({"--policy", "standard", "a"}).resilience.policy, PESTER_POLICY_STANDARD);
  assert_int_equal(parsed({"--policy", "hedged", "a"}).resilience.policy, PESTER_POLICY_HEDGED);
  assert_int_equal(parsed({"--budget", "on", "a"}).resilience.budget, 1);
  assert_int_equal(parsed({"--breaker", "off", "a"}).resilience.breaker, PESTER_NONE);
  assert_int_equal(parsed({"--resume", "3", "a"}).resilience.max_resumes, 3);
  assert_int_equal(parsed({"--resume", "0", "a"}).resilience.max_resumes, PESTER_NONE);
  assert_int_equal(parsed({"a"}).resilience.max_resumes, 0);  // as the policy has it
  assert_int_equal(parsed({"--eject", "on", "a"}).resilience.endpoint_ejection, 1);
  assert_int_equal(parsed({"--eject", "off", "a"}).resilience.endpoint_ejection, PESTER_NONE);
  assert_int_equal(parsed({"--drain-losers", "0", "a"}).resilience.loser_drain_ms, PESTER_NONE);
  assert_int_equal(parsed({"--retry-after", "on", "a"}).resilience.retry_after_max_ms, 0);
  assert_int_equal(parsed({"--retry-after", "off", "a"}).resilience.retry_after_max_ms, PESTER_NONE);
  assert_string_equal(o.resilience.retry_on->c_str(), "5xx,+429");
  assert_true(o.resilience.idempotent && o.resilience.retry_unsafe);
  assert_true(*o.resilience.seed == 7 && o.resilience.runs() == 100 && o.resilience.parallel == 10);
}

void base_urls_keep_their_order_and_their_weights(void**) {
  const Options o = parsed({"--base-url", "http://a/v1", "--base-url-weight", "3", "--base-url",
                            "b:8080", "--base-url", "http://c;x=1", "--base-url-weight", "0", "/path"});
  assert_string_equal(o.request.url.c_str(), "/path");
  assert_int_equal(o.request.base_urls.size(), 3);
  assert_string_equal(o.request.base_urls[0].url.c_str(), "http://a/v1");
  assert_int_equal(o.request.base_urls[0].weight, 3);
  assert_string_equal(o.request.base_urls[1].url.c_str(), "b:8080");
  assert_int_equal(o.request.base_urls[1].weight, 0);
  assert_string_equal(o.request.base_urls[2].url.c_str(), "http://c;x=1");
  assert_int_equal(o.request.base_urls[2].weight, 0);
}

void with_base_urls_the_url_is_a_path(void**) {
  const std::string text = refusal({"--base-url", "http://a", "http://u:secret@b/"});
  assert_true(has(text, "--base-url") && has(text, "'http://b/'"));
  assert_false(has(text, "secret"));
  assert_true(has(refusal({"--base-url", "http://a", "x"}), "'x' is not a path"));
}

void limits_headers_and_a_fallback_are_read(void**) {
  const Options o = parsed({"--max-in-flight", "4", "--max-wait", "250ms", "--attempt-header", "X-N",
                            "--deadline-header", "X-Left", "--fallback", "", "--stats", "a"});
  assert_int_equal(o.resilience.max_in_flight, 4);
  assert_int_equal(o.resilience.max_wait_ms, 250);
  assert_string_equal(o.request.attempt_header->c_str(), "X-N");
  assert_string_equal(o.request.deadline_header->c_str(), "X-Left");
  assert_string_equal(o.request.fallback->c_str(), "");  // an empty one is one
  assert_true(o.output.stats);
  const Options plain = parsed({"a"});
  assert_int_equal(plain.resilience.max_in_flight, 0);
  assert_int_equal(plain.resilience.max_wait_ms, 0);
  assert_false(plain.request.attempt_header || plain.request.deadline_header || plain.request.fallback);
  assert_true(plain.request.base_urls.empty());
  assert_false(plain.output.stats);
}

void the_limits_of_an_origin_are_read(void**) {
  const LimiterWords full =
      parsed({"--concurrency-limit", "gradient:2:10:50", "--rate", "100/s:20", "a"}).resilience.limiter;
  assert_int_equal(full.kind, PESTER_LIMITER_GRADIENT);
  assert_int_equal(full.min, 2);
  assert_int_equal(full.initial, 10);
  assert_int_equal(full.max, 50);
  assert_int_equal(full.rate, 100);
  assert_int_equal(full.rate_period_ms, 1'000);
  assert_int_equal(full.burst, 20);
  const LimiterWords brief =
      parsed({"--concurrency-limit", "aimd", "--rate", "3/5m", "a"}).resilience.limiter;
  assert_int_equal(brief.kind, PESTER_LIMITER_AIMD);
  assert_int_equal(brief.min, 0);
  assert_int_equal(brief.rate, 3);
  assert_int_equal(brief.rate_period_ms, 300'000);
  assert_int_equal(brief.burst, 0);
  const LimiterWords off =
      parsed({"--concurrency-limit", "aimd:1:2:3", "--concurrency-limit", "none", "a"})
          .resilience.limiter;
  assert_false(off.any());
  assert_int_equal(parsed({"--rate", "1/d", "a"}).resilience.limiter.rate_period_ms, 86'400'000);
  assert_false(parsed({"a"}).resilience.limiter.any());
}

void a_proxy_is_told_with_its_credentials_and_exceptions(void**) {
  const Options o =
      parsed({"-x", "socks5h://p:1", "-U", "me:my:secret", "--noproxy", "a.test", "-p", "u"});
  assert_string_equal(o.connection.proxy->c_str(), "socks5h://p:1");
  assert_string_equal(o.connection.proxy_user->c_str(), "me:my:secret");
  assert_string_equal(o.connection.no_proxy->c_str(), "a.test");
  assert_true(o.connection.proxy_tunnel);
  const Options none = parsed({"-x", "", "u"});
  assert_true(none.connection.proxy.has_value() && none.connection.proxy->empty());
  assert_false(parsed({"u"}).connection.proxy.has_value());
}

void credentials_are_put_into_a_proxys_url(void**) {
  assert_string_equal(with_userinfo("http://p:1", "me:my:secret").c_str(), "http://me:my%3Asecret@p:1");
  assert_string_equal(with_userinfo("p:1", "m@e:").c_str(), "m%40e:@p:1");
  assert_string_equal(with_userinfo("socks5://old:one@p:1", "new:1").c_str(), "socks5://new:1@p:1");
}

void a_proxy_that_is_refused_is_told_without_its_password(void**) {
  const Options o = parsed({"-x", "ftp://me:secret@p", "u"});
  const std::string text = in_options("proxy.url: proxy, scheme at byte 0: ftp is none", o);
  assert_string_equal(text.c_str(), "option --proxy: 'ftp://p': proxy, scheme at byte 0: ftp is none");
  assert_string_equal(in_options("proxy.no_proxy: longer", o).c_str(), "option --noproxy: longer");
  assert_true(has(refusal({"-U", "a:b", "u"}), "--proxy-user needs a --proxy"));
  assert_true(has(refusal({"-x", "p", "-U", "secret", "u"}), "has no password"));
}

void relaxations_are_a_list_of_names(void**) {
  assert_int_equal(parsed({"a"}).request.lenient, 0);
  assert_int_equal(parsed({"--lenient", "obs-fold", "a"}).request.lenient, PESTER_LENIENT_OBS_FOLD);
  const Options all = parsed({"--lenient", "bare-lf,duplicate-length", "--lenient", "obs-fold", "a"});
  assert_int_equal(all.request.lenient,
                   PESTER_LENIENT_BARE_LF | PESTER_LENIENT_DUPLICATE_LENGTH | PESTER_LENIENT_OBS_FOLD);
  for (const char* bad : {"", "all", "obs-fold,", "bare_lf"}) {
    assert_true(has(refusal({"--lenient", bad, "a"}), "option --lenient"));
  }
}

void what_the_library_refuses_is_told_by_option_and_value(void**) {
  const Options o = parsed({"--base-url", "http://a", "--base-url", "http://u:secret@b/?q",
                            "--attempt-header", "X Y", "--deadline-header", "Host", "/"});
  assert_string_equal(in_options("base_urls, number 2: a query or fragment", o).c_str(),
                      "option --base-url: 'http://b/?q': a query or fragment");
  assert_string_equal(in_options("attempt_header: longer than 63 bytes", o).c_str(),
                      "option --attempt-header: 'X Y': longer than 63 bytes");
  assert_string_equal(in_options("deadline_header: no", o).c_str(),
                      "option --deadline-header: 'Host': no");
  assert_string_equal(in_options("retry_on: item 1 \"x\" is none", o).c_str(),
                      "option --retry-on: item 1 \"x\" is none");
  assert_string_equal(in_options("resolve \"x\": no host", o).c_str(),
                      "option --resolve: \"x\": no host");
  for (const char* other :
       {"retry_on", "max_idle_per_origin: negative", "base_urls, number 3: x", "base_urls, number 0: x",
        "base_urls, number x: y", "base_urls, number 1", ""}) {
    assert_string_equal(in_options(other, o).c_str(), other);
  }
}

void zero_attempts_mean_one(void**) {
  assert_int_equal(parsed({"--max-attempts", "0", "a"}).resilience.max_attempts, 1);
}

void a_backoff_of_nothing_is_none(void**) {
  assert_int_equal(parse_backoff("constant").base_ms, 0);  // the library's default of 1 s
  assert_int_equal(parse_backoff("constant").kind, PESTER_BACKOFF_CONSTANT);
  assert_int_equal(parse_backoff("constant:0ms").kind, PESTER_BACKOFF_NONE);
  assert_int_equal(parse_backoff("full-jitter:1s:0").kind, PESTER_BACKOFF_NONE);
  assert_int_equal(parse_backoff("none").kind, PESTER_BACKOFF_NONE);
}

void bad_values_name_option_and_value(void**) {
  struct Case {
    std::vector<const char*> words;
    const char *option, *value;
  };
  const Case cases[] = {
      {{"--concurrency", "0", "a"}, "--concurrency", "'0'"},
      {{"--concurrency", "65", "a"}, "--concurrency", "'65'"},
      {{"--max-attempts", "-1", "a"}, "--max-attempts", "'-1'"},
      {{"--backoff", "foo", "a"}, "--backoff", "'foo'"},
      {{"--backoff", "constant:1", "a"}, "--backoff", "'constant:1'"},
      {{"--backoff", "constant:1s:2s:3s", "a"}, "--backoff", "'constant:1s:2s:3s'"},
      {{"--backoff", "none:1s", "a"}, "--backoff", "'none:1s'"},
      {{"--backoff", "", "a"}, "--backoff", "''"},
      {{"-m", "soon", "a"}, "--max-time", "'soon'"},
      {{"--connect-timeout", "-1", "a"}, "--connect-timeout", "'-1'"},
      {{"--hedge-after", "10", "a"}, "--hedge-after", "'10'"},
      {{"--retry-after", "90", "a"}, "--retry-after", "'90'"},
      {{"--policy", "nice", "a"}, "--policy", "'nice'"},
      {{"--hedge-after", "p100", "a"}, "--hedge-after", "'p100'"},
      {{"--hedge-after", "p0", "a"}, "--hedge-after", "'p0'"},
      {{"--hedge-after", "p99.95", "a"}, "--hedge-after", "'p99.95'"},
      {{"--budget", "yes", "a"}, "--budget", "'yes'"},
      {{"--resume", "256", "a"}, "--resume", "'256'"},
      {{"--resume", "on", "a"}, "--resume", "'on'"},
      {{"--eject", "5", "a"}, "--eject", "'5'"},
      {{"--repeat", "0", "a"}, "--repeat", "'0'"},
      {{"--parallel", "x", "a"}, "--parallel", "'x'"},
      {{"--seed", "-3", "a"}, "--seed", "'-3'"},
      {{"--max-in-flight", "0", "a"}, "--max-in-flight", "'0'"},
      {{"--concurrency-limit", "vegas", "a"}, "--concurrency-limit", "neither gradient, aimd nor none"},
      {{"--concurrency-limit", "aimd:5:3", "a"}, "--concurrency-limit", "do not ascend"},
      {{"--concurrency-limit", "aimd:1:2:3:4", "a"}, "--concurrency-limit", "KIND[:MIN"},
      {{"--concurrency-limit", "none:1", "a"}, "--concurrency-limit", "KIND[:MIN"},
      {{"--concurrency-limit", "aimd:0", "a"}, "--concurrency-limit", "'aimd:0'"},
      {{"--rate", "10", "a"}, "--rate", "no unit of time"},
      {{"--rate", "10/w", "a"}, "--rate", "no unit of time"},
      {{"--rate", "0/s", "a"}, "--rate", "from 1 to 1000000"},
      {{"--rate", "5/2d", "a"}, "--rate", "more than a day"},
      {{"--rate", "5/s:0", "a"}, "--rate", "from 1 to 100000"},
      {{"--rate", "5/s:1:1", "a"}, "--rate", "N/UNIT[:BURST]"},
      {{"--max-in-flight", "few", "a"}, "--max-in-flight", "'few'"},
      {{"--max-wait", "0", "a"}, "--max-wait", "'0'"},
      {{"--max-wait", "10", "a"}, "--max-wait", "'10'"},
      {{"--base-url-weight", "3", "/"}, "--base-url-weight", "'3'"},
      {{"--base-url", "a", "--base-url-weight", "-1", "/"}, "--base-url-weight", "'-1'"},
  };
  for (const Case& c : cases) {
    const std::string text = refusal(c.words);
    if (!has(text, c.option) || !has(text, c.value)) fail_msg("%s: %s", c.option, text.c_str());
  }
}

void cookies_are_read_in_their_order(void**) {
  const Options o = parsed({"-b", "a=1", "--cookie", "file", "-b", "", "-c", "out", "-j", "u"});
  assert_int_equal(o.request.cookies.size(), 3);
  assert_string_equal(o.request.cookies[0].c_str(), "a=1");
  assert_string_equal(o.request.cookies[1].c_str(), "file");
  assert_string_equal(o.request.cookies[2].c_str(), "");
  assert_string_equal(o.request.cookie_jar->c_str(), "out");
  assert_true(o.request.junk_session_cookies);
  assert_false(parsed({"u"}).request.cookie_jar.has_value());
}

// curl's "." is what "-" does here: the loop goes on meanwhile.
void a_dot_is_standard_input_too(void**) {
  assert_string_equal(parsed({"-T", ".", "u"}).request.upload_file->c_str(), "-");
}

void sizes_are_bytes_or_multiples_of_1024(void**) {
  const auto read = [](const char* text) {
    return parsed({"--max-filesize", text, "a"}).request.max_body_bytes;
  };
  assert_int_equal(read("0"), 0);
  assert_int_equal(read("5000"), 5000);
  assert_int_equal(read("10k"), 10240);
  assert_int_equal(read("2M"), 2 << 20);
  assert_int_equal(read("1g"), 1 << 30);
}

void a_file_is_named_as_the_url_ends(void**) {
  const auto name = [](const char* url) { return *parsed({"-O", url}).output.output; };
  assert_string_equal(name("http://a/b/c.txt?d=/e#f").c_str(), "c.txt");
  assert_string_equal(name("a/b%2Fc").c_str(), "b%2Fc");
  assert_string_equal(name("http://a/-").c_str(), "./-");  // not standard output
}

void a_flag_takes_no_value(void**) {
  for (const char* flag : {"--json=pretty", "--silent=x", "--fail=99999999999999999999", "--json=1",
                           "--compressed=no", "--location=0"}) {
    assert_true(has(refusal({flag, "a"}), "takes no value"));
  }
}

// Not even where they are none, and for that are refused.
void what_could_be_a_secret_is_not_shown(void**) {
  for (const std::string& text :
       {refusal({"http://a/", "http://me:s3cret@b/"}), refusal({"http://a/", "http://me:s3/cret@b/"}),
        refusal({"--url", "http://a/", "--url", "http://me:s3cret@b/"}),
        refusal({"--base-url", "http://a", "http://me:s3/cret@b/"}),
        refusal({"-O", "-o", "x", "http://me:s3cret@b/"})}) {
    assert_false(text.empty());
    assert_false(has(text, "s3"));
  }
}

void nonsense_is_refused(void**) {
  assert_true(has(refusal({}), "no URL"));
  assert_true(has(refusal({"a", "b"}), "more than one URL"));
  assert_true(has(refusal({"--frobnicate", "a"}), "--frobnicate: is unknown"));
  assert_true(has(refusal({"-Z", "a"}), "-Z: is unknown"));
  assert_string_equal(refusal({"a", "-X"}).c_str(), "option --request: has no value");
  assert_true(has(refusal({"--retry", "3", "a"}), "--retry: is unknown; it tries 3 times"));
  assert_true(has(refusal({"-O", "-o", "x", "a/b"}), "only one of"));
  assert_true(has(refusal({"-G", "-T", "f", "a"}), "only one of"));
  assert_true(has(refusal({"-I", "-d", "x", "a"}), "only one of"));
  assert_true(has(refusal({"-T", "f", "-d", "x", "a"}), "only one of"));
  assert_true(has(refusal({"--json=no", "a"}), "--json"));
}

void passwords_are_not_shown(void**) {
  const std::string text = refusal({"-u", "secret", "a"});
  assert_true(has(text, "--user"));
  assert_false(has(text, "secret"));
}

void a_certificate_may_carry_its_password(void**) {
  const Options o = parsed({"-E", "c\\:\\\\a.pem:pa:ss", "a"});
  assert_string_equal(o.connection.cert_file.c_str(), "c:\\a.pem");
  assert_string_equal(o.connection.cert_password.c_str(), "pa:ss");
}

void help_and_version_are_texts(void**) {
  const char* help[] = {"pester", "--help"};
  const std::string text = *parse_command_line(2, help).text;
  for (const char* name :
       {"--base-url", "--backoff", "--waterfall", "--data-urlencode", "--connect-to", "--json"}) {
    assert_true(has(text, name));
  }
  const char* version[] = {"pester", "-V"};
  assert_string_equal(parse_command_line(2, version).text->c_str(), "pester " PESTER_VERSION "\n");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(defaults_are_the_contract),
      cmocka_unit_test(short_options_combine_and_take_attached_values),
      cmocka_unit_test(a_compressed_body_is_asked_for),
      cmocka_unit_test(a_url_may_stand_anywhere),
      cmocka_unit_test(values_are_taken_as_they_stand),
      cmocka_unit_test(data_keep_the_order_of_the_command_line),
      cmocka_unit_test(the_last_of_repeated_options_holds),
      cmocka_unit_test(resilience_is_read),
      cmocka_unit_test(base_urls_keep_their_order_and_their_weights),
      cmocka_unit_test(with_base_urls_the_url_is_a_path),
      cmocka_unit_test(limits_headers_and_a_fallback_are_read),
      cmocka_unit_test(the_limits_of_an_origin_are_read),
      cmocka_unit_test(a_proxy_is_told_with_its_credentials_and_exceptions),
      cmocka_unit_test(credentials_are_put_into_a_proxys_url),
      cmocka_unit_test(a_proxy_that_is_refused_is_told_without_its_password),
      cmocka_unit_test(relaxations_are_a_list_of_names),
      cmocka_unit_test(what_the_library_refuses_is_told_by_option_and_value),
      cmocka_unit_test(zero_attempts_mean_one),
      cmocka_unit_test(a_backoff_of_nothing_is_none),
      cmocka_unit_test(interfaces_and_addresses_are_told_apart_as_by_curl),
      cmocka_unit_test(unix_sockets_and_servers_are_kept),
      cmocka_unit_test(bad_values_name_option_and_value),
      cmocka_unit_test(cookies_are_read_in_their_order),
      cmocka_unit_test(a_dot_is_standard_input_too),
      cmocka_unit_test(sizes_are_bytes_or_multiples_of_1024),
      cmocka_unit_test(a_file_is_named_as_the_url_ends),
      cmocka_unit_test(a_flag_takes_no_value),
      cmocka_unit_test(what_could_be_a_secret_is_not_shown),
      cmocka_unit_test(nonsense_is_refused),
      cmocka_unit_test(passwords_are_not_shown),
      cmocka_unit_test(a_certificate_may_carry_its_password),
      cmocka_unit_test(help_and_version_are_texts),
  };
  const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
  return failures != 0;
}

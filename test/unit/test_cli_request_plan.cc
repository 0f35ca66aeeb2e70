// SPDX-License-Identifier: MIT
// Claims about the request that options make; the bodies were compared with curl 7.88's.
#include "cli/request_plan.h"

#include <string>

#include "cli/command_error.h"
#include "cli/exit_code.h"
#include "support/cmocka.h"

using namespace pester::cli;

namespace {

std::string fake_file(const std::string& path) {
  if (path == "f") return "a\r\nb\n";
  if (path == "-") return "standard input\n";
  if (path == "headers") return "A: 1\r\n\r\nB;\n";
  throw CommandError(kExitRead, "cannot read " + path);
}

using Kind = DataPart::Kind;

void expect_body(const std::vector<DataPart>& parts, const char* body) {
  assert_string_equal(join_data(parts, fake_file).c_str(), body);
}

void data_join_with_ampersands(void**) {
  expect_body({{Kind::data, "a"}}, "a");
  expect_body({{Kind::data, "a"}, {Kind::data, "b"}}, "a&b");
  expect_body({{Kind::data, "a"}, {Kind::data, ""}}, "a&");
  expect_body({{Kind::data, ""}, {Kind::data, "a"}}, "&a");
  expect_body({{Kind::data, "x"}, {Kind::urlencode, "y=1 2"}, {Kind::binary, "z"}}, "x&y=1+2&z");
}

void a_file_of_data_loses_its_line_ends_unless_binary(void**) {
  expect_body({{Kind::data, "@f"}}, "ab");
  expect_body({{Kind::binary, "@f"}}, "a\r\nb\n");
  expect_body({{Kind::binary, "@-"}}, "standard input\n");
}

void urlencode_has_five_forms(void**) {
  expect_body({{Kind::urlencode, "a b/\xc3\xbc"}}, "a+b%2F%C3%BC");
  expect_body({{Kind::urlencode, "=a b"}}, "a+b");
  expect_body({{Kind::urlencode, "n=a&b=c@d"}}, "n=a%26b%3Dc%40d");
  expect_body({{Kind::urlencode, "@f"}}, "a%0D%0Ab%0A");
  expect_body({{Kind::urlencode, "n@f"}}, "n=a%0D%0Ab%0A");
}

void an_unreadable_file_is_26(void**) {
  try {
    expect_body({{Kind::data, "@none"}}, "");
  } catch (const CommandError& error) {
    assert_int_equal(error.exit_status(), kExitRead);
    return;
  }
  fail_msg("nothing was thrown");
}

void the_method_follows_the_options(void**) {
  RequestOptions o;
  o.url = "a";
  assert_string_equal(plan_request(o, fake_file).method.c_str(), "GET");
  assert_false(plan_request(o, fake_file).body.has_value());
  o.head = true;
  assert_string_equal(plan_request(o, fake_file).method.c_str(), "HEAD");
  o.head = false;
  o.data = {{Kind::data, ""}};
  assert_string_equal(plan_request(o, fake_file).method.c_str(), "POST");
  assert_true(plan_request(o, fake_file).body->empty());
  o.method = "PATCH";
  assert_string_equal(plan_request(o, fake_file).method.c_str(), "PATCH");
}

void data_go_into_the_query_of_a_get(void**) {
  std::vector<DataPart> data = {{Kind::data, "x"}, {Kind::urlencode, "y=1 2"}};
  const auto url = [&data](const char* given) {
    RequestOptions o;
    o.url = given;
    o.get = true;
    o.data = data;
    const RequestPlan plan = plan_request(o, fake_file);
    assert_string_equal(plan.method.c_str(), "GET");
    assert_false(plan.body.has_value());
    assert_true(plan.headers.empty());
    return plan.url;
  };
  assert_string_equal(url("http://a/b").c_str(), "http://a/b?x&y=1+2");
  assert_string_equal(url("http://a/b?").c_str(), "http://a/b?x&y=1+2");
  assert_string_equal(url("http://a/b?c#d?e").c_str(), "http://a/b?c&x&y=1+2#d?e");
  assert_string_equal(url("http://a/b#d?e").c_str(), "http://a/b?x&y=1+2#d?e");
  data = {{Kind::data, ""}};
  assert_string_equal(url("http://a/b").c_str(), "http://a/b");
}

void headers_that_frame_a_body_become_what_they_ask_for(void**) {
  RequestOptions o;
  o.url = "a";
  o.headers = {"Transfer-Encoding: chunked", "Expect: 100-Continue", "Expect:", "X: y"};
  RequestPlan plan = plan_request(o, fake_file);
  assert_int_equal(plan.headers.size(), 4);  // of no body: the library's to refuse
  assert_false(plan.chunked || plan.expect);
  o.data = {{Kind::data, "x"}};
  plan = plan_request(o, fake_file);
  assert_true(plan.chunked && plan.expect);
  assert_int_equal(plan.headers.size(), 3);  // and Content-Type
}

void data_are_a_form_unless_said_otherwise(void**) {
  RequestOptions o;
  o.url = "a";
  o.data = {{Kind::data, "x"}};
  RequestPlan plan = plan_request(o, fake_file);
  assert_int_equal(plan.headers.size(), 1);
  assert_string_equal(plan.headers[0].name.c_str(), "Content-Type");
  assert_string_equal(plan.headers[0].value->c_str(), "application/x-www-form-urlencoded");
  o.headers = {"content-type: application/json"};
  plan = plan_request(o, fake_file);
  assert_int_equal(plan.headers.size(), 1);
  assert_string_equal(plan.headers[0].value->c_str(), "application/json");
  o.headers = {"Content-Type:"};
  plan = plan_request(o, fake_file);
  assert_int_equal(plan.headers.size(), 1);
  assert_false(plan.headers[0].value.has_value());
}

void headers_add_remove_and_empty(void**) {
  RequestOptions o;
  o.url = "a";
  o.headers = {"A:  b: c \t", "User-Agent:", "Accept;", "@headers"};
  const RequestPlan plan = plan_request(o, fake_file);
  assert_int_equal(plan.headers.size(), 5);
  assert_string_equal(plan.headers[0].name.c_str(), "A");
  assert_string_equal(plan.headers[0].value->c_str(), "b: c");
  assert_false(plan.headers[1].value.has_value());
  assert_string_equal(plan.headers[2].name.c_str(), "Accept");
  assert_string_equal(plan.headers[2].value->c_str(), "");
  assert_string_equal(plan.headers[3].value->c_str(), "1");
  assert_string_equal(plan.headers[4].name.c_str(), "B");
  o.headers = {"no colon"};
  try {
    plan_request(o, fake_file);
  } catch (const CommandError& error) {
    assert_int_equal(error.exit_status(), kExitUsage);
    return;
  }
  fail_msg("a header without colon passed");
}

void credentials_yield_to_a_header_given(void**) {
  RequestOptions o;
  o.url = "a";
  o.user = "Aladdin:open sesame";
  assert_string_equal(plan_request(o, fake_file).headers.at(0).value->c_str(),
                      "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  o.headers = {"authorization: mine"};
  assert_int_equal(plan_request(o, fake_file).headers.size(), 1);
  o.headers.clear();
  o.user.reset();
  o.bearer = "tok";
  assert_string_equal(plan_request(o, fake_file).headers.at(0).value->c_str(), "Bearer tok");
}

void a_url_without_scheme_is_http(void**) {
  assert_string_equal(with_scheme("localhost:80/x").c_str(), "http://localhost:80/x");
  assert_string_equal(with_scheme("a/?u=ftp://b").c_str(), "http://a/?u=ftp://b");
  assert_string_equal(with_scheme("HTTPS://a").c_str(), "HTTPS://a");
  assert_string_equal(with_scheme("ftp://a").c_str(), "ftp://a");
  assert_string_equal(with_scheme("://a").c_str(), "://a");
}

void an_upload_to_a_folder_takes_the_files_name(void**) {
  RequestOptions o;
  o.upload_file = "f";
  const auto url_for = [&o](const char* url) {
    o.url = url;
    return plan_request(o, fake_file).url;
  };
  assert_string_equal(url_for("http://h/").c_str(), "http://h/f");
  assert_string_equal(url_for("http://h").c_str(), "http://h/f");
  assert_string_equal(url_for("http://h?q=/").c_str(), "http://h/f?q=/");
  assert_string_equal(url_for("http://h/d/?q").c_str(), "http://h/d/f?q");
  assert_string_equal(url_for("http://h/x").c_str(), "http://h/x");
  const RequestPlan plan = plan_request(o, fake_file);
  assert_string_equal(plan.method.c_str(), "PUT");
  assert_string_equal(plan.upload_file->c_str(), "f");  // not read yet
  assert_false(plan.body.has_value());
  assert_true(plan.headers.empty());
}

void standard_input_has_no_name_for_a_folder(void**) {
  RequestOptions o;
  o.upload_file = "-";
  o.url = "http://h/";
  assert_string_equal(plan_request(o, fake_file).url.c_str(), "http://h/");
}

FormPart part_of(const char* text) {
  RequestOptions o;
  o.url = "a";
  o.form = {{text, false}};
  const RequestPlan plan = plan_request(o, fake_file);
  assert_string_equal(plan.method.c_str(), "POST");
  assert_false(plan.body.has_value());
  return plan.form.at(0);
}

void a_part_of_a_form_has_three_forms(void**) {
  FormPart part = part_of("a=b=c");
  assert_string_equal(part.name.c_str(), "a");
  assert_string_equal(part.value.c_str(), "b=c");
  assert_false(part.file || part.filename || part.type);
  part = part_of("a=<f");
  assert_string_equal(part.value.c_str(), "a\r\nb\n");
  assert_false(part.filename.has_value());
  part = part_of("a=@some/file");
  assert_string_equal(part.file->c_str(), "some/file");  // not read yet
  assert_false(part.filename.has_value());
  part = part_of("a=@-");
  assert_string_equal(part.value.c_str(), "standard input\n");
  assert_string_equal(part.filename->c_str(), "-");
}

void a_part_may_have_a_type_a_file_name_and_quotes(void**) {
  FormPart part = part_of("a=x;y;type=text/x;filename=n;type=z");
  assert_string_equal(part.value.c_str(), "x;y");
  assert_string_equal(part.type->c_str(), "z");
  assert_string_equal(part.filename->c_str(), "n");
  part = part_of("a=@\"f;type=\\\"x\\\\\";filename=\"n;1\"");
  assert_string_equal(part.file->c_str(), "f;type=\"x\\");
  assert_string_equal(part.filename->c_str(), "n;1");
  RequestOptions o;
  o.url = "a";
  o.form = {{"a=@\"f;type=x", true}};
  assert_string_equal(plan_request(o, fake_file).form.at(0).value.c_str(), "@\"f;type=x");
}

void what_is_no_part_of_a_form_is_usage(void**) {
  for (const char* text : {"a", "a=\"b", "a=\"b\"c"}) {
    RequestOptions o;
    o.url = "a";
    o.form = {{text, false}};
    try {
      (void)plan_request(o, fake_file);
      fail_msg("%s", text);
    } catch (const CommandError& error) {
      assert_int_equal(error.exit_status(), kExitUsage);
    }
  }
}

void base_urls_get_a_scheme_and_leave_the_path_alone(void**) {
  RequestOptions o;
  o.url = "/x?q";
  o.base_urls = {{"localhost:80/v1", 2}, {"https://b", 0}};
  RequestPlan plan = plan_request(o, fake_file);
  assert_string_equal(plan.url.c_str(), "/x?q");
  assert_int_equal(plan.base_urls.size(), 2);
  assert_string_equal(plan.base_urls[0].url.c_str(), "http://localhost:80/v1");
  assert_int_equal(plan.base_urls[0].weight, 2);
  assert_string_equal(plan.base_urls[1].url.c_str(), "https://b");
  o.upload_file = "f";
  const auto url_for = [&o](const char* url) {
    o.url = url;
    return plan_request(o, fake_file).url;
  };
  assert_string_equal(url_for("/").c_str(), "/f");
  assert_string_equal(url_for("/d/?q=/").c_str(), "/d/f?q=/");
  assert_string_equal(url_for("/x").c_str(), "/x");
}

void a_fallback_is_a_text_or_a_files_bytes(void**) {
  RequestOptions o;
  o.url = "a";
  assert_false(plan_request(o, fake_file).fallback.has_value());
  o.fallback = "";
  assert_string_equal(plan_request(o, fake_file).fallback->c_str(), "");
  o.fallback = "a@f";
  assert_string_equal(plan_request(o, fake_file).fallback->c_str(), "a@f");
  o.fallback = "@f";
  assert_string_equal(plan_request(o, fake_file).fallback->c_str(), "a\r\nb\n");
}

void cookies_given_as_text_join_in_one_header(void**) {
  RequestOptions options;
  options.url = "http://a/";
  options.cookies = {"a=1; b=2", "file", "", "c=3"};
  RequestPlan plan = plan_request(options, fake_file);
  assert_int_equal(plan.headers.size(), 1);
  assert_string_equal(plan.headers[0].name.c_str(), "Cookie");
  assert_string_equal(plan.headers[0].value->c_str(), "a=1; b=2; c=3");
  options.headers = {"cookie: own"};
  plan = plan_request(options, fake_file);
  assert_int_equal(plan.headers.size(), 1);
  assert_string_equal(plan.headers[0].value->c_str(), "own");
  options.headers.clear();
  options.cookies = {"file"};
  assert_int_equal(plan_request(options, fake_file).headers.size(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(data_join_with_ampersands),
      cmocka_unit_test(a_file_of_data_loses_its_line_ends_unless_binary),
      cmocka_unit_test(urlencode_has_five_forms),
      cmocka_unit_test(an_unreadable_file_is_26),
      cmocka_unit_test(cookies_given_as_text_join_in_one_header),
      cmocka_unit_test(the_method_follows_the_options),
      cmocka_unit_test(data_go_into_the_query_of_a_get),
      cmocka_unit_test(headers_that_frame_a_body_become_what_they_ask_for),
      cmocka_unit_test(data_are_a_form_unless_said_otherwise),
      cmocka_unit_test(headers_add_remove_and_empty),
      cmocka_unit_test(credentials_yield_to_a_header_given),
      cmocka_unit_test(a_url_without_scheme_is_http),
      cmocka_unit_test(an_upload_to_a_folder_takes_the_files_name),
      cmocka_unit_test(standard_input_has_no_name_for_a_folder),
      cmocka_unit_test(a_part_of_a_form_has_three_forms),
      cmocka_unit_test(a_part_may_have_a_type_a_file_name_and_quotes),
      cmocka_unit_test(what_is_no_part_of_a_form_is_usage),
      cmocka_unit_test(base_urls_get_a_scheme_and_leave_the_path_alone),
      cmocka_unit_test(a_fallback_is_a_text_or_a_files_bytes),
  };
  const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
  return failures != 0;
}

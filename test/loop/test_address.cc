// SPDX-License-Identifier: MIT
// Claims about addresses: a key names one and no other, and a list is sorted by ranks without undoing
// what getaddrinfo and Happy Eyeballs put in order.
#include "uv/address.h"

#include <initializer_list>
#include <string_view>

#include "support/cmocka.h"

using namespace pester::uv;

namespace {

Address address(std::string_view text, uint16_t port = 80) {
  Address made;
  assert_true(parse_address(text, {}, &made));
  set_port(&made, port);
  return made;
}

Addresses list(std::initializer_list<std::string_view> texts) {
  Addresses made;
  for (const std::string_view text : texts) made.at[made.count++] = address(text);
  return made;
}

void sorts(std::initializer_list<std::string_view> before, std::initializer_list<uint32_t> ranks,
           std::initializer_list<std::string_view> after) {
  Addresses sorted = list(before);
  sort_addresses(&sorted, ranks.begin());
  assert_int_equal(sorted.count, after.size());
  for (size_t i = 0; i < after.size(); ++i) {
    assert_true(same_host(sorted.at[i], address(after.begin()[i])));
  }
}

void a_key_names_an_address_with_its_port(void**) {
  const Address all[] = {
      address("127.0.0.1"), address("127.0.0.2"), address("127.0.0.1", 81), address("0.0.0.0", 0),
      address("::"),        address("::1"),       address("::1", 81),       address("::ffff:127.0.0.1"),
      address("1::"),       address("fe80::1")};
  for (const Address& a : all) {
    assert_true(address_key(a) != 0);
    for (const Address& b : all) assert_int_equal(address_key(a) == address_key(b), &a == &b);
  }
  assert_true(address_key(address("10.1.2.3", 443)) == address_key(address("10.1.2.3", 443)));
}

void a_zone_is_part_of_it(void**) {
  Address zoned = address("fe80::1");
  zoned.v6.sin6_scope_id = 2;
  assert_true(address_key(zoned) != address_key(address("fe80::1")));
  Address flow = address("fe80::1");
  flow.v6.sin6_flowinfo = 7;
  assert_true(address_key(flow) == address_key(address("fe80::1")));
}

void equals_keep_their_order_as_it_is(void**) {
  sorts({"10.0.0.2", "10.0.0.1", "::1", "::2"}, {5, 5, 5, 5}, {"10.0.0.2", "10.0.0.1", "::1", "::2"});
  sorts({}, {0}, {});
}

void the_lowest_rank_comes_first(void**) {
  sorts({"10.0.0.1", "10.0.0.2", "10.0.0.3"}, {2, 0, 1}, {"10.0.0.2", "10.0.0.3", "10.0.0.1"});
  sorts({"10.0.0.1", "10.0.0.2", "10.0.0.3"}, {9, 0, 0}, {"10.0.0.2", "10.0.0.3", "10.0.0.1"});
  sorts({"10.0.0.1", "10.0.0.2"}, {UINT32_MAX, 0}, {"10.0.0.2", "10.0.0.1"});
}

// One broken family must cost one try, of those that are left as well.
void families_alternate_among_equals(void**) {
  sorts({"::1", "10.0.0.1", "::2", "10.0.0.2"}, {0, 7, 0, 0}, {"::1", "10.0.0.2", "::2", "10.0.0.1"});
  sorts({"::1", "10.0.0.1", "::2", "10.0.0.2"}, {7, 0, 7, 0}, {"10.0.0.1", "10.0.0.2", "::1", "::2"});
  sorts({"::1", "10.0.0.1", "::2", "10.0.0.2", "::3"}, {1, 0, 0, 0, 1},
        {"10.0.0.1", "::2", "10.0.0.2", "::1", "::3"});
}

void a_full_list_is_sorted(void**) {
  Addresses all;
  uint32_t ranks[kAddressesMax];
  for (size_t i = 0; i < kAddressesMax; ++i) {
    all.at[i] = address("10.0.0.0");
    all.at[i].v4.sin_addr.s_addr = htonl(0x0a000000 + static_cast<uint32_t>(i));
    ranks[i] = static_cast<uint32_t>(kAddressesMax - i);
  }
  all.count = kAddressesMax;
  sort_addresses(&all, ranks);
  assert_int_equal(all.count, kAddressesMax);
  for (size_t i = 0; i < kAddressesMax; ++i) {
    assert_int_equal(ntohl(all.at[i].v4.sin_addr.s_addr), 0x0a000000 + kAddressesMax - 1 - i);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_key_names_an_address_with_its_port),
      cmocka_unit_test(a_zone_is_part_of_it),
      cmocka_unit_test(equals_keep_their_order_as_it_is),
      cmocka_unit_test(the_lowest_rank_comes_first),
      cmocka_unit_test(families_alternate_among_equals),
      cmocka_unit_test(a_full_list_is_sorted),
  };
  return cmocka_run_group_tests_name("address", tests, nullptr, nullptr) != 0;
}

// SPDX-License-Identifier: MIT
// Prints docs/state-machine.md from the rows of core/machines.h, so that the page cannot say what the
// tables do not. With a file as argument it compares instead, and names the first line that differs.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "core/machines.h"

namespace {

using namespace pester::core;

// The compiler knows the names: the text of a function with an enumerator as argument ends in it.
template <auto V>
constexpr std::string_view name_of_constant() {
  constexpr std::string_view all = __PRETTY_FUNCTION__;
  constexpr size_t end = all.find_first_of(";]", all.find("V = "));
  constexpr size_t colons = all.rfind("::", end);
  return {all.data() + colons + 2, end - colons - 2};
}

template <class Enum, size_t... I>
std::string_view pick_name(Enum value, std::index_sequence<I...>) {
  constexpr std::string_view kNames[] = {name_of_constant<static_cast<Enum>(I)>()...};
  return kNames[static_cast<size_t>(value)];
}

// Of any of the machines' enums. Actions end in `bug`, which no row has.
template <class Enum>
std::string_view name(Enum value) {
  if constexpr (requires { Enum::kCount; }) {
    return pick_name(value, std::make_index_sequence<static_cast<size_t>(Enum::kCount)>{});
  } else {
    return pick_name(value, std::make_index_sequence<static_cast<size_t>(Enum::bug)>{});
  }
}

// One arrow for all signals that lead from one state to another.
template <class State, class Signal, class Action, size_t N>
void print_diagram(std::ostream& out, State start, const Row<State, Signal, Action> (&rows)[N]) {
  out << "```mermaid\nstateDiagram-v2\n";
  out << "    [*] --> " << name(start) << "\n";
  for (size_t i = 0; i < N; ++i) {
    bool first = true;
    for (size_t j = 0; j < i; ++j) first &= rows[j].from != rows[i].from || rows[j].to != rows[i].to;
    if (!first) continue;
    out << "    " << name(rows[i].from) << " --> " << name(rows[i].to) << " : " << name(rows[i].on);
    for (size_t j = i + 1; j < N; ++j) {
      if (rows[j].from == rows[i].from && rows[j].to == rows[i].to) out << ", " << name(rows[j].on);
    }
    out << "\n";
  }
  constexpr auto kLast = static_cast<State>(static_cast<size_t>(State::kCount) - 1);
  bool ends = true;  // nothing leads out of it
  for (const auto& row : rows) ends &= row.from != kLast;
  if (ends) out << "    " << name(kLast) << " --> [*]\n";
  out << "```\n\n";
}

template <class State, class Signal, class Action, size_t N>
void print_machine(std::ostream& out, std::string_view title, std::string_view about, State start,
                   const Row<State, Signal, Action> (&rows)[N]) {
  out << "## " << title << "\n\n" << about << "\n\n";
  print_diagram(out, start, rows);
  out << "| in state | on signal | goes to | and does |\n| --- | --- | --- | --- |\n";
  for (const auto& row : rows) {
    out << "| " << name(row.from) << " | " << name(row.on) << " | " << name(row.to) << " | "
        << name(row.action) << " |\n";
  }
  out << "\n";
}

std::string page() {
  std::ostringstream out;
  out << "# The state machines\n\n"
         "<!-- Printed by test/generate_state_machine.cc from src/core/machines.h; do not edit. -->\n\n"
         "Four machines, a table each; one function, `Table::step`, writes a state. The last state of\n"
         "each is the dead one and swallows every signal. Any other pair that is not listed is a bug "
         "in\n"
         "Pester: test builds abort. A row that stands twice, or a live state without a row for "
         "`cancel`\n"
         "and for `deadline`, does not compile.\n\n";
  print_machine(
      out, "The logical request",
      "What the user sent. It ends exactly once. `racing` while no response to deliver is known;\n"
      "`receiving` from its head on; back to `racing` when a gathered body fails.\n"
      "`sharing` while it waits for the answer of a shared run, which is a request of its own.",
      RequestState::idle, kRequestRows);
  print_machine(out, "The lane",
                "One chain of attempts. `trying` has an exchange, `waiting` backs off, `spent` is out.",
                LaneState::ready, kLaneRows);
  print_machine(
      out, "The exchange",
      "One request and its response on one connection, one at a time in each lane. It starts\n"
      "`finished`, and returns there. In `deciding` the head is in and the rules, or the user's\n"
      "predicate, say what it is worth.",
      ExchangeState::finished, kExchangeRows);
  print_machine(
      out, "The connection",
      "A socket to one of the origin's addresses. `idle` in the pool, `leased` to one exchange,\n"
      "`draining` while a response that nobody wants is read away.",
      ConnectionState::dialing, kConnectionRows);
  std::string text = out.str();
  text.pop_back();
  return text;
}

int compare(const std::string& wanted, const char* path) {
  std::ifstream file(path);
  const std::string found((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (found == wanted) return 0;
  std::istringstream a(found);
  std::istringstream b(wanted);
  std::string has;
  std::string should;
  for (int line = 1;; ++line) {
    const bool more = !std::getline(a, has).fail();
    const bool more_wanted = !std::getline(b, should).fail();
    if (more && more_wanted && has == should) continue;
    std::fprintf(stderr, "%s:%d: has  \"%s\"\nshould be \"%s\"\n", path, line, more ? has.c_str() : "",
                 more_wanted ? should.c_str() : "");
    std::fprintf(stderr, "print it anew: generate_state_machine > docs/state-machine.md\n");
    return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string text = page();
  if (argc == 2) return compare(text, argv[1]);
  return std::fputs(text.c_str(), stdout) < 0;
}

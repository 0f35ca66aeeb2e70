// SPDX-License-Identifier: MIT
// The parser of rules: a cursor over the text that knows quotes and escapes, and above it one function
// for each thing of the grammar. Every error carries its position.
#include "flaky/script.h"

#include <utility>

namespace pester::flaky {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  size_t position() const { return at_; }
  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool next_is(char c) const { return !at_end() && text_[at_] == c; }
  bool take(char c) {
    if (!next_is(c)) return false;
    ++at_;
    return true;
  }
  void skip(std::string_view any_of) {
    while (!at_end() && any_of.find(text_[at_]) != std::string_view::npos) ++at_;
  }
  std::string_view until(std::string_view any_of) {
    const size_t from = at_;
    while (!at_end() && any_of.find(text_[at_]) == std::string_view::npos) ++at_;
    return text_.substr(from, at_ - from);
  }

  // Bare text up to one of the enders, or quoted text with escapes; pieces of both may follow each
  // other.
  std::string value(std::string_view enders, bool* quoted) {
    std::string out;
    while (!at_end() && enders.find(text_[at_]) == std::string_view::npos) {
      if (text_[at_] == '\'' || text_[at_] == '"') {
        *quoted = true;
        quoted_text(&out);
      } else {
        out.push_back(text_[at_++]);
      }
    }
    return out;
  }

 private:
  void quoted_text(std::string* out) {
    const size_t opened = at_;
    const char quote = text_[at_++];
    while (!at_end() && text_[at_] != quote) {
      if (text_[at_] == '\\') {
        escape(out);
      } else {
        out->push_back(text_[at_++]);
      }
    }
    if (!take(quote)) throw ScriptError(opened, "this quote is never closed");
  }

  void escape(std::string* out) {
    const size_t from = at_++;
    const char c = peek();
    if (!at_end()) ++at_;
    switch (c) {
      case 'r':
        out->push_back('\r');
        return;
      case 'n':
        out->push_back('\n');
        return;
      case 't':
        out->push_back('\t');
        return;
      case '0':
        out->push_back('\0');
        return;
      case '\\':
      case '\'':
      case '"':
        out->push_back(c);
        return;
      case 'x': {
        const int high = at_ < text_.size() ? hex_value(text_[at_]) : -1;
        const int low = at_ + 1 < text_.size() ? hex_value(text_[at_ + 1]) : -1;
        if (high < 0 || low < 0) throw ScriptError(from, "\\x wants two hexadecimal digits");
        out->push_back(static_cast<char>(high * 16 + low));
        at_ += 2;
        return;
      }
      default:
        throw ScriptError(from, "an escape is one of \\r \\n \\t \\0 \\\\ \\' \\\" \\xHH");
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

constexpr std::string_view kBetweenActions = " \t,";
constexpr std::string_view kEndsAction = " \t,;";
constexpr std::string_view kEndsJoined = " \t,;&";

Words parse_words(Cursor* cursor, std::string_view enders) {
  Words words;
  words.position = cursor->position();
  const std::string name_enders = std::string(enders) + "=@";
  words.name = cursor->until(name_enders);
  if (words.name.empty()) throw ScriptError(words.position, "an action is missing here");
  if (cursor->take('@')) words.place = cursor->until(std::string(enders) + "=");
  if (cursor->take('=')) words.value = cursor->value(enders, &words.quoted);
  return words;
}

// p=0.05:ACTION&ACTION, the cursor being behind "p=".
Alternative parse_alternative(Cursor* cursor) {
  const size_t from = cursor->position();
  const auto weight = parse_probability(cursor->until(" \t,;:"));
  if (!weight || !cursor->take(':'))
    throw ScriptError(from, "p wants PROBABILITY:ACTION, such as p=0.05:delay=2s");
  Alternative alternative;
  alternative.weight = *weight;
  do {
    alternative.actions.push_back(parse_action(parse_words(cursor, kEndsJoined)));
  } while (cursor->take('&'));
  return alternative;
}

// "64", or for a while: "20s..50s=32".
void parse_capacity(const Words& words, Rule* rule) {
  const std::string_view text = words.value ? std::string_view(*words.value) : "";
  const size_t equals = text.find('=');
  const auto number =
      parse_number(text.substr(equals == std::string_view::npos ? 0 : equals + 1), 1u << 30);
  if (!number || *number == 0) throw ScriptError(words.position, "capacity wants a number from 1");
  if (equals == std::string_view::npos) {
    rule->capacity = *number;
    return;
  }
  const auto window = parse_ms_range(text.substr(0, equals));
  if (!window || window->from_ms == window->to_ms) {
    throw ScriptError(words.position, "capacity wants N or FROM..TO=N, such as 20s..50s=32");
  }
  rule->capacities.push_back({*window, *number});
}

bool parse_word_of_rule(const Words& words, Step* step, Rule* rule) {
  if (words.name == "times") {
    const auto times = words.value ? parse_number(*words.value, 1u << 30) : std::nullopt;
    if (!times || *times == 0) throw ScriptError(words.position, "times wants a number from 1");
    step->times = *times;
    return true;
  }
  if (words.name == "capacity") {
    parse_capacity(words, rule);
    return true;
  }
  if (words.name != "outage") return false;
  try {
    rule->outages.push_back(parse_outage(words.value ? *words.value : ""));
  } catch (const ScriptError& error) {
    throw ScriptError(words.position, error.what());
  }
  if (rule->outages.back().kind == Outage::Kind::refuse) {
    throw ScriptError(words.position, "a path cannot refuse connections: use reset here, or --outage");
  }
  return true;
}

void parse_step(Cursor* cursor, Rule* rule) {
  Step step;
  const size_t from = cursor->position();
  double weights = 0;
  bool any = false;
  for (cursor->skip(kBetweenActions); !cursor->at_end() && !cursor->next_is(';');
       cursor->skip(kBetweenActions)) {
    any = true;
    Cursor ahead = *cursor;
    if (ahead.take('p') && ahead.take('=')) {
      *cursor = ahead;
      step.alternatives.push_back(parse_alternative(cursor));
      weights += step.alternatives.back().weight;
      if (weights > 1.0 + 1e-9)
        throw ScriptError(from, "the probabilities of this step sum up to more than 1");
      continue;
    }
    const Words words = parse_words(cursor, kEndsAction);
    if (!parse_word_of_rule(words, &step, rule)) apply(parse_action(words), &step.reply);
  }
  if (!any) throw ScriptError(from, "a step is missing here (ok is the step that does nothing special)");
  rule->steps.push_back(std::move(step));
}

// The rule's left side; the cursor ends behind its '='.
void parse_pattern(Cursor* cursor, Rule* rule) {
  cursor->skip(" \t");
  const size_t from = cursor->position();
  rule->glob = cursor->until(" \t=");
  cursor->skip(" \t");
  if (!cursor->next_is('=') && !cursor->at_end()) {
    rule->method = std::exchange(rule->glob, std::string(cursor->until(" \t=")));
    cursor->skip(" \t");
  }
  if (rule->glob.empty() || !cursor->take('='))
    throw ScriptError(from, "a rule is 'PATH = STEP; STEP; …'");
  const char first = rule->glob[0];
  if (first != '/' && first != '*' && first != '?') throw ScriptError(from, "a path starts with / or *");
}

}  // namespace

Rule parse_rule(std::string_view text) {
  while (!text.empty() && (is_space(text.back()) || text.back() == '\r')) text.remove_suffix(1);
  Cursor cursor(text);
  Rule rule;
  parse_pattern(&cursor, &rule);
  do {
    cursor.skip(" \t");
    if (cursor.at_end() && !rule.steps.empty()) break;  // a ';' may end the rule
    Cursor ahead = cursor;
    if (!rule.steps.empty() && ahead.until(kEndsAction) == "loop") {
      ahead.skip(" \t;");
      if (!ahead.at_end()) throw ScriptError(cursor.position(), "loop must be the last step");
      rule.loops = true;
      break;
    }
    parse_step(&cursor, &rule);
  } while (cursor.take(';'));
  return rule;
}

Outage parse_outage(std::string_view text) {
  const size_t equals = text.find('=');
  const auto window = parse_ms_range(text.substr(0, equals));
  if (!window || window->from_ms == window->to_ms) {
    throw ScriptError(0, "outage wants FROM..TO, such as 2s..5s or 2s..5s=reset");
  }
  Outage outage;
  outage.window = *window;
  if (equals == std::string_view::npos) return outage;
  const std::string_view kind = text.substr(equals + 1);
  const auto status = parse_number(kind, 999);
  if (kind == "refuse") {
    outage.kind = Outage::Kind::refuse;
  } else if (kind == "reset") {
    outage.kind = Outage::Kind::reset;
  } else if (kind == "stall") {
    outage.kind = Outage::Kind::stall;
  } else if (status && *status >= 100) {
    outage.status = static_cast<unsigned>(*status);
  } else {
    throw ScriptError(0,
                      "an outage is refuse, reset, stall or a status, not '" + std::string(kind) + "'");
  }
  return outage;
}

uint64_t capacity_at(const Rule& rule, uint64_t age_ms) {
  for (const CapacityWindow& window : rule.capacities) {
    if (age_ms >= window.window.from_ms && age_ms < window.window.to_ms) return window.capacity;
  }
  return rule.capacity;
}

const Step& step_of(const Rule& rule, uint64_t n, size_t* index) {
  uint64_t round = 0;
  for (const Step& step : rule.steps) round += step.times;
  if (rule.loops) n %= round;
  *index = 0;
  while (*index + 1 < rule.steps.size() && n >= rule.steps[*index].times)
    n -= rule.steps[(*index)++].times;
  return rule.steps[*index];
}

bool glob_matches(std::string_view glob, std::string_view text) {
  size_t g = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      mark = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g, ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

}  // namespace pester::flaky

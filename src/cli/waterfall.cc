// SPDX-License-Identifier: MIT
// Layout of the picture: labels, bars and outcomes in columns, a scale above. Phases differ by glyph and
// outcomes by word, so that it reads the same without colour.
#include "cli/waterfall.h"

#include <fmt/core.h>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string_view>

#include "cli/bar.h"
#include "cli/text.h"

namespace pester::cli {
namespace {

constexpr size_t kBarLeast = 16;
constexpr size_t kHostLeast = 8, kHostMost = 24;
constexpr size_t kTickGap = 8;  // columns from one tick to the next, at least

struct PhaseLook {
  const char* utf8;
  const char* ascii;
  const char* name;
};

const PhaseLook& look_of(Phase phase) {
  static constexpr PhaseLook kLooks[] = {
      {" ", " ", ""},    {"·", ".", "backoff"}, {"╌", ":", "queue"}, {"░", "-", "connect"},
      {"▒", "~", "TLS"}, {"▓", "=", "wait"},    {"█", "#", "body"}};
  return kLooks[static_cast<size_t>(phase)];
}

size_t columns(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// At most `most` columns; a cut shows as dots.
std::string fitted(const std::string& text, size_t most) {
  if (columns(text) <= most) return text;
  std::string out;
  size_t taken = 0;
  for (char c : text) {
    if ((c & 0xC0) != 0x80 && ++taken > most - 2) break;
    out += c;
  }
  return out + "..";
}

std::string padded(const std::string& text, size_t width) {
  return text + std::string(width - std::min(width, columns(text)), ' ');
}

std::string ms_text(int64_t ns) {
  const double ms = static_cast<double>(ns) / 1e6;
  return fmt::format("{:.{}f} ms", ms, ms < 10 ? 2 : ms < 1000 ? 1 : 0);
}

std::string label_of(const ExchangeReport& x, bool lane_shown) {
  const std::string lane = fmt::format("lane {}", x.lane);
  std::string label =
      (lane_shown ? lane : std::string(lane.size(), ' ')) + fmt::format("  #{}", x.attempt);
  if (x.kind != "first" && x.kind != "retry") label += " " + x.kind;
  return label;
}

// "host:port" of a URL, without a user.
std::string host_of(const std::string& full) {
  const std::string url = without_userinfo(full);
  const size_t scheme = url.find("://");
  const size_t from = scheme == std::string::npos ? 0 : scheme + 3;
  return url.substr(from, std::min(url.find_first_of("/?#", from), url.size()) - from);
}

const char* colour_of(const ExchangeReport& x) {
  if (x.outcome == "won") return "\x1b[1;32m";
  if (x.outcome == "retried") return "\x1b[33m";
  if (x.outcome == "failed") return "\x1b[31m";
  if (x.outcome == "followed") return "\x1b[36m";
  return "\x1b[2m";
}

// A bar's neighbour has no room for a sentence: the frequent failures in a word or two.
std::string short_error(const ErrorReport& error) {
  struct Word {
    std::string_view name, text;
  };
  static constexpr Word kWords[] = {
      {"UV_ECONNREFUSED", "refused"},
      {"UV_ECONNRESET", "reset"},
      {"UV_EHOSTUNREACH", "unreachable"},
      {"UV_ENETUNREACH", "unreachable"},
      {"UV_EAI_NONAME", "no such host"},
      {"PESTER_EPROXY", "proxy failed"},
      {"PESTER_EPROXYAUTH", "proxy wants a password"},
      {"PESTER_EPROXYHOST", "no such proxy"},
      {"PESTER_EPROXYDENIED", "proxy forbids it"},
      {"PESTER_EEMPTY", "no answer"},
      {"PESTER_EHEADCUT", "head cut"},
      {"PESTER_EBODYCUT", "body cut"},
      {"PESTER_EPROTOCOL", "malformed"},
      {"PESTER_ERESUME", "no fit"},
      {"PESTER_ETLS", "TLS failed"},
      {"PESTER_ECERTIFICATE", "bad certificate"},
      {"PESTER_EPIN", "wrong key"},
      {"PESTER_ETIMEOUT_CONNECT", "connect timeout"},
      {"PESTER_ETIMEOUT_FIRST_BYTE", "first-byte timeout"},
      {"PESTER_ETIMEOUT_BODY", "body timeout"},
      {"PESTER_ETIMEOUT_ATTEMPT", "attempt timeout"},
      {"PESTER_ETIMEOUT_TOTAL", "timeout"},
      {"PESTER_EQUEUE", "turned away"},
      {"PESTER_EBUDGET", "budget empty"},
      {"PESTER_EBREAKER", "breaker open"},
  };
  for (const Word& word : kWords) {
    if (word.name == error.name) return std::string(word.text);
  }
  return printable(utf8_or_latin1(error.message));
}

struct Row {
  const ExchangeReport* x;
  std::string label, duration, outcome;
};

class Picture {
 public:
  Picture(const Report& report, const Canvas& canvas) : report_(report), canvas_(canvas) {
    canvas_.width = std::clamp<size_t>(canvas_.width, 48, 240);
    axis_ns_ = std::max<int64_t>(report.duration_ns, 1);
    for (const ExchangeReport& x : report.exchanges) axis_ns_ = std::max(axis_ns_, x.ended_ns);
    make_rows();
    measure();
  }

  std::string draw() {
    std::string out = title() + "\n";
    if (rows_.empty()) return out;
    out += scale();
    for (const Row& row : rows_) out += line(row);
    return out + legend();
  }

 private:
  void make_rows() {
    std::vector<const ExchangeReport*> order;
    for (const ExchangeReport& x : report_.exchanges) order.push_back(&x);
    std::stable_sort(order.begin(), order.end(),
                     [](const ExchangeReport* a, const ExchangeReport* b) { return a->lane < b->lane; });
    std::set<std::string> origins;
    for (const ExchangeReport& x : report_.exchanges) {
      origins.insert(x.url.substr(0, x.url.find("://") + 3) + host_of(x.url));
    }
    int lane = -1;
    size_t widest = 0;
    for (const ExchangeReport* x : order) widest = std::max(widest, columns(label_of(*x, false)));
    for (const ExchangeReport* x : order) {
      const int64_t end = x->ended_ns >= 0 ? x->ended_ns : axis_ns_;
      std::string label = label_of(*x, x->lane != lane);
      if (origins.size() > 1) add_host(label, widest, host_of(x->url));
      rows_.push_back({x, label, ms_text(std::max<int64_t>(end - x->started_ns, 0)), outcome_of(*x)});
      lane = x->lane;
    }
  }

  // Where an attempt went, when not all went to the same place; a narrow picture has no room for it.
  void add_host(std::string& label, size_t column, const std::string& host) const {
    const size_t room = std::min<size_t>((canvas_.width - 48) / 2, kHostMost);
    if (room < kHostLeast) return;
    std::string text = fitted(printable(utf8_or_latin1(host)), room);
    ascii_only(text);
    label = padded(label, column) + "  " + text;
  }

  std::string outcome_of(const ExchangeReport& x) const {
    std::string text = x.status > 0 ? std::to_string(x.status) : "";
    if (x.error && x.outcome != "cancelled") {
      text += (text.empty() ? "" : ", ") + short_error(*x.error);
    }
    // What was met comes first, but what became of it is never cut.
    const size_t room = canvas_.width / 3 - std::min<size_t>(x.outcome.size() + 4, canvas_.width / 6);
    text = fitted(text, room);
    ascii_only(text);
    text += (text.empty() ? "" : x.error && x.outcome != "cancelled" ? ", " : " ") + x.outcome;
    if (!x.waited_for.empty()) text += " (queued for " + x.waited_for + ")";
    text += denials_of(x);
    if (is_winner(x)) text += canvas_.utf8 ? " ◀" : " <";
    return text;
  }

  // Why no other try came, where that is not what anybody would expect.
  static std::string denials_of(const ExchangeReport& x) {
    const std::string_view error = x.error ? std::string_view(x.error->name) : "";
    const bool plain = x.denial.empty() || x.denial == "attempts" || x.denial == "rules" ||
                       (x.denial == "breaker" && error == "PESTER_EBREAKER") ||
                       (x.denial == "budget" && error == "PESTER_EBUDGET");
    std::string text = plain ? "" : " (" + x.denial + ")";
    const bool hedged = x.hedge_denial.empty() || x.hedge_denial == "no_latencies";
    if (!hedged) text += " (no hedge: " + x.hedge_denial + ")";
    return text;
  }

  void ascii_only(std::string& text) const {
    const auto beyond = [](char c) { return (c & 0x80) != 0; };
    if (!canvas_.utf8) std::replace_if(text.begin(), text.end(), beyond, '?');
  }

  bool is_winner(const ExchangeReport& x) const {
    if (!report_.response) return false;
    return x.lane == report_.winner_lane && x.attempt == report_.winner_attempt &&
           x.outcome != "followed";
  }

  void measure() {
    size_t outcome = 0;
    for (const Row& row : rows_) {
      label_width_ = std::max(label_width_, columns(row.label));
      duration_width_ = std::max(duration_width_, columns(row.duration));
      outcome = std::max(outcome, columns(row.outcome));
    }
    const size_t taken = label_width_ + 2 + 2 + duration_width_ + 2 + outcome;
    bar_width_ = taken + kBarLeast < canvas_.width ? canvas_.width - taken : kBarLeast;
    outcome_width_ = canvas_.width - std::min(canvas_.width, taken - outcome + bar_width_);
  }

  std::string painted(const char* colour, const std::string& text) const {
    return canvas_.colour && !text.empty() ? colour + text + "\x1b[0m" : text;
  }

  std::string asked() const { return printable(utf8_or_latin1(report_.method + " " + report_.url)); }

  std::string title() const {
    std::set<int> lanes;
    for (const ExchangeReport& x : report_.exchanges) lanes.insert(x.lane);
    std::string end = "no response";
    if (report_.response)
      end = printable(
          utf8_or_latin1(fmt::format("{} {}", report_.response->status, report_.response->reason)));
    if (end.ends_with(' ')) end.pop_back();
    if (report_.is_fallback()) end = "fallback";
    const size_t attempts = report_.attempts();
    std::string rest =
        fmt::format(": {} after {}, {} attempt{} in {} lane{}", end, ms_text(report_.duration_ns),
                    attempts, attempts == 1 ? "" : "s", lanes.size(), lanes.size() == 1 ? "" : "s");
    // A cut would show less than is left out here: the lanes are in the picture.
    if (columns(rest) + std::min(canvas_.width / 3, columns(asked())) > canvas_.width) {
      rest.erase(rest.rfind(" in "));
    }
    const size_t room =
        std::max(canvas_.width / 3, canvas_.width - std::min(canvas_.width, columns(rest)));
    std::string name = fitted(asked(), room);
    ascii_only(name);
    ascii_only(rest);
    return painted("\x1b[1m", name) + fitted(rest, canvas_.width - columns(name));
  }

  // The distance of the ticks: 1, 2 or 5 times a power of ten, in milliseconds.
  double tick_ms() const {
    const double axis_ms = static_cast<double>(axis_ns_) / 1e6;
    const double least = axis_ms * static_cast<double>(kTickGap) / static_cast<double>(bar_width_);
    const double power = std::pow(10.0, std::floor(std::log10(least)));
    for (double factor : {1.0, 2.0, 5.0}) {
      if (factor * power >= least) return factor * power;
    }
    return 10 * power;
  }

  std::string scale() const {
    const double tick = tick_ms();
    const int decimals = tick >= 1 ? 0 : static_cast<int>(std::ceil(-std::log10(tick) - 1e-9));
    const double axis_ms = static_cast<double>(axis_ns_) / 1e6;
    std::string numbers(label_width_ + 2, ' ');
    const size_t left = numbers.size();
    std::vector<bool> ticks(bar_width_, false);
    for (size_t i = 0; static_cast<double>(i) * tick < axis_ms; ++i) {
      const double at = static_cast<double>(i) * tick;
      const auto column = static_cast<size_t>(at / axis_ms * static_cast<double>(bar_width_));
      if (column >= bar_width_) break;
      ticks[column] = true;
      const std::string number =
          fmt::format("{:.{}f}{}", at, i == 0 ? 0 : decimals, i == 0 ? " ms" : "");
      if (left + column + number.size() > canvas_.width) break;
      numbers.resize(left + column, ' ');
      numbers += number;
    }
    std::string ruler;
    for (size_t i = 0; i < bar_width_; ++i) {
      const bool end = i == 0 || i + 1 == bar_width_;
      if (canvas_.utf8) {
        ruler += i == 0 ? "├" : end ? "┤" : ticks[i] ? "┼" : "─";
      } else {
        ruler += end ? "|" : ticks[i] ? "+" : "-";
      }
    }
    return painted("\x1b[2m", numbers) + "\n" + std::string(left, ' ') + painted("\x1b[2m", ruler) +
           "\n";
  }

  std::string bar(const ExchangeReport& x) {
    std::string out;
    std::string run;
    Phase run_phase = Phase::none;
    const auto flush = [&] {
      const char* colour =
          run_phase == Phase::backoff || run_phase == Phase::queue ? "\x1b[2m" : colour_of(x);
      out += run_phase == Phase::none ? run : painted(colour, run);
      run.clear();
    };
    for (Phase phase : bar_cells(phase_spans(x, axis_ns_), axis_ns_, bar_width_)) {
      if (phase != run_phase) flush();
      run_phase = phase;
      if (phase != Phase::none) used_.insert(phase);
      run += canvas_.utf8 ? look_of(phase).utf8 : look_of(phase).ascii;
    }
    flush();
    return out;
  }

  std::string line(const Row& row) {
    return padded(row.label, label_width_) + "  " + bar(*row.x) + "  " +
           std::string(duration_width_ - columns(row.duration), ' ') + row.duration + "  " +
           painted(colour_of(*row.x), fitted(row.outcome, std::max<size_t>(outcome_width_, 4))) + "\n";
  }

  std::string legend() const {
    std::string text(label_width_ + 2, ' ');
    for (Phase phase : used_) {
      const PhaseLook& look = look_of(phase);
      text += fmt::format("{} {}  ", canvas_.utf8 ? look.utf8 : look.ascii, look.name);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return painted("\x1b[2m", text) + "\n";
  }

  const Report& report_;
  Canvas canvas_;
  int64_t axis_ns_ = 1;
  std::vector<Row> rows_;
  std::set<Phase> used_;
  size_t label_width_ = 0, duration_width_ = 0, bar_width_ = kBarLeast, outcome_width_ = 0;
};

}  // namespace

std::string waterfall(const Report& report, const Canvas& canvas) {
  return Picture(report, canvas).draw();
}

Canvas canvas_of(int fd) {
  Canvas canvas;
  const bool terminal = ::isatty(fd) == 1;
  winsize size{};
  if (terminal && ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) canvas.width = size.ws_col;
  const char* no_colour = std::getenv("NO_COLOR");
  canvas.colour = terminal && (no_colour == nullptr || *no_colour == '\0');
  canvas.utf8 = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  return canvas;
}

}  // namespace pester::cli

// SPDX-License-Identifier: MIT
// Figures as OpenMetrics text: a table of families, each written for all clients before the next, as the
// format demands. Refuses to know what the figures mean: docs/metrics.md does.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include "api/metric_labels.h"
#include "api/objects.h"
#include "core/text.h"

namespace {

using Stats = pester_client_stats_t;

// Counts, and writes as far as there is room.
class Writer {
 public:
  Writer(char* out, size_t room) : out_(out), room_(room) {}
  [[nodiscard]] size_t size() const { return size_; }

  Writer& text(std::string_view text) {
    if (size_ < room_) pester::core::copy_text(text, out_ + size_, room_ - size_);
    size_ += text.size();
    return *this;
  }
  // "http.client.x" as Prometheus has it.
  Writer& name(std::string_view name) {
    for (const char c : name) text(c == '.' ? std::string_view("_") : std::string_view(&c, 1));
    return *this;
  }
  Writer& number(uint64_t value) {
    char digits[20];
    const char* const end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    return text({digits, static_cast<size_t>(end - digits)});
  }
  // `value` of `digits` decimals, without the zeros at its end.
  Writer& decimal(uint64_t value, int digits) {
    uint64_t one = 1;
    for (int i = 0; i < digits; ++i) one *= 10;
    number(value / one).text(".");
    uint64_t rest = value % one;
    do {
      one /= 10;
      number(rest / one);
      rest %= one;
    } while (rest != 0);
    return *this;
  }

 private:
  char* out_;
  size_t room_;
  size_t size_ = 0;
};

struct Exposition {
  Writer out;
  const pester_metrics_source_t* sources;
  size_t count;
};

// "name{labels,own="value"} ", of which labels and own may be missing.
void begin_sample(Writer& out, std::string_view name, std::string_view suffix, const char* labels,
                  std::string_view own_name = {}, std::string_view own_value = {}) {
  out.name(name).text(suffix);
  const bool any = labels != nullptr && labels[0] != '\0';
  if (any || !own_name.empty()) {
    out.text("{");
    if (any) out.text(labels);
    if (any && !own_name.empty()) out.text(",");
    if (!own_name.empty()) out.text(own_name).text("=\"").text(own_value).text("\"");
    out.text("}");
  }
  out.text(" ");
}

void begin_family(Writer& out, std::string_view name, std::string_view unit, std::string_view type,
                  std::string_view help) {
  const auto line = [&](std::string_view word) -> Writer& {
    out.text("# ").text(word).text(" ").name(name);
    return unit.empty() ? out.text(" ") : out.text("_").text(unit).text(" ");
  };
  line("TYPE").text(type).text("\n");
  if (!unit.empty()) line("UNIT").text(unit).text("\n");
  line("HELP").text(help).text("\n");
}

Stats stats_of(const pester_metrics_source_t& source) {
  Stats stats;
  pester_client_stats(source.client, &stats);
  return stats;
}

// ---- one figure a client ----------------------------------------------------------------------------

struct Figure {
  int metric;
  bool counts;  // else it goes up and down
  std::string_view help;
  uint64_t (*value)(const Stats& stats);
};

constexpr Figure kFigures[] = {
    {PESTER_METRIC_REQUESTS_STARTED, true, "Requests that were accepted.",
     [](const Stats& s) { return s.requests_started; }},
    {PESTER_METRIC_REQUESTS_DONE, true, "Requests that are over, however.",
     [](const Stats& s) { return s.requests_done; }},
    {PESTER_METRIC_REQUESTS_LIVE, false, "Requests that are not over.",
     [](const Stats& s) { return uint64_t{s.requests_live}; }},
    {PESTER_METRIC_EXCHANGES, true, "Exchanges sent or tried.",
     [](const Stats& s) { return s.exchanges; }},
    {PESTER_METRIC_RETRIES, true, "Attempts after a backoff.", [](const Stats& s) { return s.retries; }},
    {PESTER_METRIC_HEDGES, true, "Lanes that a hedge rule started.",
     [](const Stats& s) { return s.hedges; }},
    {PESTER_METRIC_RESENDS, true, "Exchanges sent again for a connection that was dead.",
     [](const Stats& s) { return s.resends; }},
    {PESTER_METRIC_RESUMES, true, "Bodies that went on in another response.",
     [](const Stats& s) { return s.resumes; }},
    {PESTER_METRIC_FOLLOW_UPS, true, "Redirects followed, challenges answered.",
     [](const Stats& s) { return s.follow_ups; }},
    {PESTER_METRIC_EJECTIONS, true, "Times that an endpoint was left out.",
     [](const Stats& s) { return s.ejections; }},
    {PESTER_METRIC_UNPAID, true, "Extra attempts that the budget could not pay for.",
     [](const Stats& s) { return s.unpaid; }},
    {PESTER_METRIC_REFUSED, true, "Attempts that a breaker did not let through.",
     [](const Stats& s) { return s.refused; }},
    {PESTER_METRIC_BYTES_SENT, true, "Bytes of requests, before TLS.",
     [](const Stats& s) { return s.bytes_sent; }},
    {PESTER_METRIC_BYTES_RECEIVED, true, "Bytes of responses, after TLS.",
     [](const Stats& s) { return s.bytes_received; }},
    {PESTER_METRIC_CONNECTIONS_OPENED, true, "Connections begun to be dialed.",
     [](const Stats& s) { return s.connections_opened; }},
    {PESTER_METRIC_CONNECTIONS_REUSED, true, "Exchanges on a connection that was open already.",
     [](const Stats& s) { return s.connections_reused; }},
    {PESTER_METRIC_CONNECTION_HEDGES, true, "Second dials of what may not be sent twice.",
     [](const Stats& s) { return s.connection_hedges; }},
    {PESTER_METRIC_CONNECTIONS_HANDED_OVER, true, "Connections that left HTTP.",
     [](const Stats& s) { return s.connections_handed_over; }},
    {PESTER_METRIC_CONNECTIONS_DIALING, false, "Open connections that are not ready yet.",
     [](const Stats& s) { return uint64_t{s.connections_dialing}; }},
    {PESTER_METRIC_ATTEMPTS_WAITING, false, "Attempts that wait for a connection.",
     [](const Stats& s) { return uint64_t{s.attempts_waiting}; }},
    {PESTER_METRIC_REQUESTS_COLLAPSED, true, "Requests that joined a run of others that are the same.",
     [](const Stats& s) { return s.requests_collapsed; }},
    {PESTER_METRIC_REQUESTS_PARTED, true, "Of those, the ones that went on by themselves.",
     [](const Stats& s) { return s.requests_parted; }},
    {PESTER_METRIC_STALE_SERVED, true, "Kept answers delivered in the place of an error.",
     [](const Stats& s) { return s.stale_served; }},
    {PESTER_METRIC_ATTEMPTS_THROTTLED, false, "Attempts that wait for a place or a token.",
     [](const Stats& s) { return uint64_t{s.attempts_throttled}; }},
};

void write_figure(Exposition& it, const Figure& figure) {
  const std::string_view name = pester_metric_name(figure.metric);
  begin_family(it.out, name, "", figure.counts ? "counter" : "gauge", figure.help);
  for (size_t i = 0; i < it.count; ++i) {
    begin_sample(it.out, name, figure.counts ? "_total" : "", it.sources[i].labels);
    it.out.number(figure.value(stats_of(it.sources[i]))).text("\n");
  }
}

// ---- several figures a client -----------------------------------------------------------------------

void write_open_connections(Exposition& it) {
  const std::string_view name = pester_metric_name(PESTER_METRIC_CONNECTIONS_OPEN);
  const std::string_view state = "http_connection_state";
  begin_family(it.out, name, "", "gauge", "Connections that are not closed.");
  for (size_t i = 0; i < it.count; ++i) {
    const Stats stats = stats_of(it.sources[i]);
    begin_sample(it.out, name, "", it.sources[i].labels, state, "active");
    it.out.number(stats.connections_open - stats.connections_idle).text("\n");
    begin_sample(it.out, name, "", it.sources[i].labels, state, "idle");
    it.out.number(stats.connections_idle).text("\n");
  }
}

void write_balance(Exposition& it) {
  const std::string_view name = pester_metric_name(PESTER_METRIC_BUDGET_BALANCE);
  begin_family(it.out, name, "", "gauge", "Extra attempts that could be paid for.");
  for (size_t i = 0; i < it.count; ++i) {
    const int64_t balance = stats_of(it.sources[i]).budget_balance_per_mille;
    begin_sample(it.out, name, "", it.sources[i].labels);
    if (balance < 0) it.out.text("-");
    it.out.decimal(static_cast<uint64_t>(balance < 0 ? -balance : balance), 3).text("\n");
  }
}

// A counter by reason, of which `first` is the first that there is.
struct Reasons {
  int metric;
  std::string_view help, label;
  int first, count;
  const char* (*name)(int reason);
  uint64_t (*value)(const Stats& stats, int reason);
};

constexpr Reasons kReasons[] = {
    {PESTER_METRIC_RETRIES_DENIED, "Retries that did not follow a failed attempt.", "pester_denial", 1,
     PESTER_DENIAL_COUNT, pester_denial_name,
     [](const Stats& s, int reason) { return s.retries_denied[reason]; }},
    {PESTER_METRIC_HEDGES_DENIED, "Hedges that were due and did not begin.", "pester_denial", 1,
     PESTER_DENIAL_COUNT, pester_denial_name,
     [](const Stats& s, int reason) { return s.hedges_denied[reason]; }},
    {PESTER_METRIC_CONNECTIONS_CLOSED, "Connections that were closed.", "pester_close_reason", 0,
     PESTER_CLOSE_COUNT, pester_close_reason_name,
     [](const Stats& s, int reason) { return s.connections_closed[reason]; }},
    {PESTER_METRIC_ATTEMPTS_WAITED, "Times that somebody had to wait.", "pester_wait", 1,
     PESTER_WAIT_COUNT, pester_wait_name,
     [](const Stats& s, int reason) { return s.attempts_waited[reason]; }},
    {PESTER_METRIC_ATTEMPTS_TURNED_AWAY, "Of those, ended in vain.", "pester_wait", 1, PESTER_WAIT_COUNT,
     pester_wait_name, [](const Stats& s, int reason) { return s.attempts_turned_away[reason]; }},
};

void write_reasons(Exposition& it, const Reasons& by) {
  const std::string_view name = pester_metric_name(by.metric);
  begin_family(it.out, name, "", "counter", by.help);
  for (size_t i = 0; i < it.count; ++i) {
    const Stats stats = stats_of(it.sources[i]);
    for (int reason = by.first; reason < by.count; ++reason) {
      begin_sample(it.out, name, "_total", it.sources[i].labels, by.label, by.name(reason));
      it.out.number(by.value(stats, reason)).text("\n");
    }
  }
}

// ---- histograms -------------------------------------------------------------------------------------

struct Lengths {
  int metric, histogram;
  std::string_view help;
};
constexpr Lengths kLengths[] = {
    {PESTER_METRIC_REQUEST_DURATION, PESTER_HISTOGRAM_REQUESTS,
     "Requests, with all attempts and waits."},
    {PESTER_METRIC_EXCHANGE_DURATION, PESTER_HISTOGRAM_EXCHANGES, "Exchanges."},
    {PESTER_METRIC_BACKOFF_DURATION, PESTER_HISTOGRAM_BACKOFFS, "Waits before retries."},
    {PESTER_METRIC_WAIT_DURATION, PESTER_HISTOGRAM_WAITS, "Waits for a connection."},
};

// Of the four bounds of an octave the last: 25 series and not 94.
void write_buckets(Writer& out, std::string_view name, const char* labels,
                   const pester_histogram_t& histogram) {
  constexpr size_t kToAnOctave = 4, kDigits = 9;
  uint64_t below = 0;
  for (size_t i = 0; i + 1 < histogram.bucket_count; ++i) {
    below += histogram.counts[i];
    if (i % kToAnOctave != 0) continue;
    char room[32];
    Writer bound(room, sizeof room);
    bound.decimal(histogram.bounds_ns[i], kDigits);
    begin_sample(out, name, "_seconds_bucket", labels, "le", {room, bound.size()});
    out.number(below).text("\n");
  }
  begin_sample(out, name, "_seconds_bucket", labels, "le", "+Inf");
  out.number(histogram.count).text("\n");
  begin_sample(out, name, "_seconds_count", labels);
  out.number(histogram.count).text("\n");
  begin_sample(out, name, "_seconds_sum", labels);
  out.decimal(histogram.sum_ns, kDigits).text("\n");
}

void write_lengths(Exposition& it, const Lengths& lengths) {
  const std::string_view name = pester_metric_name(lengths.metric);
  begin_family(it.out, name, "seconds", "histogram", lengths.help);
  for (size_t i = 0; i < it.count; ++i) {
    pester_histogram_t histogram;
    if (pester_client_histogram(it.sources[i].client, lengths.histogram, &histogram) != 0) continue;
    write_buckets(it.out, name, it.sources[i].labels, histogram);
  }
}

}  // namespace

int pester_openmetrics(const pester_metrics_source_t* sources, size_t count, char* out, size_t* size) {
  if (size == nullptr || (sources == nullptr && count != 0)) return UV_EINVAL;
  for (size_t i = 0; i < count; ++i) {
    if (sources[i].client == nullptr) return UV_EINVAL;
    if (!pester::api::are_metric_labels(sources[i].labels)) return PESTER_EOPTION;
    for (size_t before = 0; before < i; ++before) {
      if (pester::api::same_metric_labels(sources[before].labels, sources[i].labels))
        return PESTER_EOPTION;
    }
  }
  Exposition it = {Writer(out, out != nullptr ? *size : 0), sources, count};
  for (const Figure& figure : kFigures) write_figure(it, figure);
  write_open_connections(it);
  write_balance(it);
  for (const Reasons& by : kReasons) write_reasons(it, by);
  for (const Lengths& lengths : kLengths) write_lengths(it, lengths);
  it.out.text("# EOF\n");
  const bool fits = out != nullptr && it.out.size() <= *size;
  *size = it.out.size();
  return fits ? 0 : UV_ENOBUFS;
}

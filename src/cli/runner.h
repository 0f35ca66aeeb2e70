// SPDX-License-Identifier: MIT
// Runs the request, once or --repeat times, on a loop of its own and prints what the options ask for.
// All callbacks of the library end here.
#ifndef PESTER_CLI_RUNNER_H_
#define PESTER_CLI_RUNNER_H_

#include <pester.h>

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/body_feed.h"
#include "cli/client_setup.h"
#include "cli/cookies.h"
#include "cli/hop_heads.h"
#include "cli/latency_summary.h"
#include "cli/options.h"
#include "cli/request_plan.h"
#include "cli/shared.h"
#include "cli/transfer.h"
#include "cli/wire_trace.h"

namespace pester::cli {

class Runner {
 public:
  Runner(const Options& options, const RequestPlan& plan);
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  ~Runner();

  // The exit status. Throws CommandError when the library refuses the options.
  int run();

 private:
  struct Flight {
    Flight(Runner& r, OutputFile* dump) : runner(r), transfer(r.options_, dump) {}
    Runner& runner;
    Transfer transfer;
    BodyFeed feed;
    HopHeads hops;
    bool answered = false;  // its head was shown
    pester_request_id_t id = 0;
    std::string fallback_for;
    std::list<Flight>::iterator place;
  };

  static void on_head(const pester_result_t* result, void* data);
  static void on_body(const pester_result_t* result, const char* bytes, size_t len, void* data);
  static void on_done(const pester_result_t* result, void* data);
  static int on_fallback(const pester_result_t* result, pester_fallback_t* fallback, void* data);
  static void on_log(const pester_exchange_t* exchange, const char* line, void* data);
  static void on_trace(int event, const pester_exchange_t* exchange, pester_slice_t text, void* data);
  static void on_interrupt(uv_signal_t* signal, int number);

  bool show_head(Flight& flight, const pester_result_t* result);
  void show_gathered(Flight& flight, const pester_result_t* result);
  void open_client();
  void show_trace(int event, const pester_exchange_t& exchange, std::string_view text);
  void start_more();
  bool start_one();
  void give_up(int exit_status, const std::string& message);
  void cancel_all();
  void done(Flight& flight, const pester_result_t* result);
  void tell(Report& report);
  void tell_error(const Report& report);
  void tell_fallback(const Report& report);
  void tell_stale(const Report& report);
  [[nodiscard]] bool may_tell();
  void print(const std::string& text);
  void summary();
  void tell_stats();
  void save_cookies();
  void end();

  const Options& options_;
  const RequestPlan& plan_;
  Cookies cookies_;
  Shared shared_;
  ClientSetup setup_;
  uv_loop_t loop_;
  uv_signal_t interrupt_;
  pester_client_t* client_ = nullptr;
  std::optional<OutputFile> dump_;
  std::list<Flight> flights_;
  WireTrace trace_;
  LatencySummary latency_;
  uint64_t started_ = 0;
  uint64_t started_at_ns_ = 0;
  uint64_t errors_told_ = 0;
  int exit_status_ = 0;
  bool stopping_ = false;
  bool interrupted_ = false;
};

}  // namespace pester::cli

#endif

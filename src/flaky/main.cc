// SPDX-License-Identifier: MIT
// The command pester-flaky: options in, a server on a loop, and the ways to end it. Exit status 0 when
// told to end, 1 when it could not serve, 2 for bad usage.
#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "flaky/options.h"
#include "flaky/server.h"

namespace pester::flaky {
namespace {

// Whatever ends the server: two signals, a time, the end of standard input.
class Ending {
 public:
  Ending(uv_loop_t* loop, Server* server) : loop_(loop), server_(server) {}

  void arm(const Settings& settings) {
    for (size_t i = 0; i < 2; ++i) {
      uv_signal_init(loop_, &signals_[i]);
      signals_[i].data = this;
      uv_signal_start(
          &signals_[i], [](uv_signal_t* s, int) { static_cast<Ending*>(s->data)->end(); },
          i == 0 ? SIGINT : SIGTERM);
    }
    uv_timer_init(loop_, &timer_);
    timer_.data = this;
    if (settings.for_ms) {
      uv_timer_start(
          &timer_, [](uv_timer_t* t) { static_cast<Ending*>(t->data)->end(); }, *settings.for_ms, 0);
    }
    if (settings.until_eof) watch_stdin();
  }

 private:
  void watch_stdin() {
    stdin_flags_ =
        fcntl(STDIN_FILENO, F_GETFL);  // libuv makes it non-blocking, for others who share it too
    if (uv_poll_init(loop_, &stdin_, STDIN_FILENO) != 0)
      return read_on();  // a file or /dev/null: never blocks
    polling_ = true;
    stdin_.data = this;
    uv_poll_start(&stdin_, UV_READABLE,
                  [](uv_poll_t* p, int, int) { static_cast<Ending*>(p->data)->read_on(); });
  }

  void read_on() {
    char bytes[4096];
    ssize_t n = 0;
    do {
      n = read(STDIN_FILENO, bytes, sizeof bytes);
    } while (n > 0 && !polling_);
    const bool later = n < 0 && (errno == EAGAIN || errno == EINTR);
    if (n <= 0 && !later) end();
  }

  void end() {
    if (ended_) return;
    ended_ = true;
    server_->stop();
    for (uv_signal_t& signal : signals_) uv_close(reinterpret_cast<uv_handle_t*>(&signal), nullptr);
    uv_close(reinterpret_cast<uv_handle_t*>(&timer_), nullptr);
    if (!polling_) return;
    uv_close(reinterpret_cast<uv_handle_t*>(&stdin_), nullptr);
    fcntl(STDIN_FILENO, F_SETFL, stdin_flags_);
  }

  uv_loop_t* loop_;
  Server* server_;
  uv_signal_t signals_[2];
  uv_timer_t timer_;
  uv_poll_t stdin_;
  int stdin_flags_ = 0;
  bool polling_ = false;
  bool ended_ = false;
};

int fail(const std::string& what, const std::string& why) {
  std::fprintf(stderr, "pester-flaky: %s: %s\n", what.c_str(), why.c_str());
  return 1;
}

int start_tls(const Settings& settings, TlsServer* tls) {
  if (!settings.cert_file.empty()) {
    const int error = tls->start_with_files(settings.cert_file, settings.key_file);
    return error == 0 ? 0 : fail("certificate and key", tls_error_text(error));
  }
  std::string pem;
  if (const int error = tls->start_with_own(settings.host, &pem))
    return fail("certificate", tls_error_text(error));
  if (settings.cert_out_file.empty()) return 0;
  std::FILE* const out = std::fopen(settings.cert_out_file.c_str(), "we");
  if (out == nullptr) return fail(settings.cert_out_file, std::strerror(errno));
  const bool written = std::fputs(pem.c_str(), out) >= 0;
  return std::fclose(out) == 0 && written ? 0 : fail(settings.cert_out_file, std::strerror(errno));
}

// A server that could not start leaves nothing behind.
void close_all(uv_loop_t* loop) {
  const auto close_one = [](uv_handle_t* handle, void*) {
    if (uv_is_closing(handle) == 0) uv_close(handle, nullptr);
  };
  uv_walk(loop, close_one, nullptr);
  uv_run(loop, UV_RUN_DEFAULT);
  uv_loop_close(loop);
}

int serve(const Settings& settings) {
  std::signal(SIGPIPE, SIG_IGN);
  EventLog log;
  if (settings.verbose) log.to_stdout();
  if (!settings.log_file.empty() && !log.to_file(settings.log_file)) {
    return fail(settings.log_file, std::strerror(errno));
  }
  TlsServer tls;
  if (settings.tls) {
    if (const int status = start_tls(settings, &tls)) return status;
  }
  uv_loop_t loop;
  uv_loop_init(&loop);
  {
    Server server(&loop, settings, &log, settings.tls ? &tls : nullptr);
    log.start();
    if (const int error = server.start()) {
      close_all(&loop);
      return fail(settings.host + ":" + std::to_string(settings.port), uv_strerror(error));
    }
    std::printf("listening %s\n", server.url().c_str());
    std::fflush(stdout);
    Ending ending(&loop, &server);
    ending.arm(settings);
    uv_run(&loop, UV_RUN_DEFAULT);
  }
  return uv_loop_close(&loop) == 0 ? 0 : fail("loop", "something is still open");
}

}  // namespace
}  // namespace pester::flaky

int main(int argc, char** argv) {
  using namespace pester::flaky;
  Settings settings;
  try {
    switch (parse_options(argc, argv, &settings)) {
      case Wish::help:
        std::fputs(kHelp, stdout);
        return 0;
      case Wish::version:
        std::puts("pester-flaky " PESTER_FLAKY_VERSION);
        return 0;
      case Wish::serve:
        return serve(settings);
    }
  } catch (const UsageError& error) {
    std::fprintf(stderr, "pester-flaky: %s\n", error.what());
    return 2;
  }
}

// SPDX-License-Identifier: MIT
// Where -i, -I, -D, -o, -f and --progress-bar meet the bytes.
#include "cli/transfer.h"

#include <sys/stat.h>
#include <unistd.h>

#include "cli/text.h"
#include "cli/waterfall.h"

namespace pester::cli {
namespace {

bool stdout_is_file() {
  struct stat facts {};
  return ::fstat(STDOUT_FILENO, &facts) == 0 && S_ISREG(facts.st_mode);
}

// As curl: when asked, and by default when the body goes to a file and someone looks at a terminal.
bool wants_progress(const Options& o, const OutputFile& sink) {
  if (o.output.progress_bar) return true;
  if (o.output.no_progress || o.output.silent || o.output.verbose || o.output.json ||
      o.resilience.repeat)
    return false;
  return (!sink.is_stdout() || stdout_is_file()) && ::isatty(STDERR_FILENO) == 1;
}

std::optional<uint64_t> announced_length(const ResponseReport& response) {
  const std::string* text = find_header(response, "Content-Length");
  return text != nullptr ? whole_number(*text) : std::nullopt;
}

}  // namespace

Transfer::Transfer(const Options& options, OutputFile* dump) : options_(options), dump_(dump) {
  const OutputOptions& out = options.output;
  if (out.output) {
    sink_.emplace(*out.output);
    if (options.resilience.parallel > 1) gathered_.emplace();
  } else if (!out.json && !options.resilience.repeat) {
    sink_.emplace("-");
  }
  if (sink_ && wants_progress(options, *sink_)) progress_.emplace(canvas_of(STDERR_FILENO).width);
}

bool Transfer::failed(const OutputFile& file) {
  if (error_.empty()) error_ = file.error();
  return false;
}

void Transfer::tell(const std::string& text) const {
  // A lost terminal is no reason to lose the transfer.
  if (!text.empty()) static_cast<void>(write_all(STDERR_FILENO, text));
}

bool Transfer::show(std::string_view bytes) {
  if (gathered_) {
    *gathered_ += bytes;
    return true;
  }
  return !sink_ || sink_->write(bytes) || failed(*sink_);
}

bool Transfer::write_heads(const std::string& text) {
  if (dump_ != nullptr && !dump_->write(text)) return failed(*dump_);
  return !(options_.output.include || options_.request.head) || show(text);
}

bool Transfer::heads_only(const std::string& heads) {
  return heads.empty() || write_heads(heads);
}

bool Transfer::head(const ResponseReport& response, const std::string& earlier, uint64_t now_ns) {
  if (!write_heads(earlier + head_text(response))) return false;
  body_shown_ = !(options_.output.fail && response.status >= 400);
  if (options_.request.head) body_shown_ = false;  // of whatever method
  if (!body_shown_) return true;
  // An empty body makes an empty file.
  if (sink_ && !sink_->open()) return failed(*sink_);
  if (progress_) progress_->start(announced_length(response), now_ns);
  return true;
}

bool Transfer::body(std::string_view bytes, uint64_t now_ns) {
  bytes_ += bytes.size();
  hash_.add(bytes);
  if (progress_) tell(progress_->advance(bytes_, now_ns));
  return !body_shown_ || show(bytes);
}

std::string Transfer::file_name() const {
  return sink_ && !sink_->is_stdout() && sink_->is_open() ? *options_.output.output : "";
}

bool Transfer::finish(Report& report) {
  report.body_bytes = bytes_;
  report.body_sha256 = hash_.hex();
  if (progress_) tell(progress_->finish(bytes_));
  if (!error_.empty()) return false;
  if (gathered_ && !gathered_->empty() && !sink_->write(*gathered_)) return failed(*sink_);
  return !sink_ || sink_->close() || failed(*sink_);
}

}  // namespace pester::cli

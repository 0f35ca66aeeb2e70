// SPDX-License-Identifier: MIT
// One logical request's answer on its way out: head and body to where the options say, bytes counted and
// hashed. It knows nothing of loops and clients.
#ifndef PESTER_CLI_TRANSFER_H_
#define PESTER_CLI_TRANSFER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/file_io.h"
#include "cli/options.h"
#include "cli/progress_bar.h"
#include "cli/report.h"
#include "cli/sha256.h"

namespace pester::cli {

class Transfer {
 public:
  // `dump`: where -D goes, or nullptr; it outlives the transfer.
  Transfer(const Options& options, OutputFile* dump);

  // The response that is delivered; then its body, span by span. False: the output cannot be written,
  // error() says why.
  // `earlier`: the heads of what led to it.
  bool head(const ResponseReport& response, const std::string& earlier, uint64_t now_ns);
  bool body(std::string_view bytes, uint64_t now_ns);
  // There is no response, but these heads came.
  bool heads_only(const std::string& heads);
  // No more comes. Fills what the report says of the body.
  bool finish(Report& report);

  [[nodiscard]] const std::string& error() const { return error_; }
  // Of the file that the body went to; "": there is none.
  [[nodiscard]] std::string file_name() const;

 private:
  bool write_heads(const std::string& text);
  bool show(std::string_view bytes);
  bool failed(const OutputFile& file);
  void tell(const std::string& text) const;

  const Options& options_;
  OutputFile* dump_;
  std::optional<OutputFile> sink_;  // nothing: the body goes nowhere
  // Several requests at once write one -o file: each whole, the last one stays.
  std::optional<std::string> gathered_;
  std::optional<ProgressBar> progress_;
  bool body_shown_ = true;
  uint64_t bytes_ = 0;
  Sha256 hash_;
  std::string error_;
};

}  // namespace pester::cli

#endif

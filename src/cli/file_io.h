// SPDX-License-Identifier: MIT
// Whole files in, whole writes out, through descriptors: a pipe that nobody reads any more is an error
// here and never a signal. It knows no options.
#ifndef PESTER_CLI_FILE_IO_H_
#define PESTER_CLI_FILE_IO_H_

#include <string>
#include <string_view>

namespace pester::cli {

// "-" is standard input. Throws CommandError with kExitRead.
std::string read_file(const std::string& path);

// Writes all of it, also to a descriptor that does not block. False: errno says why.
bool write_all(int fd, std::string_view bytes);

// A file being written, or standard output for "-". Opened at the first write or by open().
class OutputFile {
 public:
  explicit OutputFile(std::string path) : path_(std::move(path)) {}
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  // False: error() is a sentence.
  bool open();
  bool write(std::string_view bytes);
  bool close();
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] bool is_stdout() const { return path_ == "-"; }

 private:
  bool fail(const char* doing);

  std::string path_;
  int fd_ = -1;
  std::string error_;
};

}  // namespace pester::cli

#endif

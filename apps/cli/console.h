// cli/console.h: what the user sees. Results go to standard output and every byte of them is checked;
// messages and progress go to standard error, progress only when that is a terminal. Threads: Progress may be
// called from any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/mutex.h"

namespace cocozvec::cli {

class Console {
 public:
  Console();

  /// Throws std::runtime_error when standard output takes no more (full disk, closed pipe).
  void Write(std::string_view text);
  void WriteLine(std::string_view text);
  /// Everything written has been handed over; throws likewise.
  void Flush();

  /// "cocozvec: MESSAGE"; control characters in it are shown, not sent.
  void Error(std::string_view message) ZVEC_EXCLUDES(mu_);
  void Note(std::string_view message) ZVEC_EXCLUDES(mu_);
  /// Replaces the progress line; nothing when standard error is no terminal.
  void Progress(std::string_view text) ZVEC_EXCLUDES(mu_);
  void ClearProgress() ZVEC_EXCLUDES(mu_);
  bool shows_progress() const noexcept { return progress_; }

  std::string Bold(std::string_view text) const;
  std::string Dim(std::string_view text) const;

 private:
  void Erase() ZVEC_REQUIRES(mu_);

  bool progress_ = false;  // standard error is a terminal
  bool colour_ = false;    // standard output is a terminal that takes colours, and NO_COLOR is not set
  Mutex mu_;
  std::size_t shown_ ZVEC_GUARDED_BY(mu_) = 0;  // characters of the progress line
};

/// Control characters become ?, except line ends: text of files and file names must not steer a terminal.
std::string Printable(std::string_view text);

}  // namespace cocozvec::cli

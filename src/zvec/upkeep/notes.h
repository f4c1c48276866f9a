// zvec/upkeep/notes.h: where findings go.
#pragma once

#include <string>

#include "zvec/upkeep.h"

namespace zvec::inline v0 {

/// Findings about one file.
class Notes {
 public:
  Notes(VerifyReport& report, Harm harm, std::string file)
      : report_(report), harm_(harm), file_(std::move(file)) {}
  void Add(std::uint64_t offset, std::uint64_t size, std::string what) {
    ++count_;
    report_.findings.push_back({harm_, file_, offset, size, std::move(what)});
  }
  /// Of a message "<file>: at byte <offset>: <what>"; of any other, as a whole.
  void Add(const Status& status);
  std::uint64_t count() const noexcept { return count_; }
  const std::string& file() const noexcept { return file_; }
  VerifyReport& report() noexcept { return report_; }

 private:
  VerifyReport& report_;
  const Harm harm_;
  const std::string file_;
  std::uint64_t count_ = 0;
};

}  // namespace zvec::inline v0

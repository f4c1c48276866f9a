// tests/reliability/failing_new.h: the program's operator new, which can be told to fail, and with it
// (test builds) the arrays of base/array.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace reliability {

/// Fails allocation number `n` from now on (from 1), and with `sticky` every later one.
void FailNew(std::int64_t n, bool sticky);
void StopFailingNew();
/// Requests of more than this many bytes fail; 0: none does.
void LimitNew(std::size_t bytes);
bool NewHasFailed();  ///< since FailNew

/// On this thread, for what is not under test.
class NewAlwaysWorks {
 public:
  NewAlwaysWorks();
  ~NewAlwaysWorks();
  NewAlwaysWorks(const NewAlwaysWorks&) = delete;
  NewAlwaysWorks& operator=(const NewAlwaysWorks&) = delete;
};

}  // namespace reliability

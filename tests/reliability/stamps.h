// tests/reliability/stamps.h: batches that tell whether they are whole, and how old they are.
#pragma once

#include <cstdint>
#include <vector>

#include "life.h"

namespace reliability {

inline constexpr int kGroup = 5;  ///< documents that are always written together, with one stamp

std::vector<Doc> Stamped(std::int64_t stamp);
/// -1: the documents do not belong together.
std::int64_t StampOf(const std::vector<Doc>& docs);
/// The group as one reader sees it; which way of reading is used depends on `kind`.
std::vector<Doc> ReadGroup(const Collection& collection, int kind);

}  // namespace reliability

// tests/reliability/stream.h: a writer that acknowledges on standard output, and the examiner of what it left
// (D3).
#pragma once

#include <cstdint>
#include <string>

namespace reliability {

/// Writes numbered batches to a new collection until a write fails or the process ends.
int StreamBatches(const std::string& path, bool durable);
/// 0 when the acknowledged batches are there, and of those that were begun up to `last` + 1 some first ones,
/// all whole.
int ExamineBatches(const std::string& path, std::uint64_t acknowledged, std::uint64_t last);

}  // namespace reliability

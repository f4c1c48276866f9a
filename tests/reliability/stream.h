// tests/reliability/stream.h: a writer that acknowledges on standard output, and the examiner of what it left
// (D3).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace reliability {

/// Writes numbered batches to a new collection until a write fails or the process ends. `mode`: "durable",
/// "relaxed", or "stubborn": durable, and a batch that failed is tried again, on the same handle and on new
/// ones; or "full": durable, and an Optimize that fails ends it only where the disk is nearly full.
int StreamBatches(const std::string& path, std::string_view mode);
/// The operation of case `n` of the harness of kills, here and now; ends the process.
int OperateOnce(std::uint64_t n);
/// 0 when the acknowledged batches are there, and of those that were begun up to `last` + 1 some first ones,
/// all whole.
int ExamineBatches(const std::string& path, std::uint64_t acknowledged, std::uint64_t last,
                   bool read_only = false);

}  // namespace reliability

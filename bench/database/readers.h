// bench/database/readers.h: a reader beside a writer.
#pragma once

#include <string>

#include "report.h"

namespace bench {

/// Queries of a reader without a writer, beside one in another process, beside one in the same process, and
/// the writer's speed without readers: one run, ratios.
void MeasureReaders(const std::string& directory, bool quick, Report& report);

}  // namespace bench

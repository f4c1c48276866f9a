// bench/database/merges.h: queries beside a merge, and what many changes leave behind after Optimize.
#pragma once

#include <cstddef>
#include <string>

#include "report.h"

namespace bench {

/// Uses and removes `directory`/merges. Throws zvec::StatusError.
void MeasureMerges(const std::string& directory, std::size_t rows, Report& report);

}  // namespace bench

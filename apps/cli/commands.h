// cli/commands.h: one function for each command. Each returns an exit code, or throws a std::exception that
// main shows.
#pragma once

#include "console.h"
#include "options.h"

namespace cocozvec::cli {

int RunIndex(const Options& options, Console& console);
int RunSearch(const Options& options, Console& console);
int RunList(const Options& options, Console& console);
int RunExport(const Options& options, Console& console);
int RunDrop(const Options& options, Console& console);
int RunVersion(const Options& options, Console& console);
int RunVerify(const Options& options, Console& console);
int RunRepair(const Options& options, Console& console);
int RunSnapshot(const Options& options, Console& console);
int RunBackup(const Options& options, Console& console);
int RunRestore(const Options& options, Console& console);
int RunStats(const Options& options, Console& console);

}  // namespace cocozvec::cli

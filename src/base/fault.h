// base/fault.h: planted faults. In a test build a named fault is switched on at run time, by PlantFault or by
// the environment variable COCOZVEC_FAULT (names separated by commas); in a release build FaultPlanted is
// constant false.
#pragma once

#include <string_view>

namespace cocozvec::inline v0 {

#if defined(ZVEC_TEST_HOOKS)
bool FaultPlanted(std::string_view name) noexcept;
void PlantFault(std::string_view name, bool on);
#else
constexpr bool FaultPlanted(std::string_view) noexcept { return false; }
#endif

}  // namespace cocozvec::inline v0

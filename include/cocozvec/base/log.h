// cocozvec/base/log.h: where the libraries' messages go. Silent by default: embedded code does not print.
// Threads: both functions may be called from any thread; the callback may be called from several at once.
#pragma once

#include <functional>
#include <string_view>

namespace cocozvec::inline v0 {

enum class LogLevel { kDebug = 0, kInfo, kWarning, kError };

using LogCallback = std::function<void(LogLevel level, std::string_view message)>;

/// Replaces the callback; an empty function silences. Must not throw, must not call back into the library.
void SetLogCallback(LogCallback callback, LogLevel least = LogLevel::kInfo);

void Log(LogLevel level, std::string_view message) noexcept;

}  // namespace cocozvec::inline v0

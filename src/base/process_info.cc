#include "base/process_info.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <limits>
#include <string_view>

#include "base/io/file_system.h"

namespace cocozvec::inline v0 {
namespace {

/// Files under /proc claim to be empty: read until they end.
std::string ReadProc(const std::string& path) {
  Result<std::unique_ptr<File>> file = PosixFileSystem().Open(path, OpenMode::kRead);
  if (!file.ok()) return {};
  std::string text;
  std::array<char, 4096> part;
  while (text.size() < (std::size_t{1} << 20)) {
    Result<std::size_t> n = (*file)->ReadAt(text.size(), std::as_writable_bytes(std::span(part)));
    if (!n.ok()) return {};
    if (*n == 0) break;
    text.append(part.data(), *n);
  }
  return text;
}

std::optional<std::int64_t> Number(std::string_view text) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc()) return std::nullopt;
  return value;
}

/// The field with this number (from 1) in /proc/PID/stat, see proc(5); the second is a name in parentheses
/// that may hold anything, so counting starts behind the last parenthesis.
std::string_view StatField(std::string_view stat, int number) {
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return {};
  stat.remove_prefix(name_end + 1);
  for (int field = 2;; ++field) {
    const std::size_t start = stat.find_first_not_of(' ');
    if (start == std::string_view::npos) return {};
    stat.remove_prefix(start);
    const std::string_view value = stat.substr(0, stat.find(' '));
    if (field + 1 == number) return value;
    stat.remove_prefix(value.size());
  }
}

std::optional<std::int64_t> BootTime() {
  const std::string stat = ReadProc("/proc/stat");
  const std::size_t at = stat.find("\nbtime ");
  if (at == std::string::npos) return std::nullopt;
  return Number(std::string_view(stat).substr(at + 7));
}

std::string IsoTime(std::int64_t seconds) {
  const time_t when = static_cast<time_t>(seconds);
  struct tm utc;
  char text[32];
  if (::gmtime_r(&when, &utc) == nullptr) return {};
  return std::string(text, ::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc));
}

std::string StartTime(std::string_view stat) {
  const std::optional<std::int64_t> ticks = Number(StatField(stat, 22));
  const std::optional<std::int64_t> boot = BootTime();
  const long per_second = ::sysconf(_SC_CLK_TCK);
  if (!ticks || !boot || per_second <= 0) return {};
  return IsoTime(*boot + *ticks / per_second);
}

}  // namespace

std::string ProcessInfo::ToString() const {
  std::string text = "process " + std::to_string(pid);
  if (!started.empty()) text.append(", started ").append(started);
  return text;
}

ProcessInfo OwnProcess() { return {::getpid(), StartTime(ReadProc("/proc/self/stat"))}; }

std::optional<ProcessInfo> FindProcess(std::int64_t pid) {
  if (pid <= 0 || pid > std::numeric_limits<pid_t>::max())
    return std::nullopt;  // kill(0) and kill(-1) mean groups
  if (::kill(static_cast<pid_t>(pid), 0) != 0 && errno != EPERM) return std::nullopt;
  const std::string stat = ReadProc("/proc/" + std::to_string(pid) + "/stat");
  const std::string_view state = StatField(stat, 3);
  if (state == "Z" || state == "X") return std::nullopt;
  return ProcessInfo{pid, StartTime(stat)};
}

bool LivesStill(const ProcessInfo& process) {
  const std::optional<ProcessInfo> now = FindProcess(process.pid);
  if (!now) return false;
  return process.started.empty() || now->started.empty() || process.started == now->started;
}

}  // namespace cocozvec::inline v0

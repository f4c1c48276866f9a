#include "cocoindex/state/holder.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <span>
#include <thread>

#include "cocoindex/errors.h"

namespace cocoindex::inline v0 {
namespace {

constexpr std::size_t kMaxText = 1024;

// The file's text: three lines, "key value". Nothing but the message depends on it.
std::string DescribeThisProcess() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  char date[32] = "";
  if (::gmtime_r(&now, &utc) != nullptr) std::strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S UTC", &utc);
  return "pid " + std::to_string(::getpid()) + "\nprogram " + program_invocation_short_name + "\nopened " +
         date + "\n";
}

std::string ValueOf(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return {};
  const std::size_t begin = at + key.size();
  const std::size_t end = text.find('\n', begin);
  if (end == std::string_view::npos) return {};  // being written right now
  std::string value(text.substr(begin, end - begin));
  for (char& c : value) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return value;
}

std::string ReadText(const cocozvec::File& file) {
  std::string text(kMaxText, '\0');
  const auto got = file.ReadAt(0, std::as_writable_bytes(std::span(text)));
  text.resize(got.ok() ? *got : 0);
  return text;
}

bool IsAlive(const std::string& pid) {
  const long number = std::strtol(pid.c_str(), nullptr, 10);
  return number > 0 && (::kill(static_cast<pid_t>(number), 0) == 0 || errno == EPERM);
}

/// The holder writes itself in just after it has locked: until then the text is that of a predecessor, or
/// empty.
std::string DescribeHolder(const cocozvec::File& file) {
  std::string text = ReadText(file);
  for (int tries = 0; tries < 20 && !IsAlive(ValueOf(text, "pid ")); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    text = ReadText(file);
  }
  const std::string pid = ValueOf(text, "pid "), opened = ValueOf(text, "opened ");
  if (pid.empty() || opened.empty()) return "another process";
  return "process " + pid + " (" + ValueOf(text, "program ") + ") since " + opened;
}

void Check(const cocozvec::Status& status, const std::string& store) {
  if (!status.ok()) throw StateError("store " + store + ": " + std::string(status.message()));
}

}  // namespace

std::unique_ptr<cocozvec::File> LockStore(cocozvec::FileSystem& fs, const std::string& file,
                                          const std::string& store) {
  auto opened = fs.Open(file, cocozvec::OpenMode::kCreate);
  Check(opened.status(), store);
  std::unique_ptr<cocozvec::File> lock = *std::move(opened);
  const cocozvec::Status locked = lock->TryLock(true);
  if (locked.code() == cocozvec::StatusCode::kBusy) {
    throw StateBusyError("store " + store + " is open in " + DescribeHolder(*lock));
  }
  Check(locked, store);
  Check(lock->Truncate(0), store);
  Check(lock->WriteAt(0, std::as_bytes(std::span<const char>(DescribeThisProcess()))), store);
  return lock;
}

}  // namespace cocoindex::inline v0

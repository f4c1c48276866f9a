#include "python/zvec/logging.h"

#include <nanobind/stl/string.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "cocozvec/base/log.h"
#include "python/zvec/errors.h"

namespace cocozvec_python {
namespace {

constexpr const char* kNames[] = {"DEBUG", "INFO", "WARN", "ERROR"};

// No interpreter lock: any thread logs, also while another one waits for it.
void Write(std::FILE* to, cocozvec::LogLevel level, std::string_view message) {
  std::tm now{};
  const std::time_t seconds = std::time(nullptr);
  localtime_r(&seconds, &now);
  char when[32];
  std::strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &now);
  std::string line =
      std::string(when) + " " + kNames[static_cast<int>(level)] + " " + std::string(message) + "\n";
  std::fwrite(line.data(), 1, line.size(), to);
  std::fflush(to);
}

void LogTo(const std::string& path, int least) {
  std::FILE* to = stderr;
  if (!path.empty()) {
    to = std::fopen(path.c_str(), "ae");  // one a process, never closed: threads may still log
    if (!to) Raise(PyExc_RuntimeError, "Initialization failed: " + path + ": " + std::strerror(errno));
  }
  // FATAL of the peer is above all that the database has.
  if (least > static_cast<int>(cocozvec::LogLevel::kError)) return cocozvec::SetLogCallback({});
  cocozvec::SetLogCallback(
      [to](cocozvec::LogLevel level, std::string_view message) { Write(to, level, message); },
      static_cast<cocozvec::LogLevel>(least));
}

}  // namespace

void BindLogging(nb::module_& m) { m.def("log_to", &LogTo); }

}  // namespace cocozvec_python

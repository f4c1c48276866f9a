#include "console.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "text/utf8.h"

namespace cocozvec::cli {
namespace {

bool Set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool DumbTerminal() {
  const char* term = std::getenv("TERM");
  return term == nullptr || std::strcmp(term, "dumb") == 0;
}

void ToStandardError(std::string_view text) {
  (void)std::fwrite(text.data(), 1, text.size(), stderr);  // nowhere left to report a failure to
  (void)std::fflush(stderr);
}

[[noreturn]] void OutputFailed() {
  throw std::runtime_error(std::string("standard output: ") + std::strerror(errno));
}

}  // namespace

Console::Console()
    : progress_(::isatty(STDERR_FILENO) != 0 && !DumbTerminal()),
      colour_(::isatty(STDOUT_FILENO) != 0 && !DumbTerminal() && !Set("NO_COLOR")) {}

void Console::Write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) OutputFailed();
}

void Console::WriteLine(std::string_view text) {
  Write(text);
  Write("\n");
}

void Console::Flush() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) OutputFailed();
}

void Console::Error(std::string_view message) { Note("cocozvec: " + Printable(message)); }

void Console::Note(std::string_view message) {
  const MutexLock lock(mu_);
  Erase();
  ToStandardError(std::string(message) + "\n");
}

void Console::Progress(std::string_view text) {
  if (!progress_) return;
  const MutexLock lock(mu_);
  Erase();
  ToStandardError(text);
  shown_ = text.size();
}

void Console::ClearProgress() {
  const MutexLock lock(mu_);
  Erase();
}

// Blanks instead of an escape sequence: right with NO_COLOR and on every terminal.
void Console::Erase() {
  if (shown_ == 0) return;
  ToStandardError("\r" + std::string(shown_, ' ') + "\r");
  shown_ = 0;
}

std::string Console::Bold(std::string_view text) const {
  return colour_ ? "\x1b[1m" + std::string(text) + "\x1b[0m" : std::string(text);
}
std::string Console::Dim(std::string_view text) const {
  return colour_ ? "\x1b[2m" + std::string(text) + "\x1b[0m" : std::string(text);
}

std::string Printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto c = cocoindex::text::decode(text, at);
    const bool control = (c.value < 0x20 && c.value != '\n') || (c.value >= 0x7F && c.value < 0xA0);
    if (control) {
      out += '?';  // bytes that are no UTF-8 among them
    } else {
      out += text.substr(at, c.bytes);
    }
    at += c.bytes;
  }
  return out;
}

}  // namespace cocozvec::cli

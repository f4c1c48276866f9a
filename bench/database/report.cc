#include "report.h"

#include <cmath>
#include <cstdio>

namespace bench {
namespace {

std::string Format(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

std::string JsonText(const std::string& s) {
  std::string out = "\"";
  for (const char c : s) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string Readable(double value) {
  if (value < 1) return Format("%.3g", value);
  if (value < 100) return Format("%.1f", value);
  std::string digits = Format("%.0f", value);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

void Report::Begin(const std::string& name, const std::string& explanation) {
  name_ = name;
  if (!json_only_) std::printf("\n%s: %s\n", name.c_str(), explanation.c_str());
}

void Report::Add(const Row& row) {
  std::string line = "{\"benchmark\":" + JsonText(name_);
  std::string shown;
  for (const auto& [column, cell] : row) {
    const auto* text = std::get_if<std::string>(&cell);
    line += "," + JsonText(column) + ":" + (text ? JsonText(*text) : Format("%.6g", std::get<double>(cell)));
    shown += "  " + column + " " + (text ? *text : Readable(std::get<double>(cell)));
  }
  line += "}";
  if (json_only_) {
    std::puts(line.c_str());
  } else {
    std::puts(shown.c_str());
    lines_.push_back(line);
  }
  std::fflush(stdout);
}

void Report::Finish() const {
  if (!lines_.empty()) std::puts("");
  for (const std::string& line : lines_) std::puts(line.c_str());
}

}  // namespace bench

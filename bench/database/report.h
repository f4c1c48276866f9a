// bench/database/report.h: a table for people and one JSON object a line for programs.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace bench {

using Cell = std::variant<std::string, double>;
using Row = std::vector<std::pair<std::string, Cell>>;  ///< column name -> value

/// Collects rows of one table after the other.
class Report {
 public:
  /// `json_only`: no tables, and lines as soon as they are there.
  explicit Report(bool json_only) : json_only_(json_only) {}
  /// Begins a table; its name is the key "benchmark" of every line.
  void Begin(const std::string& name, const std::string& explanation);
  void Add(const Row& row);
  /// All JSON lines, unless they were printed before.
  void Finish() const;

 private:
  bool json_only_;
  std::string name_;
  std::vector<std::string> lines_;
};

/// 1234567.8 -> "1,234,568"; 12.345 -> "12.3"; 0.01234 -> "0.0123".
std::string Readable(double value);

}  // namespace bench

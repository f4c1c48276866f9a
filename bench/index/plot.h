// bench/index/plot.h: recall against queries a second, as numbers and as a picture.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

struct Curve {
  struct Point {
    std::uint32_t ef = 0;
    double recall = 0, queries_per_s = 0;
  };
  std::string name;
  double build_seconds = 0;
  std::size_t build_threads = 1;
  std::vector<Point> points;  ///< by rising ef
  Point chosen;               ///< with what the index chose; no queries: it does not choose

  /// Queries a second at a recall, between the neighbouring points; 0: not reached.
  double At(double recall) const;
};

void WriteSvg(const std::string& path, const std::string& title, const std::vector<Curve>& curves);

}  // namespace bench

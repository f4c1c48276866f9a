#include "plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>

namespace bench {

double Curve::At(double recall) const {
  double best = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& p = points[i];
    if (p.recall >= recall) best = std::max(best, p.queries_per_s);
    if (i == 0 || p.recall < recall || points[i - 1].recall >= recall) continue;
    const Point& before = points[i - 1];
    const double share = (recall - before.recall) / (p.recall - before.recall);
    best = std::max(
        best, std::exp(std::log(before.queries_per_s) * (1 - share) + std::log(p.queries_per_s) * share));
  }
  return best;
}

namespace {

constexpr double kWidth = 760, kHeight = 460, kLeft = 70, kRight = 190, kTop = 40, kBottom = 50;

/// 0.90 .. 0.9995 by the share that is missing, so that the good end has room.
double X(double recall) {
  const double at = std::log10(1 - std::clamp(recall, 0.9, 0.9995));
  return kLeft + (at - std::log10(0.1)) / (std::log10(0.0005) - std::log10(0.1)) * (kWidth - kLeft - kRight);
}

double Y(double queries_per_s) {
  const double at = std::clamp(std::log10(queries_per_s), 2.0, 5.5);
  return kHeight - kBottom - (at - 2) / 3.5 * (kHeight - kTop - kBottom);
}

}  // namespace

void WriteSvg(const std::string& path, const std::string& title, const std::vector<Curve>& curves) {
  static constexpr const char* kColours[] = {"#c0392b", "#e67e22", "#2980b9", "#27ae60",
                                             "#8e44ad", "#16a085", "#7f8c8d"};
  std::FILE* out = std::fopen(path.c_str(), "w");
  if (out == nullptr) throw std::runtime_error("cannot write " + path);
  std::fprintf(out,
               "<svg xmlns='http://www.w3.org/2000/svg' width='%g' height='%g' font-family='sans-serif' "
               "font-size='12'>\n"
               "<rect width='100%%' height='100%%' fill='white'/><text x='%g' y='22' font-size='15'>%s: "
               "queries/s, one thread, top 10</text>\n",
               kWidth, kHeight, kLeft, title.c_str());
  for (const double recall : {0.9, 0.95, 0.98, 0.99, 0.995, 0.999})
    std::fprintf(
        out, "<path d='M%.1f %gV%g' stroke='#ddd'/><text x='%.1f' y='%g' text-anchor='middle'>%g</text>\n",
        X(recall), kTop, kHeight - kBottom, X(recall), kHeight - kBottom + 18, recall);
  for (const double qps : {1e2, 1e3, 1e4, 1e5})
    std::fprintf(out,
                 "<path d='M%g %.1fH%g' stroke='#ddd'/><text x='%g' y='%.1f' text-anchor='end'>%g</text>\n",
                 kLeft, Y(qps), kWidth - kRight, kLeft - 6, Y(qps) + 4, qps);
  std::fprintf(out, "<text x='%g' y='%g' text-anchor='middle'>recall@10</text>\n",
               (kLeft + kWidth - kRight) / 2, kHeight - 10);
  for (std::size_t c = 0; c < curves.size(); ++c) {
    const char* colour = kColours[c % std::size(kColours)];
    std::string line;
    for (const Curve::Point& p : curves[c].points) {
      if (p.recall < 0.9) continue;
      char text[64];
      std::snprintf(text, sizeof(text), "%.1f,%.1f ", X(p.recall), Y(p.queries_per_s));
      line += text;
    }
    std::fprintf(out,
                 "<polyline points='%s' fill='none' stroke='%s' stroke-width='2'/><text x='%g' y='%g' "
                 "fill='%s'>%s</text>\n",
                 line.c_str(), colour, kWidth - kRight + 12, kTop + 14 + 18 * static_cast<double>(c), colour,
                 curves[c].name.c_str());
  }
  std::fputs("</svg>\n", out);
  std::fclose(out);
}

}  // namespace bench

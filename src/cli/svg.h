// SPDX-License-Identifier: MIT
// A picture in SVG, shape by shape. Numbers are written with a tenth and a point whatever the locale, so
// that the same shapes give the same bytes. It knows nothing of axes.
#ifndef PESTER_CLI_SVG_H_
#define PESTER_CLI_SVG_H_

#include <string>
#include <string_view>
#include <vector>

namespace pester::cli {

struct Point {
  double x = 0, y = 0;
};

class Svg {
 public:
  enum class Anchor { start, middle, end };

  Svg(double width, double height);

  void line(Point from, Point to, std::string_view colour, double width);
  void polyline(const std::vector<Point>& points, std::string_view colour, double width);
  void circle(Point centre, double radius, std::string_view fill, std::string_view stroke);
  void rectangle(Point corner, double width, double height, std::string_view fill);
  // `turned`: read from below.
  void text(Point at, std::string_view words, Anchor anchor, double size, bool turned = false);

  [[nodiscard]] std::string document() const { return out_ + "</svg>\n"; }

 private:
  std::string out_;
};

}  // namespace pester::cli

#endif

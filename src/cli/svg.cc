// SPDX-License-Identifier: MIT
#include "cli/svg.h"

#include <fmt/core.h>

#include "cli/text.h"

namespace pester::cli {
namespace {

// What XML keeps for itself.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : utf8_or_latin1(printable(text))) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
        break;
    }
  }
  return out;
}

const char* name_of(Svg::Anchor anchor) {
  switch (anchor) {
    case Svg::Anchor::start:
      return "start";
    case Svg::Anchor::middle:
      return "middle";
    case Svg::Anchor::end:
      return "end";
  }
  return "";
}

}  // namespace

Svg::Svg(double width, double height) {
  out_ = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0f} {:.0f}\" width=\"{:.0f}\" "
      "height=\"{:.0f}\" font-family=\"sans-serif\">\n",
      width, height, width, height);
  rectangle({0, 0}, width, height, "#ffffff");
}

void Svg::line(Point from, Point to, std::string_view colour, double width) {
  out_ += fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" "
      "stroke-width=\"{:.1f}\"/>\n",
      from.x, from.y, to.x, to.y, colour, width);
}

void Svg::polyline(const std::vector<Point>& points, std::string_view colour, double width) {
  std::string all;
  for (const Point& point : points) {
    all += fmt::format("{}{:.1f},{:.1f}", all.empty() ? "" : " ", point.x, point.y);
  }
  out_ += fmt::format(
      "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{:.1f}\" "
      "stroke-linejoin=\"round\"/>\n",
      all, colour, width);
}

void Svg::circle(Point centre, double radius, std::string_view fill, std::string_view stroke) {
  out_ += fmt::format(
      "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" fill=\"{}\" stroke=\"{}\" "
      "stroke-width=\"1.5\"/>\n",
      centre.x, centre.y, radius, fill, stroke);
}

void Svg::rectangle(Point corner, double width, double height, std::string_view fill) {
  out_ +=
      fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"/>\n",
                  corner.x, corner.y, width, height, fill);
}

void Svg::text(Point at, std::string_view words, Anchor anchor, double size, bool turned) {
  const std::string turn =
      turned ? fmt::format(" transform=\"rotate(-90 {:.1f} {:.1f})\"", at.x, at.y) : "";
  out_ += fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{:.0f}\" text-anchor=\"{}\" fill=\"#333333\"{}>{}"
      "</text>\n",
      at.x, at.y, size, name_of(anchor), turn, escaped(words));
}

}  // namespace pester::cli

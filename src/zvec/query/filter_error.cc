// How errors in a filter look.
#include <algorithm>
#include <numeric>

#include "zvec/query/parser.h"
#include "zvec/schema/text.h"

namespace zvec::inline v0::filter {
namespace {

constexpr std::size_t kContextBytes = 60;  // of the line, before and after the place

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Printable, one column a character: what would move the caret becomes a blank, what is broken a question
// mark.
void AppendShown(std::string_view text, std::string& out, std::size_t* columns) {
  for (std::size_t pos = 0; pos < text.size(); ++*columns) {
    const std::size_t start = pos;
    const char32_t c = NextCharacter(text, &pos);
    if (c == kInvalidCharacter) {
      out += '?';
    } else if (c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029) {
      out += ' ';
    } else {
      out += text.substr(start, pos - start);
    }
  }
}

std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string Lowered(std::string_view s) {
  std::string out(s);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

}  // namespace

cocozvec::Status FilterError(std::string_view text, std::size_t position, const std::string& problem) {
  position = std::min(position, text.size());
  const std::size_t newline = position == 0 ? std::string_view::npos : text.rfind('\n', position - 1);
  const std::size_t line_start = newline == std::string_view::npos ? 0 : newline + 1;
  const std::size_t line_end = std::min(text.find('\n', position), text.size());
  const auto line =
      1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(line_start), '\n');
  const auto column = 1 + std::count_if(text.begin() + static_cast<std::ptrdiff_t>(line_start),
                                        text.begin() + static_cast<std::ptrdiff_t>(position),
                                        [](char c) { return !IsContinuation(c); });
  std::size_t from = position - std::min(position - line_start, kContextBytes);
  while (from > line_start && IsContinuation(text[from])) --from;
  std::size_t to = std::min(position + kContextBytes, line_end);
  while (to < line_end && IsContinuation(text[to])) ++to;

  std::string message =
      "filter, line " + std::to_string(line) + " column " + std::to_string(column) + ": " + problem + "\n  ";
  std::size_t caret = 2, after = 0;
  if (from > line_start) message += "...", caret += 3;
  AppendShown(text.substr(from, position - from), message, &caret);
  AppendShown(text.substr(position, to - position), message, &after);
  if (to < line_end) message += "...";
  return cocozvec::Status::InvalidArgument(message + "\n" + std::string(caret, ' ') + "^");
}

std::string Suggestion(std::string_view name, const std::vector<std::string_view>& known) {
  constexpr std::size_t kMost = 3;
  if (name.size() > 256) return {};
  const std::string wanted = Lowered(name);
  const std::size_t limit = std::max<std::size_t>(1, std::min<std::size_t>(3, wanted.size() / 3));
  std::vector<std::pair<std::size_t, std::size_t>> near;  // distance, place in `known`
  for (std::size_t i = 0; i < known.size(); ++i) {
    const std::size_t distance = Distance(wanted, Lowered(known[i]));
    if (distance <= limit) near.emplace_back(distance, i);
  }
  std::sort(near.begin(), near.end());
  if (near.size() > kMost) near.resize(kMost);
  std::string text;
  for (std::size_t i = 0; i < near.size(); ++i) {
    text += i == 0 ? "; did you mean " : i + 1 == near.size() ? " or " : ", ";
    text += Quoted(known[near[i].second]);
  }
  return near.empty() ? text : text + "?";
}

}  // namespace zvec::inline v0::filter

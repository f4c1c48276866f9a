// fuzz/json.cc: any text as JSON and as each text form of a value (the first byte chooses). What is accepted
// is written and read again, and stays what it is.
#include "cocoindex/json.h"

#include <cmath>

#include "cocoindex/errors.h"
#include "cocoindex/text_forms.h"
#include "fuzz.h"

namespace fuzz {
namespace {

namespace coco = cocoindex;
namespace text = cocoindex::text;

/// Written again, and read and written once more: the same text. Only the first reading may refuse.
template <class Parse, class Write>
void Same(std::string_view input, const Parse& parse, const Write& write) {
  const auto value = parse(input);
  try {
    const std::string first = write(value);
    Require(write(parse(first)) == first, "a value has two forms", first);
  } catch (const coco::ValueError& error) {
    Fail("what was read cannot be written and read again", error.what());
  }
}
/// The exact inverse of its writer takes nothing else.
template <class Parse, class Write>
void Exact(std::string_view input, const Parse& parse, const Write& write) {
  Require(write(parse(input)) == input, "a form that is never written was read", input);
}

void Check(unsigned char form, std::string_view input) {
  switch (form) {
    case 0:
      return Same(input, coco::Json::parse, [](const coco::Json& v) { return v.text(); });
    case 1:
      return Exact(input, text::from_base64, [](const coco::Bytes& v) { return text::to_base64(v); });
    case 2:
      return Exact(input, text::parse_uuid, text::uuid_text);
    case 3:
      return Same(input, text::parse_decimal, text::decimal_text);
    case 4:
      return Exact(input, text::parse_date, text::date_text);
    case 5:
      return Exact(input, text::parse_time, text::time_text);
    case 6:
      return Same(input, text::parse_offset_datetime,
                  [](const coco::OffsetDateTime& v) { return text::datetime_text(v); });
    case 7:
      return Same(input, text::parse_utc_datetime,
                  [](text::UtcDateTime v) { return text::datetime_text(v); });
    case 8:
      return Same(input, text::parse_local_datetime,
                  [](text::LocalDateTime v) { return text::datetime_text(v); });
    case 9:
      return Exact(input, text::parse_span, text::span_text);
    case 10:
      return Exact(input, text::parse_bytes_text, [](const coco::Bytes& v) { return text::bytes_text(v); });
    case 11:
      return Same(input, text::parse_real, text::real_text);
    default:
      return;
  }
}

}  // namespace

std::vector<std::string> Seeds() {
  using namespace std::string_literals;
  return {"\0{\"a\": [1, -2.5e3, null, true, \"\\u00e9\\ud83d\\ude00\"], \"b\": 123456789012345678901}"s,
          "\0[NaN, Infinity, -Infinity, 1e400, 0.1]"s,
          "\1AAECAw=="s,
          "\2"
          "0188f5a4-1111-7222-8333-444455556666"s,
          "\3-1.50E+3"s,
          "\4"
          "2024-02-29"s,
          "\5"
          "03:04:05.000006+05:45"s,
          "\6"
          "2020-01-02T03:04:05+00:00"s,
          "\7"
          "2020-01-02T03:04:05-23:59"s,
          "\10"
          "2020-01-02 03:04:05.5"s,
          "\11-3 days, 4:05:06.000007"s,
          "\12"
          "b'\\x00\\'a'"s,
          "\13"
          "1e-07"s};
}

void Run(std::string_view input) {
  if (input.empty()) return;
  try {
    Check(static_cast<unsigned char>(input[0]), input.substr(1));
  } catch (const coco::ValueError&) {
    // The one error that a text may be.
  }
}

void Vary(std::string& input, std::size_t most, Random& random) {
  static const std::vector<std::string> words = {
      "{",     "}",    "[",        "]",      "\"",      ":",        ",",       "null",    "true",
      "false", "NaN",  "Infinity", "-",      "1e",      "E+",       "0.",      "\\u00e9", "\\ud83d",
      "\\",    "/",    "T",        "+05:45", " days, ", "12:34:56", "b'",      "\\x",     "=",
      "9999",  "0001", ".000001",  "sNaN",   "0",       "1",        "\"a\": ", "\n",      "\t"};
  if (input.empty()) input.push_back(static_cast<char>(random() % 12));
  std::string rest = input.substr(1);
  const std::size_t depth = random() % 1000;
  if (random() % 32 == 0 && rest.size() + 2 * depth < most)
    rest = std::string(depth, '[') + rest + std::string(depth, ']');
  else
    VaryText(rest, most > 0 ? most - 1 : 0, random, words);
  input.replace(1, std::string::npos, rest);
}
void Seal(std::string&) {}

}  // namespace fuzz

// cli/json.h: writes JSON text, value by value. Whatever comes in, valid JSON comes out: bytes that are no
// UTF-8 become U+FFFD, numbers that are not finite become null.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace cocozvec::cli {

class JsonWriter {
 public:
  JsonWriter& Object() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& Array() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }
  JsonWriter& Key(std::string_view name);

  JsonWriter& Text(std::string_view value);
  JsonWriter& Bool(bool value) { return Raw(value ? "true" : "false"); }
  JsonWriter& Null() { return Raw("null"); }
  JsonWriter& Float(float value);    ///< the shortest digits that read back as the same float
  JsonWriter& Double(double value);  ///< likewise
  template <std::integral I>
  JsonWriter& Int(I value) {
    return Raw(std::to_string(value));
  }

  const std::string& text() const noexcept { return out_; }
  std::string Take() { return std::exchange(out_, {}); }

 private:
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  JsonWriter& Raw(std::string_view token);
  void Separate();
  void Quote(std::string_view value);

  std::string out_;
  bool first_ = true;  // nothing has been written since the last bracket opened
  bool after_key_ = false;
};

}  // namespace cocozvec::cli

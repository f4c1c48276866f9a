#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <typeinfo>

#include "cocoindex/reflect.h"

namespace cocoindex::inline v0::reflect {
namespace {

void EraseAll(std::string& text, std::string_view part) {
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at))
    text.erase(at, part.size());
}
void ReplaceAll(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

std::string type_name(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
  if (status != 0 || text == nullptr) return type.name();
  std::string name = text.get();
  // The library's and our ABI namespaces are no part of what the user wrote.
  EraseAll(name, "__cxx11::");
  ReplaceAll(name, "cocoindex::v0::", "cocoindex::");
  ReplaceAll(name, "std::basic_string<char, std::char_traits<char>, std::allocator<char> >", "std::string");
  return name;
}

}  // namespace cocoindex::inline v0::reflect

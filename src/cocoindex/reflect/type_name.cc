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

std::string Demangled(const char* mangled) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(mangled, nullptr, nullptr, &status),
                                                    &std::free);
  return status == 0 && text != nullptr ? text.get() : "";
}

}  // namespace

std::string type_name(const std::type_info& type) {
  std::string name = Demangled(type.name());
  if (name.empty()) {  // the library of g++ 12 does not know _Float16, but the older letter for a half
    std::string mangled = type.name();
    ReplaceAll(mangled, "DF16_", "Dh");
    name = Demangled(mangled.c_str());
  }
  if (name.empty()) return type.name();
  // The library's and our ABI namespaces are no part of what the user wrote.
  EraseAll(name, "__cxx11::");
  ReplaceAll(name, "cocoindex::v0::", "cocoindex::");
  ReplaceAll(name, "cocoindex::reflect::detail::Half", "coco::half");
  ReplaceAll(name, "std::basic_string<char, std::char_traits<char>, std::allocator<char> >", "std::string");
  return name;
}

}  // namespace cocoindex::inline v0::reflect

#include "cocoindex/reflect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cocoindex/types.h"

namespace coco = cocoindex;
namespace reflect = coco::reflect;

namespace {

constexpr bool Same(auto names, std::initializer_list<std::string_view> expected) {
  if (names.size() != expected.size()) return false;
  std::size_t i = 0;
  for (std::string_view e : expected) {
    if (names[i++] != e) return false;
  }
  return true;
}

struct Doc {
  std::string id;
  std::string title;
  coco::Annotated<std::vector<float>, coco::VectorSchema{384}> embedding;
};
static_assert(reflect::Reflectable<Doc>);
static_assert(Same(reflect::field_names<Doc>, {"id", "title", "embedding"}));
static_assert(std::is_same_v<reflect::field_type<Doc, 1>, std::string>);
static_assert(reflect::member_name<&Doc::title> == "title");
static_assert(reflect::member_name<&Doc::embedding> == "embedding");

// Everything that has tripped an aggregate reflection once.
struct NoDefault {
  explicit NoDefault(int v) : value(v) {}
  int value;
};
enum class Colour { red, green };
struct Inner {
  int a;
  double b;
};
struct Everything {
  NoDefault first;
  std::optional<int> number;
  std::optional<std::string> text;
  coco::Annotated<std::optional<std::string>, 1> inside;
  std::optional<coco::Annotated<std::string, 1>> outside;
  std::variant<int, std::string> choice;
  std::unique_ptr<int> owned;
  std::function<void()> call;
  std::chrono::milliseconds span;
  std::array<float, 4> fixed;
  std::vector<bool> bits;
  std::map<std::uint32_t, float> sparse;
  coco::half small;
  Colour colour;
  Inner inner;
  bool flag;
  char letter;
  const char* c_text;
  std::string_view view;
  coco::Annotated<int, 7, true> noted;
  int größe;
  NoDefault last;
};
static_assert(Same(reflect::field_names<Everything>,
                   {"first",  "number", "text", "inside", "outside", "choice", "owned", "call",
                    "span",   "fixed",  "bits", "sparse", "small",   "colour", "inner", "flag",
                    "letter", "c_text", "view", "noted",  "größe",   "last"}));
static_assert(std::is_same_v<reflect::field_type<Everything, 9>, std::array<float, 4>>);

template <class T>
struct Templated {
  T x;
  std::vector<T> xs;
};
static_assert(Same(reflect::field_names<Templated<std::string>>, {"x", "xs"}));

struct Empty {};
static_assert(reflect::field_count<Empty> == 0);

// clang-format off
struct Wide {
  int f00, f01, f02, f03, f04, f05, f06, f07, f08, f09, f10, f11, f12, f13, f14, f15;
  int f16, f17, f18, f19, f20, f21, f22, f23, f24, f25, f26, f27, f28, f29, f30, f31;
  int f32, f33, f34, f35, f36, f37, f38, f39, f40, f41, f42, f43, f44, f45, f46, f47;
  int f48, f49, f50, f51, f52, f53, f54, f55, f56, f57, f58, f59, f60, f61, f62, f63;
};
// clang-format on
static_assert(reflect::field_count<Wide> == 64);
static_assert(reflect::field_names<Wide>[63] == "f63");

struct TooWide {
  Wide wide;
  int more;
};
struct Base {
  int b;
};
struct DerivedAggregate : Base {
  int d;
};
class Private {
 public:
  explicit Private(int v) : hidden_(v) {}

 private:
  int hidden_;
  COCO_DESCRIBE_INSIDE(Private, hidden_)
};
struct WithBase : Base {
  WithBase(int x, std::string y) : Base{x}, own(std::move(y)) {}
  std::string own;
};
COCO_DESCRIBE(WithBase, b, own)

struct Views {  // borrows what it describes
  const std::string& title;
  std::vector<int>& numbers;
  int own = 0;
};
COCO_DESCRIBE(Views, title, numbers, own)
static_assert(Same(reflect::field_names<Views>, {"title", "numbers", "own"}));
static_assert(std::is_same_v<reflect::field_type<Views, 0>, std::string>);
template <class T>
class Box {
  T inside_{};
  COCO_DESCRIBE_INSIDE(Box, inside_)
};
static_assert(Same(reflect::field_names<Box<int>>, {"inside_"}));

static_assert(!reflect::Reflectable<int>);
static_assert(!reflect::Reflectable<std::string>);
static_assert(!reflect::Reflectable<std::vector<int>>);
static_assert(!reflect::Reflectable<std::array<float, 3>>);
static_assert(!reflect::Reflectable<NoDefault>);
static_assert(!reflect::Reflectable<DerivedAggregate>);
static_assert(reflect::field_count<TooWide> == 2);
static_assert(Same(reflect::field_names<Private>, {"hidden_"}));
static_assert(Same(reflect::field_names<WithBase>, {"b", "own"}));

struct Big {
  // clang-format off
  int a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, d0, d1, d2,
      d3, d4, d5, d6, d7, d8, d9, e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, g0, g1, g2, g3, g4, g5, g6,
      g7, g8, g9, h0, h1, h2, h3, h4, h5, h6, h7, h8, h9, i0, i1, i2, i3, i4, i5, i6, i7, i8, i9, j0, j1, j2, j3, j4, j5, j6, j7, j8, j9,
      k0, k1, k2, k3, k4, k5, k6, k7, k8, k9, l0, l1, l2, l3, l4, l5, l6, l7, l8, l9;
  // clang-format on
};
// clang-format off
COCO_DESCRIBE(Big, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, d0, d1, d2,
      d3, d4, d5, d6, d7, d8, d9, e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, g0, g1, g2, g3, g4, g5, g6,
      g7, g8, g9, h0, h1, h2, h3, h4, h5, h6, h7, h8, h9, i0, i1, i2, i3, i4, i5, i6, i7, i8, i9, j0, j1, j2, j3, j4, j5, j6, j7, j8, j9,
      k0, k1, k2, k3, k4, k5, k6, k7, k8, k9, l0, l1, l2, l3, l4, l5, l6, l7, l8, l9)
// clang-format on
static_assert(reflect::field_count<Big> == 120);
static_assert(reflect::field_names<Big>[119] == "l9");

TEST(Reflect, ForEachFieldVisitsNamesAndMembersInOrder) {
  Doc doc{.id = "1", .title = "Alice", .embedding = std::vector<float>(2)};
  std::string seen;
  reflect::for_each_field(doc, [&](std::string_view name, auto& member) {
    seen += name;
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(member)>, std::string>) seen += "=" + member;
    seen += ";";
  });
  EXPECT_EQ(seen, "id=1;title=Alice;embedding;");
}

TEST(Reflect, MembersCanBeWrittenAndConstObjectsRead) {
  Inner inner{1, 2.5};
  reflect::for_each_field(inner, [](std::string_view, auto& m) { m += 1; });
  const Inner& read = inner;
  double sum = 0;
  reflect::for_each_field(read, [&](std::string_view, const auto& m) { sum += m; });
  EXPECT_EQ(sum, 5.5);
}

// Guards: clang refused a local record with an optional member of a type without linkage.
TEST(Reflect, LocalStructsMayHoldOptionalsOfTypesWithoutLinkage) {
  struct Local {
    std::optional<Inner> maybe;
    int more;
  };
  static_assert(Same(reflect::field_names<Local>, {"maybe", "more"}));
  EXPECT_EQ(reflect::field_count<Local>, 2u);
}

TEST(Reflect, LocalStructsHaveNames) {
  struct Local {
    int here;
  };
  constexpr auto names = reflect::field_names<Local>;
  EXPECT_EQ(names[0], "here");
}

TEST(Reflect, DescribedTypesShowPrivateAndInheritedMembers) {
  const Private hidden(7);
  int value = 0;
  reflect::for_each_field(hidden, [&](std::string_view, int m) { value = m; });
  EXPECT_EQ(value, 7);
  const WithBase derived(3, "x");
  std::string seen;
  reflect::for_each_field(derived, [&](std::string_view name, const auto&) { seen += name; });
  EXPECT_EQ(seen, "bown");
}

TEST(Reflect, DescribedReferencesShowWhatTheyReferTo) {
  const std::string title = "a title";
  std::vector<int> numbers{1, 2};
  const Views views{title, numbers, 7};
  std::string seen;
  reflect::for_each_field(views, [&](std::string_view name, auto& member) {
    seen += std::string(name) + ";";
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(member)>, std::string>) {
      EXPECT_EQ(&member, &title);
    }
  });
  EXPECT_EQ(seen, "title;numbers;own;");
}

TEST(Reflect, TypesAreVisitedWithoutAnObject) {
  std::size_t bytes = 0;
  reflect::for_each_field_type<Inner>(
      [&](std::string_view, auto type) { bytes += sizeof(typename decltype(type)::type); });
  EXPECT_EQ(bytes, sizeof(int) + sizeof(double));
}

TEST(Reflect, TypeNamesReadAsWritten) {
  EXPECT_EQ(reflect::type_name<int>(), "int");
  EXPECT_EQ(reflect::type_name<std::string>(), "std::string");
  EXPECT_EQ(reflect::type_name<coco::VectorSchema>(), "cocoindex::VectorSchema");
  EXPECT_EQ(reflect::type_name<coco::half>(), "coco::half");  // did not link with g++ 12
  EXPECT_THAT(reflect::type_name<std::vector<coco::half>>(), testing::HasSubstr("std::vector<half"));
}

}  // namespace

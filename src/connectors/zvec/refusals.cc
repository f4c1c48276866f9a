// Not compiled into anything: each CASE_ must be refused by the compiler with the sentence that refusals.py
// has for it.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cocoindex/cocoindex.h"
#include "cocoindex/connectors/zvec.h"

namespace zc = cocoindex::connectors::zvec;
using coco::Annotated, coco::VectorSchema;

struct Doc {
  std::string id;
  Annotated<std::vector<float>, VectorSchema{4}> embedding;
};
inline constexpr coco::ContextKey<zc::ManagedConnection> DB{"db"};

template <class Row>
void make() {
  (void)zc::CollectionSchema<Row>::from_class({.primary_key = {"id"}});
}

// Covers: S29, R26
#if defined(CASE_pending_target)
void f(coco::Ctx& ctx, zc::CollectionSchema<Doc> schema) {
  auto target = zc::declare_collection_target(ctx, DB, "docs", schema);
  target.declare_row(ctx, Doc{});
}
// Covers: S29
#elif defined(CASE_row_of_another_type)
struct Other {
  int x;
};
void f(coco::Ctx& ctx, zc::CollectionTarget<Doc> target) { target.declare_row(ctx, Other{1}); }
// Covers: S29
#elif defined(CASE_byte_list)
struct Row {
  std::string id;
  std::vector<std::uint8_t> bytes;
};
void f() { make<Row>(); }
// Covers: S29
#elif defined(CASE_nested_byte_list)
struct Row {
  std::string id;
  std::map<std::string, std::optional<std::vector<char> > > bytes;
};
void f() { make<Row>(); }
// Covers: S29
#elif defined(CASE_private_members)
class Money {
 public:
  explicit Money(int cents) : cents_(cents) {}

 private:
  int cents_;
};
struct Row {
  std::string id;
  Money price;
};
void f() { make<Row>(); }
// Covers: S29
#elif defined(CASE_pointer)
struct Row {
  std::string id;
  std::vector<int*> pointers;
};
void f() { make<Row>(); }
// Covers: S29
#elif defined(CASE_map_key)
struct Row {
  std::string id;
  std::map<std::vector<int>, int> map;
};
void f() { make<Row>(); }
// Covers: S29
#elif defined(CASE_character)
struct Row {
  std::string id;
  char letter;
};
void f() { make<Row>(); }
// Covers: S29
#elif defined(CASE_enumeration)
enum class Colour { red };
struct Row {
  std::string id;
  Colour colour;
};
void f() { make<Row>(); }
// Covers: S29
#elif defined(CASE_nested_enumeration)
enum class Colour { red };
struct Inner {
  std::vector<Colour> colours;
};
struct Row {
  std::string id;
  Inner inner;
};
void f() { make<Row>(); }
// Covers: S29, R66
#elif defined(CASE_record_with_private_members)
class Row {
  std::string id;
  int hidden;
};
void f() { make<Row>(); }
// Covers: S29
#elif defined(CASE_encoder_without_a_column)
struct Money {
  int cents;
};
int* pointer_of(const Money&);
struct Row {
  std::string id;
  Annotated<Money, zc::Encode<&pointer_of>{}> price;
};
void f() { make<Row>(); }
// Covers: S29, R79
#elif defined(CASE_key_without_vector_schema)
inline constexpr coco::ContextKey<std::string> NAME{"name"};
struct Row {
  std::string id;
  Annotated<std::vector<float>, &NAME> embedding;
};
void f() { make<Row>(); }
// Covers: S29
#elif defined(CASE_override_of_another_kind)
void f() { zc::ColumnOverride o(std::vector<int>{}); }
// Covers: S29, R66
#elif defined(CASE_record_with_base)
struct Row : Doc {
  int more;
};
void f() { make<Row>(); }
// Covers: S29, R79
#elif defined(CASE_encoder_for_another_type)
std::string text_of(const std::vector<int>&);
struct Row {
  std::string id;
  Annotated<std::string, zc::Encode<&text_of>{}> title;
};
void f() { make<Row>(); }
// Covers: S29
#elif defined(CASE_long_annotation)
struct Row {
  std::string id;
  Annotated<std::string,
            zc::ZvecFtsType{.tokenizer_name = "a tokenizer with a name of far more than 31 bytes"}>
      body;
};
void f() { make<Row>(); }
// Covers: S29, R79
#elif defined(CASE_sparse_on_a_list)
struct Row {
  std::string id;
  Annotated<std::vector<float>, zc::ZvecVectorDef{.sparse = true}> sparse;
};
void f() { make<Row>(); }
// Covers: S29, R79
#elif defined(CASE_vector_schema_on_text)
struct Row {
  std::string id;
  Annotated<std::string, VectorSchema{4}> title;
};
void f() { make<Row>(); }
#endif

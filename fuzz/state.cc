// fuzz/state.cc: what the engine reads back from its store. The first byte chooses:
//   0  a key     1  an entry: u16 size of the stored key, key, value     2  a node's row     3  a memo's row
//   4  a target state's row     5  a stored value of C++ types     6  the key of a target state, an id
#include <map>
#include <optional>
#include <set>

#include "base/coding.h"
#include "cocoindex/errors.h"
#include "cocoindex/memo.h"
#include "cocoindex/runtime/layout.h"
#include "cocoindex/state/entry.h"
#include "fuzz.h"

namespace fuzz {
namespace {

namespace coco = cocoindex;
namespace layout = cocoindex::layout;

struct Tree {
  std::int32_t value = 0;
  std::vector<Tree> children;
  bool operator==(const Tree&) const = default;
};
struct Everything {
  std::string text;
  std::optional<std::int64_t> number;
  std::vector<float> vector;
  std::map<std::string, std::set<std::uint8_t>> sets;
  std::variant<bool, std::string> either;
  coco::StableKey key;
  Tree tree;
  bool operator==(const Everything&) const = default;
};

void CheckKey(std::string_view bytes) {
  std::string_view rest = bytes;
  const coco::StableKey key = coco::decode_key(rest);
  std::string again;
  coco::encode_key(key, again);
  Require(again == bytes.substr(0, bytes.size() - rest.size()), "a key has two encodings");
  (void)key.display();
}

void CheckEntry(std::string_view bytes) {
  const std::size_t size = Get<std::uint16_t>(bytes, 0);
  if (bytes.size() < 2 || size > bytes.size() - 2) return;
  const std::string_view key = bytes.substr(2, size), value = bytes.substr(2 + size);
  const auto entry = coco::ReadEntry(key, value);
  if (!entry) return;
  Require(entry->key.size() <= bytes.size() && entry->value.size() <= value.size(),
          "an entry outside its bytes");
  // A key that is stored whole comes back as what it was.
  if (size < coco::kLongKeySize) Require(entry->key == key, "another key than it was stored under");
}

void CheckNode(std::string_view bytes) {
  const layout::NodeRow row = layout::decode_node(bytes);
  const std::string written = layout::encode_node(row);
  const layout::NodeRow again = layout::decode_node(written);
  Require(again == row, "a node's row is another one when written");
}

void CheckMemo(std::string_view bytes) {
  const layout::MemoRow row = layout::decode_memo(bytes);
  const std::string written = layout::encode_memo(row);
  const layout::MemoRow again = layout::decode_memo(written);
  Require(again == row, "a memo's row is another one when written");
  (void)coco::all_deps(row.deps, [](const coco::Dep&) { return true; });
  coco::DepSet deps;
  deps.add_encoded(row.deps);
  Require(deps.encode().size() <= row.deps.size(), "more dependencies than there are");
}

void CheckItem(std::string_view bytes) {
  const layout::ItemRow row = layout::decode_item(bytes);
  Require(!row.states.empty(), "a target state without a state");
  const std::string written = layout::encode_item(row);
  const layout::ItemRow again = layout::decode_item(written);
  Require(again == row, "a target state's row is another one when written");
  Require(row.records().size() <= row.states.size(), "more records than states");
}

void CheckValue(std::string_view bytes) {
  // Compared as bytes: a NaN is not equal to itself.
  const std::string stored = coco::store_value(coco::load_value<Everything>(bytes));
  Require(coco::store_value(coco::load_value<Everything>(stored)) == stored,
          "a value is another one when stored");
}

void CheckNumbers(std::string_view bytes) {
  const layout::ItemKey key = layout::parse_item_key(bytes);
  Require(key.key_fp().size() == 16 && key.provider_path().size() % 16 == 0, "a path in odd pieces");
}

std::string Memo() {
  const std::string deps(2 * coco::kDepSize, 'd'), nested(32, 'n');
  layout::MemoRow row;
  row.deps = deps;
  row.states = "states";
  row.targets = "targets";
  row.nested = nested;
  row.has_result = true;
  row.result = "result";
  return layout::encode_memo(row);
}

std::string StoredEntry(const std::string& key) {
  const coco::StoredKey stored(key);
  std::string value(coco::StoredValueSize(key, "value"), '\0');
  coco::WriteStoredValue(stored, key, "value", value.data());
  std::string out;
  cocozvec::PutFixed(out, static_cast<std::uint16_t>(stored.bytes().size()));
  return out + std::string(stored.bytes()) + value;
}

}  // namespace

std::vector<std::string> Seeds() {
  using namespace std::string_literals;
  using coco::StableKey;
  std::string key;
  coco::encode_key(
      StableKey(StableKey::Array{StableKey(), StableKey(true), StableKey(-5), StableKey("a\0\1b"s),
                                 StableKey(coco::Symbol{"root"}), StableKey(coco::Uuid{}),
                                 StableKey(StableKey::Array{}), StableKey(coco::Fingerprint{})}),
      key);
  layout::NodeRow node;
  node.id = 300;
  node.kind = layout::Kind::component;
  node.tracked = true;
  node.name = "process_file";
  layout::ItemRow item;
  item.states = {"one", std::nullopt, "three"};
  item.schema = 4;
  item.child = coco::Generation{5, 6};
  item.key = "key";
  Everything value{
      "text", 7, {1, 2}, {{"a", {1, 2}}}, "either", StableKey("key"), {1, {{2, {}}, {3, {{4, {}}}}}}};
  return {"\0"s + key,
          "\1"s + StoredEntry("a short key"),
          "\1"s + StoredEntry(std::string(600, 'k')),
          "\2"s + layout::encode_node(node),
          "\3"s + Memo(),
          "\4"s + layout::encode_item(item),
          "\5"s + coco::store_value(value),
          "\6"s + layout::item_key(9, std::string(32, 'p'), 17)};
}

void Run(std::string_view input) {
  if (input.empty()) return;
  void (*const checks[])(std::string_view) = {CheckKey,  CheckEntry, CheckNode,   CheckMemo,
                                              CheckItem, CheckValue, CheckNumbers};
  const auto which = static_cast<unsigned char>(input[0]);
  if (which >= std::size(checks)) return;
  try {
    checks[which](input.substr(1));
  } catch (const coco::StateError&) {
    // The one error that damage may be.
  }
}

void Vary(std::string& input, std::size_t most, Random& random) { VaryBytes(input, most, random); }

void Seal(std::string& input) {
  if (input.size() < 3 || input[0] != 1) return;
  const std::size_t size = Get<std::uint16_t>(input, 1);
  if (input.size() < 3 + size + 8) return;
  const std::string_view key = std::string_view(input).substr(3, size);
  const std::string_view data = std::string_view(input).substr(3 + size, input.size() - 3 - size - 8);
  // What WriteStoredValue writes behind these bytes, whatever they are.
  std::string value(coco::StoredValueSize("", data), '\0');
  coco::WriteStoredValue(coco::StoredKey(size < coco::kLongKeySize ? key : std::string_view()), "", data,
                         value.data());
  input.replace(3 + size, std::string::npos, value);
}

}  // namespace fuzz

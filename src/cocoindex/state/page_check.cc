#include "cocoindex/state/page_check.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/fault.h"
#include "cocoindex/state/format.h"

namespace cocoindex::inline v0 {
namespace {

// LMDB 0.9's file format on a 64-bit little-endian machine; lmdb.h has none of it, mdb.c does. It has not
// changed since data version 1 and cannot, without LMDB refusing its own older files.
constexpr std::uint32_t kMagic = 0xBEEFC0DE;
constexpr std::uint32_t kDataVersion = 1;
constexpr std::size_t kPageHeader = 16;
constexpr std::size_t kNodeHeader = 8;
constexpr std::size_t kMaxKey = 511;
constexpr std::uint64_t kNoPage = ~0ull;
constexpr unsigned kMaxDepth = 32;

enum PageFlags : std::uint16_t {
  kBranch = 0x01,
  kLeaf = 0x02,
  kOverflow = 0x04,
  kMeta = 0x08,
};
enum NodeFlags : std::uint16_t { kBigData = 0x01, kSubData = 0x02 };
constexpr std::uint16_t kIntegerKey = 0x08;  // of the free list's database

struct PageHead {
  std::uint64_t number;
  std::uint16_t pad;
  std::uint16_t flags;
  std::uint16_t lower, upper;  // an overflow page has its page count here instead
};
static_assert(sizeof(PageHead) == kPageHeader);

struct Database {
  std::uint32_t pad;  // of the free list's database in a meta page: the page size
  std::uint16_t flags;
  std::uint16_t depth;
  std::uint64_t branch_pages, leaf_pages, overflow_pages;
  std::uint64_t entries;
  std::uint64_t root;
};
static_assert(sizeof(Database) == 48);

struct Meta {
  std::uint32_t magic, version;
  std::uint64_t address, map_size;
  Database free_list, main;
  std::uint64_t last_page, txn_id;
};
static_assert(sizeof(Meta) == 136);

struct Node {
  std::uint16_t low, high, flags, key_size;
};
static_assert(sizeof(Node) == kNodeHeader);

struct Damage {
  std::string what;
};

template <class T>
T Read(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

std::string_view AsText(const std::byte* at, std::size_t size) {
  return {reinterpret_cast<const char*>(at), size};
}

class Checker {
 public:
  Checker(std::span<const std::byte> file, PageCheckResult& result) : file_(file), result_(result) {}

  void Run() {
    const Meta meta = NewestMeta();
    seen_.assign(
        static_cast<std::size_t>(std::min<std::uint64_t>(meta.last_page + 1, file_.size() / page_size_)),
        false);
    last_page_ = meta.last_page;
    txn_id_ = meta.txn_id;
    Mark(0, 2);
    Walk(meta.main, Role::kMain);
    Walk(meta.free_list, Role::kFreeList);
    CheckNeverWritten();
  }

 private:
  enum class Role { kMain, kApp, kFreeList };
  struct Tally {
    std::uint64_t branches = 0, leaves = 0, overflows = 0, entries = 0;
  };
  /// The databases found in the unnamed one are walked after it: no recursion but over the depth of one tree.
  struct Tree {
    const Database& db;
    Role role;
    Tally tally;
    std::vector<Database> inner;
    std::string_view last_key;  // of the leaves so far
    bool any_key = false;
  };

  [[noreturn]] static void Fail(const std::string& what) { throw Damage{what}; }
  [[noreturn]] static void FailPage(std::uint64_t page, const char* what) {
    Fail("page " + std::to_string(page) + ": " + what);
  }

  std::optional<Meta> MetaAt(std::size_t offset) const {
    if (offset > file_.size() || file_.size() - offset < kPageHeader + sizeof(Meta)) return std::nullopt;
    const auto head = Read<PageHead>(file_.data() + offset);
    const auto meta = Read<Meta>(file_.data() + offset + kPageHeader);
    if (meta.magic != kMagic || head.flags != kMeta) return std::nullopt;
    return meta;
  }

  Meta NewestMeta() {
    const std::optional<Meta> first = MetaAt(0);
    if (!first) Fail("no LMDB file");
    result_.is_lmdb = true;
    page_size_ = first->free_list.pad;
    if (page_size_ < 512 || page_size_ > 65536 || (page_size_ & (page_size_ - 1)) != 0)
      Fail("meta page 0: page size");
    const std::optional<Meta> second = MetaAt(page_size_);
    if (!second) Fail("meta page 1: not one");
    CheckMeta(*first, 0);
    CheckMeta(*second, 1);
    // Written in turn: their numbers are neighbours, and the number says in which page.
    const std::uint64_t low = std::min(first->txn_id, second->txn_id),
                        high = std::max(first->txn_id, second->txn_id);
    if (high - low > 1)
      Fail("meta pages: transactions " + std::to_string(low) + " and " + std::to_string(high));
    const Meta& newest = second->txn_id > first->txn_id ? *second : *first;
    if (newest.txn_id != 0 && (newest.txn_id & 1) != (second->txn_id > first->txn_id))
      Fail("meta pages: order");
    return newest;
  }

  void CheckMeta(const Meta& meta, std::uint64_t page) const {
    const std::string where = "meta page " + std::to_string(page) + ": ";
    if (Read<PageHead>(file_.data() + page * page_size_).number != page) Fail(where + "number");
    if (meta.version != kDataVersion)
      Fail(where + "data version " + std::to_string(meta.version) + ", known is 1");
    if (meta.address != 0 || meta.free_list.pad != page_size_) Fail(where + "header");
    if (meta.last_page < 1 || meta.last_page > (1ull << 48)) Fail(where + "last page");
    if ((meta.free_list.flags & ~kIntegerKey) != 0 || meta.main.flags != 0) Fail(where + "flags");
  }

  void Mark(std::uint64_t page, std::uint64_t count) {
    const bool inside = page < seen_.size() && count <= seen_.size() - page;
    if (!inside && !cocozvec::FaultPlanted("trust_sizes")) FailPage(page, "beyond the end");
    for (std::uint64_t i = page; i < page + count; ++i) {
      if (seen_[i]) FailPage(i, "used twice");
      seen_[i] = true;
    }
  }

  void Walk(const Database& db, Role role) {
    Tree tree{db, role, {}, {}, {}, false};
    if (db.root == kNoPage) {
      if (db.depth != 0) Fail("a database with a depth and no root");
    } else {
      if (db.depth == 0 || db.depth > kMaxDepth) Fail("depth of a database");
      VisitPage(tree, db.root, 1, std::nullopt);
    }
    const Tally& t = tree.tally;
    if (t.branches != db.branch_pages || t.leaves != db.leaf_pages || t.overflows != db.overflow_pages ||
        t.entries != db.entries) {
      Fail("counts of a database: " + std::to_string(t.entries) + " entries found, " +
           std::to_string(db.entries) + " recorded");
    }
    for (const Database& inner : tree.inner) Walk(inner, Role::kApp);
  }

  /// `least`: keys of the page are not below it.
  void VisitPage(Tree& tree, std::uint64_t number, unsigned depth, std::optional<std::string_view> least) {
    Mark(number, 1);
    ++result_.pages_visited;
    const std::byte* page = file_.data() + number * page_size_;
    const auto head = Read<PageHead>(page);
    if (head.number != number) FailPage(number, "carries another number");
    const bool leaf = depth == tree.db.depth;
    if (head.flags != (leaf ? kLeaf : kBranch)) FailPage(number, "of the wrong kind");
    if (head.lower < kPageHeader || head.lower > head.upper || head.upper > page_size_ ||
        head.lower % 2 != 0) {
      FailPage(number, "bounds");
    }
    const std::size_t count = (head.lower - kPageHeader) / 2;
    if (count == 0) FailPage(number, "no entries");
    ++(leaf ? tree.tally.leaves : tree.tally.branches);
    for (std::size_t i = 0; i < count; ++i) {
      const std::byte* at = NodeAt(page, number, head, i);
      if (leaf) {
        VisitEntry(tree, number, at, page + page_size_, i == 0 ? least : std::nullopt);
      } else {
        VisitChild(tree, number, at, depth,
                   i == 0 ? least : std::optional(KeyOf(number, at, page + page_size_)));
      }
    }
  }

  const std::byte* NodeAt(const std::byte* page, std::uint64_t number, const PageHead& head,
                          std::size_t index) const {
    const auto offset = Read<std::uint16_t>(page + kPageHeader + index * 2);
    if (offset < head.upper || offset % 2 != 0 || offset + kNodeHeader > page_size_)
      FailPage(number, "offset of an entry");
    return page + offset;
  }

  static std::string_view KeyOf(std::uint64_t number, const std::byte* at, const std::byte* page_end) {
    const auto node = Read<Node>(at);
    if (node.key_size > kMaxKey || node.key_size > static_cast<std::size_t>(page_end - at) - kNodeHeader) {
      FailPage(number, "size of a key");
    }
    return AsText(at + kNodeHeader, node.key_size);
  }

  void VisitChild(Tree& tree, std::uint64_t number, const std::byte* at, unsigned depth,
                  std::optional<std::string_view> least) {
    const auto node = Read<Node>(at);
    // Everything on the left of a key is below it.
    if (least && tree.any_key && Compare(tree.role, tree.last_key, *least) >= 0)
      FailPage(number, "order of keys");
    const std::uint64_t child =
        node.low | static_cast<std::uint64_t>(node.high) << 16 | static_cast<std::uint64_t>(node.flags) << 32;
    VisitPage(tree, child, depth + 1, least);
  }

  void VisitEntry(Tree& tree, std::uint64_t number, const std::byte* at, const std::byte* page_end,
                  std::optional<std::string_view> least) {
    const auto node = Read<Node>(at);
    const std::string_view key = KeyOf(number, at, page_end);
    if (key.empty()) FailPage(number, "an empty key");
    if (tree.role == Role::kFreeList && key.size() != 8) FailPage(number, "size of a key");
    if (tree.any_key && Compare(tree.role, tree.last_key, key) >= 0) FailPage(number, "order of keys");
    if (least && Compare(tree.role, key, *least) < 0) FailPage(number, "a key below its page");
    tree.last_key = key;
    tree.any_key = true;
    ++tree.tally.entries;
    VisitValue(tree, number, node, key,
               Value(tree, number, node, at + kNodeHeader + node.key_size, page_end));
  }

  std::string_view Value(Tree& tree, std::uint64_t number, const Node& node, const std::byte* at,
                         const std::byte* page_end) {
    const std::size_t size = node.low | static_cast<std::size_t>(node.high) << 16;
    const std::size_t room = static_cast<std::size_t>(page_end - at);
    if ((node.flags & kBigData) == 0) {
      if (size > room) FailPage(number, "size of a value");
      return AsText(at, size);
    }
    if (room < 8) FailPage(number, "size of a value");
    const auto first = Read<std::uint64_t>(at);
    if (first >= seen_.size()) FailPage(first, "beyond the end");
    const std::byte* page = file_.data() + first * page_size_;
    const auto head = Read<PageHead>(page);
    const auto pages = Read<std::uint32_t>(page + 12);
    if (head.number != first || head.flags != kOverflow) FailPage(first, "of the wrong kind");
    if (pages < (kPageHeader - 1 + size) / page_size_ + 1) FailPage(first, "too short for its value");
    Mark(first, pages);
    tree.tally.overflows += pages;
    return AsText(page + kPageHeader, size);
  }

  void VisitValue(Tree& tree, std::uint64_t number, const Node& node, std::string_view key,
                  std::string_view value) {
    const bool inner = (node.flags & kSubData) != 0;
    if ((node.flags & ~(kBigData | kSubData)) != 0) FailPage(number, "flags of an entry");
    if (tree.role == Role::kFreeList) {
      if (inner) FailPage(number, "flags of an entry");
      CheckFreePages(number, key, value);
    } else if (inner) {
      if (tree.role != Role::kMain || value.size() != sizeof(Database))
        FailPage(number, "a database in a database");
      const auto db = Read<Database>(reinterpret_cast<const std::byte*>(value.data()));
      if (db.flags != 0) FailPage(number, "flags of a database");
      tree.inner.push_back(db);
    } else if (tree.role == Role::kMain && key == kStoreRecordKey) {
      result_.has_record = true;
    }
  }

  /// The pages that transaction `key` gave up: a count, then numbers from high to low.
  void CheckFreePages(std::uint64_t number, std::string_view key, std::string_view value) {
    const auto word = [&](std::size_t i) {
      return Read<std::uint64_t>(reinterpret_cast<const std::byte*>(value.data()) + i * 8);
    };
    if (value.size() < 8 || value.size() % 8 != 0 || word(0) > value.size() / 8 - 1)
      FailPage(number, "list of free pages");
    if (Read<std::uint64_t>(reinterpret_cast<const std::byte*>(key.data())) > txn_id_)
      FailPage(number, "freed in the future");
    std::uint64_t above = last_page_ + 1;
    for (std::size_t i = 1; i <= word(0); ++i) {
      const std::uint64_t page = word(i);
      if (page >= above || page < 2) FailPage(number, "list of free pages");
      above = page;
      if (page < seen_.size()) {
        Mark(page, 1);
      } else {  // taken and given back by one transaction
        // Each takes a word of the file, unless values overlap.
        if (never_written_.size() >= file_.size() / 8) FailPage(number, "list of free pages");
        never_written_.push_back(page);
      }
    }
  }

  /// LMDB maps as much as the last page asks for, and goes on writing behind it. Given one page twice, it
  /// aborts.
  void CheckNeverWritten() {
    std::sort(never_written_.begin(), never_written_.end());
    const auto twice = std::adjacent_find(never_written_.begin(), never_written_.end());
    if (twice != never_written_.end()) FailPage(*twice, "used twice");
    if (last_page_ + 1 - seen_.size() != never_written_.size())
      Fail("last page " + std::to_string(last_page_) + ": the file has " + std::to_string(seen_.size()) +
           " pages, and " + std::to_string(never_written_.size()) + " free ones are behind its end");
  }

  /// As LMDB compares.
  static int Compare(Role role, std::string_view a, std::string_view b) {
    if (role != Role::kFreeList || a.size() != 8 || b.size() != 8) return a.compare(b);
    const auto x = Read<std::uint64_t>(reinterpret_cast<const std::byte*>(a.data()));
    const auto y = Read<std::uint64_t>(reinterpret_cast<const std::byte*>(b.data()));
    return x < y ? -1 : x > y;
  }

  std::span<const std::byte> file_;
  PageCheckResult& result_;
  std::size_t page_size_ = 0;
  std::uint64_t last_page_ = 0, txn_id_ = 0;
  std::vector<std::uint64_t> never_written_;  // free pages behind the end of the file
  std::vector<bool> seen_;
};

}  // namespace

PageCheckResult CheckPages(std::span<const std::byte> file) {
  PageCheckResult result;
  try {
    Checker(file, result).Run();
  } catch (const Damage& damage) {
    result.damage = damage.what;
  }
  return result;
}

}  // namespace cocoindex::inline v0

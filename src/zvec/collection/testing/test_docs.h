// zvec/collection/testing/test_docs.h: places for collections, and documents to put into them. Tests only.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/io/file_system.h"
#include "base/io/sim_disk.h"
#include "zvec/collection.h"

namespace zvec::inline v0::testing_docs {

class Place {
 public:
  virtual ~Place() = default;
  virtual cocozvec::FileSystem& fs() = 0;
  virtual std::string root() const = 0;
  std::string path(std::string_view name) const { return cocozvec::JoinPath(root(), name); }
  CollectionOptions options() {
    CollectionOptions options;
    options.file_system = &fs();
    options.index_min_rows = 1;  // every sealed segment has a graph
    options.maintenance = Maintenance::kInline;
    return options;
  }
  /// Of the collection "c": name -> bytes.
  std::map<std::string, std::uint64_t> FileSizes() {
    std::map<std::string, std::uint64_t> sizes;
    for (const auto& entry : fs().List(path("c")).value())
      sizes[entry.name] = fs().Stat(cocozvec::JoinPath(path("c"), entry.name)).value().size;
    return sizes;
  }
};

class SimPlace final : public Place {
 public:
  cocozvec::SimDisk& disk() { return disk_; }
  cocozvec::FileSystem& fs() override { return disk_; }
  std::string root() const override { return ""; }

 private:
  cocozvec::SimDisk disk_;
};

class TempPlace final : public Place {
 public:
  /// `in_memory`: on a file system whose syncs cost nothing, where there is one.
  explicit TempPlace(bool in_memory = false) {
    const bool shm = in_memory && access("/dev/shm", W_OK) == 0;
    std::string name = std::string(shm ? "/dev/shm" : "/tmp") + "/zvec-test-XXXXXX";
    root_ = mkdtemp(name.data());
  }
  ~TempPlace() override { (void)cocozvec::RemoveTree(fs(), root_); }
  cocozvec::FileSystem& fs() override { return cocozvec::PosixFileSystem(); }
  std::string root() const override { return root_; }

 private:
  std::string root_;
};

/// text STRING, size INT64 nullable, v VECTOR_FP32 of 3, l2, with a graph.
inline CollectionSchema NoteSchema() {
  CollectionSchema schema;
  schema.name = "notes";
  schema.fields = {{"text", DataType::kString, false, 0, {}},
                   {"size", DataType::kInt64, true, 0, {}},
                   {"v", DataType::kVectorFp32, false, 3, IndexParams::Hnsw(MetricType::kL2)}};
  return schema;
}

/// `size` negative: null.
inline Doc Note(std::string id, std::string text, std::int64_t size = 1) {
  Doc doc(std::move(id));
  const auto x = static_cast<float>(text.size());
  doc.fields = {{"text", std::move(text)}};
  if (size >= 0) doc.fields.push_back({"size", size});
  doc.fields.push_back({"v", std::vector<float>{x, static_cast<float>(size), 1}});
  return doc;
}

inline CollectionSchema AllTypesSchema() {
  CollectionSchema schema;
  schema.name = "all types";
  for (int type = 1; type <= 48; ++type) {
    FieldSchema field;
    field.type = static_cast<DataType>(type);
    field.name = DataTypeName(field.type);
    if (field.name == "UNDEFINED") continue;
    field.nullable = true;
    field.dimension = IsDenseVector(field.type) ? 4 : 0;
    if (IsDenseVector(field.type)) field.index = IndexParams::Hnsw(MetricType::kL2);
    if (IsSparseVector(field.type)) field.index = IndexParams::Hnsw(MetricType::kIp);
    schema.fields.push_back(field);
  }
  return schema;
}

inline Value ValueOf(DataType type, int n) {
  const auto f = static_cast<float>(n);
  const std::vector<float> floats = {f, 0.5F, -f, 2};
  switch (type) {
    case DataType::kString:
      return std::string("text ") + std::to_string(n);
    case DataType::kBool:
      return n % 2 == 0;
    case DataType::kInt32:
      return std::int32_t{-n};
    case DataType::kInt64:
      return std::int64_t{-n} << 40;
    case DataType::kUint32:
      return static_cast<std::uint32_t>(n);
    case DataType::kUint64:
      return std::uint64_t(n) << 50;
    case DataType::kFloat:
      return f / 3;
    case DataType::kDouble:
      return n / 7.0;
    case DataType::kVectorFp32:
      return floats;
    case DataType::kVectorFp16:
      return std::vector<Half>{ToHalf(f), ToHalf(1), ToHalf(0), ToHalf(-1)};
    case DataType::kVectorInt8:
      return std::vector<std::int8_t>{static_cast<std::int8_t>(n), -128, 127, 0};
    case DataType::kSparseVectorFp32:
    case DataType::kSparseVectorFp16:
      return SparseVector{{3, 9, 4'000'000'000U}, {f, 0, 1}};
    case DataType::kArrayString:
      return std::vector<std::string>{"", "a", std::string(static_cast<std::size_t>(n), 'x')};
    case DataType::kArrayBool:
      return std::vector<bool>{true, false, true};
    case DataType::kArrayInt32:
      return std::vector<std::int32_t>{1, -n};
    case DataType::kArrayInt64:
      return std::vector<std::int64_t>{1, -n};
    case DataType::kArrayUint32:
      return std::vector<std::uint32_t>{};
    case DataType::kArrayUint64:
      return std::vector<std::uint64_t>{UINT64_MAX};
    case DataType::kArrayFloat:
      return floats;
    case DataType::kArrayDouble:
      return std::vector<double>{0.1, 0.2};
    case DataType::kUndefined:
      break;
  }
  return {};
}

/// `n` 0: every value null.
inline Doc AllTypesDoc(std::string id, int n) {
  Doc doc(std::move(id));
  if (n == 0) return doc;
  for (const FieldSchema& field : AllTypesSchema().fields)
    doc.fields.push_back({field.name, ValueOf(field.type, n)});
  return doc;
}

inline std::vector<Doc> AllDocs(const Collection& collection) {
  std::vector<Doc> docs;
  auto iterator = collection.Iterate().value();
  for (Doc doc; iterator->Next(&doc).value();) docs.push_back(doc);
  return docs;
}

inline std::vector<std::string> AllIds(const Collection& collection) {
  std::vector<std::string> ids;
  for (Doc& doc : AllDocs(collection)) ids.push_back(std::move(doc.id));
  return ids;
}

}  // namespace zvec::inline v0::testing_docs

// zvec/collection/testing/merge_fixture.h: a collection of small segments, what it must hold, and hooks in
// the middle of merges. Tests only.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "zvec/collection/store.h"
#include "zvec/collection/testing/hooked_fs.h"
#include "zvec/collection/testing/test_docs.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/manifest.h"

namespace zvec::inline v0::testing_docs {

class MergeTest : public ::testing::Test {
 protected:
  MergeTest() {
    options_.file_system = &fs_;
    options_.index_min_rows = 1;
    options_.seal_bytes = 2'000;
    options_.maintenance = Maintenance::kInline;
  }
  ~MergeTest() override {
    fs_.refuse = nullptr;
    collection_.reset();
  }
  void Create() { collection_ = Collection::Create("c", NoteSchema(), options_).value(); }
  void Reopen() {
    ASSERT_TRUE(collection_->Close().ok());
    collection_.reset();
    collection_ = Collection::Open("c", options_).value();
  }
  void Upsert(const std::string& id, const std::string& text) {
    const auto result = collection_->Upsert(std::vector{Note(id, text)});
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    model_[id] = text;
  }
  void Delete(const std::string& id) {
    ASSERT_TRUE(collection_->Delete(std::vector{id}).ok());
    model_.erase(id);
  }
  /// A segment of five rows: n0 .. n4.
  void SealOne(const std::string& name) {
    std::vector<Doc> docs;
    for (int i = 0; i < 5; ++i) {
      const std::string id = name + std::to_string(i);
      docs.push_back(Note(id, std::string(500, name[0]), i));
      model_[id] = std::string(500, name[0]);
    }
    ASSERT_TRUE(collection_->Upsert(docs).ok());
  }
  static std::map<std::string, std::string> Contents(const Collection& collection) {
    std::map<std::string, std::string> texts;
    for (const Doc& doc : AllDocs(collection)) texts[doc.id] = *doc.Get<std::string>("text");
    EXPECT_EQ(texts.size(), collection.Stats().doc_count);  // and none twice
    return texts;
  }
  /// On this disk and after a power cut now.
  void ExpectAll() {
    EXPECT_EQ(Contents(*collection_), model_);
    EXPECT_TRUE(collection_->Stats().maintenance_error.ok());
    const auto later = disk_.PowerCut(cocozvec::PowerCutKind::kLoseUnsynced);
    CollectionOptions options = options_;
    options.file_system = later.get();
    const auto opened = Collection::Open("c", options);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    EXPECT_EQ(Contents(**opened), model_);
  }
  static std::set<std::string> Unnamed(cocozvec::SimDisk& disk) {
    std::set<std::string> names;
    for (const auto& entry : disk.List("c").value()) names.insert(entry.name);
    for (const auto& entry : disk.List("c").value())
      if (const auto name = ParseName(entry.name); name && name->kind == NameKind::kManifest)
        for (const std::string& named : NamedFiles(ReadManifest(disk, "c", name->number).value()))
          names.erase(named);
    names.erase("LOCK");
    return names;
  }
  void WaitForMaintenance() {
    while (collection_->Stats().maintaining) std::this_thread::yield();
  }
  /// Runs `work` once, when the `moment`th file is opened in the course of a merge; no lock is held then.
  void During(int moment, std::function<void()> work) {
    fs_.refuse = [this, moment, work, seen = 0, inside = false](const std::string&) mutable {
      if (inside || collection_ == nullptr || collection_->Stats().merge.segments == 0) return Status();
      if (seen++ != moment) return Status();
      inside = true;
      ++struck_;
      work();
      inside = false;
      return Status();
    };
  }

  cocozvec::SimDisk disk_;
  HookedFileSystem fs_{disk_};
  CollectionOptions options_;
  std::shared_ptr<Collection> collection_;
  std::map<std::string, std::string> model_;
  int struck_ = 0;
};

}  // namespace zvec::inline v0::testing_docs

// zvec/collection/collection_impl.h: the public operations over a Store.
// Threads: as Collection. Writers queue up; whoever gets the write lock first resolves and logs all that
// wait, with one sync.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/thread_pool.h"
#include "zvec/collection.h"
#include "zvec/collection/store.h"
#include "zvec/collection/write_call.h"
#include "zvec/query/filter_cache.h"

namespace zvec::inline v0 {

class CollectionImpl final : public Collection {
 public:
  CollectionImpl(std::string path, const CollectionOptions& options, std::unique_ptr<Store> store)
      : path_(std::move(path)), options_(options), store_(std::move(store)) {}
  ~CollectionImpl() override;

  Result<WriteResult> Insert(std::span<const Doc> docs) override;
  Result<WriteResult> Upsert(std::span<const Doc> docs) override;
  Result<WriteResult> Update(std::span<const Doc> docs) override;
  Result<WriteResult> Delete(std::span<const std::string> ids) override;
  Result<WriteResult> Apply(std::span<const Doc> upserts, std::span<const std::string> deletes) override;
  Result<std::uint64_t> DeleteByFilter(std::string_view filter) override;

  Result<std::vector<Doc>> Fetch(std::span<const std::string> ids,
                                 const FetchOptions& options) const override;
  Result<HitList> Query(const VectorQuery& query) const override;
  Result<HitList> Scan(const ScanQuery& query) const override;
  Result<RowHitList> QueryRows(const VectorQuery& query) const override;
  Result<std::vector<std::optional<std::string>>> IdsOfRows(std::span<const std::uint64_t> rows,
                                                            std::uint64_t layout) const override;
  Result<BatchHitList> QueryBatch(const BatchQuery& query) const override;
  Result<std::unique_ptr<DocIterator>> Iterate(const FetchOptions& options) const override;

  Status Flush() override;
  Status Optimize(const OptimizeOptions& options) override;
  Status Close() override;
  Result<bool> Refresh() override;
  Result<bool> WaitForChange(std::uint32_t timeout_ms) override;

  CollectionStats Stats() const override;
  const CollectionSchema& schema() const noexcept override { return store_->schema(); }
  const std::string& path() const noexcept override { return path_; }
  const CollectionOptions& options() const noexcept override { return options_; }
  Status SetMark(std::string_view mark) override;

  const Store& store() const noexcept { return *store_; }  ///< for tests

 private:
  /// Takes no write lock: documents are checked and encoded while another call syncs.
  Status CheckOpenForWriting() const;
  Result<WriteResult> Write(WriteKind kind, std::span<const Doc> docs, std::span<const std::string> deletes);
  Result<std::uint64_t> DeleteMatches(const Filter& filter);
  Result<WriteResult> Run(WriteCall& call);
  void RunQueue() ZVEC_REQUIRES(store_->write_mu());
  Result<std::shared_ptr<const Version>> Current() const;
  Status Closed() const;
  /// Made when first asked for.
  cocozvec::ThreadPool& QueryThreads() const ZVEC_EXCLUDES(threads_mu_);
  /// Of the live documents, those whose segment needs no graph over the field or has it.
  double IndexedShare(const Version& version, const FieldSchema& field) const;
  /// kFailedPrecondition in a process that was forked since.
  Status CheckProcess() const;

  const std::string path_;
  const CollectionOptions options_;
  const std::unique_ptr<Store> store_;
  std::unique_ptr<FilterCache> filters_ = std::make_unique<FilterCache>();
  mutable cocozvec::Mutex threads_mu_;
  mutable std::unique_ptr<cocozvec::ThreadPool> threads_ ZVEC_GUARDED_BY(threads_mu_);  ///< of QueryBatch
  cocozvec::Mutex queue_mu_;
  std::vector<WriteCall*> queue_ ZVEC_GUARDED_BY(queue_mu_);  ///< waiting for the write lock, in order
};

}  // namespace zvec::inline v0

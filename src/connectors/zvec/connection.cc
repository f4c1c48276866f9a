#include "cocoindex/connectors/zvec/connection.h"

#include <algorithm>
#include <cstring>

#include "base/coding.h"
#include "base/fault.h"
#include "base/io/file_system.h"
#include "cocozvec/base/log.h"
#include "connectors/zvec/connection_impl.h"
#include "connectors/zvec/handlers.h"

namespace cocoindex::inline v0::connectors::zvec {

namespace db = ::zvec;
using cocozvec::Log;
using cocozvec::LogLevel;
using cocozvec::MutexLock;

namespace {

/// Documents that may wait for an optimize while an update runs: more, and searches would have to scan too
/// many.
constexpr std::uint64_t kOptimizeDocuments = 10'000;
/// At close, fewer than these are cheaper to replay from the log than to rewrite with their segments.
constexpr std::uint64_t kOptimizeAtClose = 1'000;
/// An optimize is only worth its rewriting when at least a tenth of the collection is new: so its cost stays
/// in proportion to what was written.
constexpr std::uint64_t kOptimizeShare = 10;

/// By whoever was given the handle.
bool IsClosed(const db::Collection& handle) {
  return handle.Fetch(std::span<const std::string>()).status().code() == db::StatusCode::kClosed;
}

}  // namespace

std::string Mark::encode() const {
  std::string out(reinterpret_cast<const char*>(store_id.bytes.data()), store_id.bytes.size());
  cocozvec::PutFixed(out, counter);
  return out;
}

std::optional<Mark> Mark::decode(std::string_view bytes) {
  Mark mark;
  if (bytes.size() != mark.store_id.bytes.size() + sizeof mark.counter) return std::nullopt;
  std::memcpy(mark.store_id.bytes.data(), bytes.data(), mark.store_id.bytes.size());
  std::memcpy(&mark.counter, bytes.data() + mark.store_id.bytes.size(), sizeof mark.counter);
  return mark;
}

std::string SchemaDifference(const db::CollectionSchema& there, db::CollectionSchema wanted) {
  wanted.name = there.name;
  // Fields come in any order: reordering a record's members is no other schema.
  const auto place = [&](const db::FieldSchema& field) {
    const auto at = std::find_if(there.fields.begin(), there.fields.end(),
                                 [&](const auto& f) { return f.name == field.name; });
    return at - there.fields.begin();
  };
  std::sort(wanted.fields.begin(), wanted.fields.end(),
            [&](const auto& a, const auto& b) { return place(a) < place(b); });
  return wanted.Difference(there);
}

ManagedConnection::Impl::Impl(std::string base_path, ConnectOptions options)
    : base_path_(std::move(base_path)), options_(options) {}

std::string ManagedConnection::Impl::path(std::string_view name) const {
  return cocozvec::JoinPath(base_path_, name);
}

db::CollectionOptions ManagedConnection::Impl::collection_options() const {
  return {.enable_mmap = options_.enable_mmap,
          .durability = options_.durability,
          .file_system = options_.file_system};
}

void ManagedConnection::Impl::Fail(const db::Status& status, std::string_view name,
                                   std::string_view what) const {
  throw db::StatusError(status.WithContext("collection '" + std::string(name) + "' in " + path(name) + ": " +
                                           std::string(what)));
}

std::uint64_t ManagedConnection::Impl::opens() const {
  MutexLock lock(mu_);
  return opens_;
}

std::uint64_t ManagedConnection::Impl::optimizes() const {
  MutexLock lock(mu_);
  return optimizes_;
}

std::shared_ptr<ManagedConnection::Impl::Slot> ManagedConnection::Impl::slot(const std::string& name) {
  MutexLock lock(mu_);
  if (shut_down_) throw db::StatusError(db::Status::Closed("connection " + base_path_ + " is closed"));
  auto& entry = slots_[name];
  if (entry == nullptr) entry = std::make_shared<Slot>();
  return entry;
}

std::shared_ptr<db::Collection> ManagedConnection::Impl::OpenLocked(Slot& slot, const std::string& name) {
  if (slot.handle != nullptr && !IsClosed(*slot.handle)) return slot.handle;
  slot.handle.reset();
  db::Result<std::shared_ptr<db::Collection>> opened = db::Collection::Open(path(name), collection_options());
  if (!opened.ok()) {
    if (opened.status().IsNotFound()) return nullptr;
    Fail(opened.status(), name,
         opened.status().code() == db::StatusCode::kBusy ? "is already open" : "cannot be opened");
  }
  slot.handle = *std::move(opened);
  slot.unindexed = 0;
  MutexLock lock(mu_);
  ++opens_;
  return slot.handle;
}

ManagedConnection::Impl::Opened ManagedConnection::Impl::OpenOrCreateLocked(
    Slot& slot, const std::string& name, const db::CollectionSchema& schema) {
  if (auto handle = OpenLocked(slot, name)) return {.handle = std::move(handle), .created = false};
  db::Result<std::shared_ptr<db::Collection>> made =
      db::Collection::Create(path(name), schema, collection_options());
  if (!made.ok()) Fail(made.status(), name, "cannot be created");
  slot.handle = *std::move(made);
  slot.unindexed = 0;
  MutexLock lock(mu_);
  ++opens_;
  return {.handle = slot.handle, .created = true};
}

ManagedConnection::Impl::Opened ManagedConnection::Impl::OpenOrCreate(const std::string& name,
                                                                      const db::CollectionSchema& schema) {
  const auto at = slot(name);
  MutexLock lock(at->mu);
  return OpenOrCreateLocked(*at, name, schema);
}

std::shared_ptr<db::Collection> ManagedConnection::Impl::OpenExistingLocked(Slot& slot,
                                                                            const std::string& name) {
  auto handle = OpenLocked(slot, name);
  if (handle == nullptr) Fail(db::Status::NotFound("there is no collection"), name, "cannot be opened");
  return handle;
}

std::shared_ptr<db::Collection> ManagedConnection::Impl::OpenExisting(const std::string& name) {
  const auto at = slot(name);
  MutexLock lock(at->mu);
  return OpenExistingLocked(*at, name);
}

void ManagedConnection::Impl::Destroy(const std::string& name) {
  const auto at = slot(name);
  MutexLock lock(at->mu);
  if (at->handle != nullptr) {
    static_cast<void>(at->handle->Close());  // its last sync is of no interest any more
    at->handle.reset();
  }
  const db::Status status = db::Collection::Destroy(path(name), collection_options());
  if (!status.ok() && !status.IsNotFound()) Fail(status, name, "cannot be destroyed");
}

db::Status ManagedConnection::Impl::CloseLocked(Slot& slot) {
  if (slot.handle == nullptr) return {};
  const auto handle = std::move(slot.handle);
  slot.handle.reset();
  const std::uint64_t written = slot.unindexed;
  slot.unindexed = 0;
  if (written >= kOptimizeAtClose && written >= handle->Stats().doc_count / kOptimizeShare) Optimize(*handle);
  const db::Status status = handle->Close();
  return status.code() == db::StatusCode::kClosed ? db::Status()
                                                  : status.WithContext("closing " + handle->path());
}

db::Status ManagedConnection::Impl::Close() {
  std::map<std::string, std::shared_ptr<Slot>> slots;
  {
    MutexLock lock(mu_);
    slots = slots_;
  }
  db::Status first;
  for (const auto& [name, at] : slots) {
    MutexLock lock(at->mu);
    db::Status status = CloseLocked(*at);
    if (first.ok()) first = std::move(status);
  }
  return first;
}

db::Status ManagedConnection::Impl::Shutdown() {
  {
    MutexLock lock(mu_);
    shut_down_ = true;
  }
  return Close();
}

std::optional<Mark> ManagedConnection::Impl::ReadMark(const std::string& name) const {
  const db::Result<std::string> bytes = db::Collection::ReadMark(path(name), collection_options());
  // Another program's mark, or a damaged one, counts as one of another store.
  if (bytes.ok()) return Mark::decode(*bytes).value_or(Mark{});
  if (bytes.status().code() == db::StatusCode::kDataLoss) return Mark{};
  if (bytes.status().IsNotFound()) return std::nullopt;
  // Any other answer says nothing about the collection, and a guess would have it destroyed and made anew.
  Fail(bytes.status(), name, "its mark cannot be read");
}

std::shared_ptr<db::Collection> ManagedConnection::Impl::OpenForWriting(Slot& slot, const std::string& name,
                                                                        const db::CollectionSchema* schema) {
  MutexLock lock(slot.mu);
  if (schema == nullptr) return OpenExistingLocked(slot, name);
  auto handle = OpenOrCreateLocked(slot, name, *schema).handle;
  const std::string difference = SchemaDifference(handle->schema(), *schema);
  if (!difference.empty()) {
    Fail(db::Status::FailedPrecondition(difference), name, "holds a collection of another schema");
  }
  return handle;
}

db::Result<db::WriteResult> ManagedConnection::Impl::Apply(Slot& slot, const std::string& name,
                                                           const db::CollectionSchema* schema,
                                                           const Part& part,
                                                           std::shared_ptr<db::Collection>* handle) {
  db::Result<db::WriteResult> written = (*handle)->Apply(part.upserts, part.deletes);
  const db::StatusCode code = written.status().code();
  if (code == db::StatusCode::kFailedPrecondition || code == db::StatusCode::kClosed) {
    // It refuses because of what happened before: an optimize that failed, a close. A new one may write.
    Distrust(slot, *handle, written.status());
    *handle = OpenForWriting(slot, name, schema);
    written = (*handle)->Apply(part.upserts, part.deletes);
  }
  if (!written.ok()) Distrust(slot, *handle, written.status());
  return written;
}

std::uint64_t ManagedConnection::Impl::Write(const std::string& name, const db::CollectionSchema* schema,
                                             const std::function<bool(Part&)>& next,
                                             const Fingerprint& store_id) {
  const auto at = slot(name);
  MutexLock writing(at->write_mu);
  std::shared_ptr<db::Collection> handle = OpenForWriting(*at, name, schema);
  std::uint64_t documents = 0;
  for (Part part; next(part); part = {}) {
    const db::Result<db::WriteResult> written = Apply(*at, name, schema, part, &handle);
    if (!written.ok()) Fail(written.status(), name, "cannot be written");
    for (const db::Status& status : written->statuses) {  // deleting what is not there is success
      if (!status.ok() && !status.IsNotFound()) Fail(status, name, "refused a document");
    }
    documents += part.upserts.size() + part.deletes.size();
  }
  // After the documents: a mark that the documents do not have would hide their loss.
  Mark mark = ReadMark(name).value_or(Mark{});
  if (mark.store_id != store_id) mark = {.store_id = store_id, .counter = 0};
  ++mark.counter;
  if (const db::Status status = handle->SetMark(mark.encode()); !status.ok()) {
    Distrust(*at, handle, status);
    Fail(status, name, "cannot be marked");
  }
  NoteWritten(*at, *handle, documents);
  return mark.counter;
}

void ManagedConnection::Impl::Distrust(Slot& slot, const std::shared_ptr<db::Collection>& handle,
                                       const db::Status& status) {
  if (status.code() == db::StatusCode::kInvalidArgument) return;  // of the documents
  MutexLock lock(slot.mu);
  if (slot.handle != handle) return;
  static_cast<void>(slot.handle->Close());  // the failure is on its way already
  slot.handle.reset();
  slot.unindexed = 0;
}

void ManagedConnection::Impl::NoteWritten(Slot& slot, db::Collection& handle, std::uint64_t documents) {
  {
    MutexLock lock(slot.mu);
    slot.unindexed += documents;
    if (slot.unindexed < kOptimizeDocuments || slot.unindexed < handle.Stats().doc_count / kOptimizeShare)
      return;
    slot.unindexed = 0;
  }
  Optimize(handle);
}

void ManagedConnection::Impl::Optimize(db::Collection& handle) {
  {
    MutexLock lock(mu_);
    ++optimizes_;
  }
  const db::Status status =
      cocozvec::FaultPlanted("optimize_fails") ? db::Status::IoError("planted") : handle.Optimize();
  if (status.ok() || status.code() == db::StatusCode::kClosed) return;
  Log(LogLevel::kWarning,
      "collection " + handle.path() + ": optimize failed, which costs speed only: " + status.ToString());
}

ManagedConnection::ManagedConnection(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
ManagedConnection::ManagedConnection(ManagedConnection&&) noexcept = default;
ManagedConnection& ManagedConnection::operator=(ManagedConnection&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}
ManagedConnection::~ManagedConnection() {
  if (impl_ == nullptr) return;
  if (const db::Status status = impl_->Shutdown(); !status.ok()) {
    Log(LogLevel::kError, "connection " + impl_->base_path() + ": " + status.ToString());
  }
}

const std::string& ManagedConnection::base_path() const noexcept { return impl_->base_path(); }
bool ManagedConnection::enable_mmap() const noexcept { return impl_->options().enable_mmap; }
std::string ManagedConnection::collection_path(std::string_view name) const { return impl_->path(name); }
std::shared_ptr<db::Collection> ManagedConnection::open_or_create(const std::string& name,
                                                                  const db::CollectionSchema& schema) {
  return impl_->OpenOrCreate(name, schema).handle;
}
std::shared_ptr<db::Collection> ManagedConnection::open_existing(const std::string& name) {
  return impl_->OpenExisting(name);
}
void ManagedConnection::destroy(const std::string& name) { impl_->Destroy(name); }
void ManagedConnection::close() {
  if (db::Status status = impl_->Close(); !status.ok()) throw db::StatusError(std::move(status));
}

ManagedConnection connect(cocozvec::PathView base_path, ConnectOptions options) {
  // A collection that the program no longer mentions is cleaned up too: its provider must be known.
  static_cast<void>(root_provider());
  cocozvec::FileSystem& fs =
      options.file_system != nullptr ? *options.file_system : cocozvec::PosixFileSystem();
  const std::string context = "base directory " + base_path.str();
  if (base_path.empty())
    throw db::StatusError(db::Status::InvalidArgument("base directory: the path is empty"));
  if (db::Status status = cocozvec::CreateDirectories(fs, base_path); !status.ok()) {
    throw db::StatusError(status.WithContext(context));
  }
  if (db::Status status = db::Collection::RemoveLeftovers(base_path, {.file_system = options.file_system});
      !status.ok()) {
    Log(LogLevel::kWarning, context + ": what a killed run left cannot be removed: " + status.ToString());
  }
  return ManagedConnection(std::make_shared<ManagedConnection::Impl>(base_path.str(), options));
}

ManagedConnection managed_connection(cocozvec::PathView base_path, ConnectOptions options) {
  return connect(base_path, options);
}

}  // namespace cocoindex::inline v0::connectors::zvec

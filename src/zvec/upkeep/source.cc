#include "zvec/upkeep/source.h"

#include <algorithm>
#include <charconv>

#include "zvec/collection/store.h"
#include "zvec/storage/birth.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/look_again.h"
#include "zvec/storage/mark.h"
#include "zvec/upkeep/mend.h"
#include "zvec/upkeep/notes.h"

namespace zvec::inline v0 {

using cocozvec::DirEntry;
using cocozvec::FileKind;
using cocozvec::FileSystem;
using cocozvec::OpenMode;

void Notes::Add(const Status& status) {
  constexpr std::string_view kAt = ": at byte ";
  const std::string_view message = status.message();
  const std::size_t at = message.find(kAt);
  std::uint64_t offset = 0;
  if (at != std::string_view::npos && message.substr(0, at) == file_) {
    const std::string_view rest = message.substr(at + kAt.size());
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), offset);
    const auto digits = static_cast<std::size_t>(end - rest.data());
    if (error == std::errc() && rest.substr(digits).starts_with(": "))
      return Add(offset, 0, std::string(rest.substr(digits + 2)));
  }
  Add(0, 0, std::string(message));
}

Result<Source> Source::Open(FileSystem& fs, const std::string& directory) {
  if (directory.empty()) return Status::InvalidArgument("the path of a collection is empty");
  for (int look = 1;; ++look) {
    Source source(fs, directory);
    const Status status = source.Load();
    // Beside a writer a newborn collection may get its names between two calls.
    if (status.IsNotFound() && look < kLooks && fs.Stat(directory).ok()) continue;
    ZVEC_RETURN_IF_ERROR(status);
    if (look == kLooks || source.missing_.empty() || !source.Superseded()) return source;
  }
}

Status Source::Load() {
  // What speaks of the data is read before the data: what it says was true before.
  mark_ = ReadMarkFile(*fs_, directory_);
  if (mark_.status().code() == StatusCode::kUnimplemented) return mark_.status();
  lock_text_ = ReadLockText(*fs_, directory_);
  ZVEC_RETURN_IF_ERROR(ListNames());
  ZVEC_RETURN_IF_ERROR(ReadGenerations());
  for (const Generation& generation : generations_)
    if (generation.manifest)
      for (const std::string& name : NamedFiles(*generation.manifest)) OpenFile(name);
  // A newer log than the manifests know is one that lost its own.
  for (const std::uint64_t number : logs_)
    if (newest() == nullptr || number > newest()->log_number) OpenFile(LogName(number));
  return Refused();
}

/// What we may not read, or have no descriptor for, is not damaged.
Status Source::Refused() const {
  const auto refused = [](const Status& status) {
    return status.code() == StatusCode::kPermissionDenied || status.code() == StatusCode::kResourceExhausted;
  };
  if (refused(mark_.status())) return mark_.status();
  if (refused(lock_text_.status())) return lock_text_.status();
  for (const Generation& generation : generations_)
    if (refused(generation.status)) return generation.status;
  for (const auto& [name, status] : missing_)
    if (refused(status)) return status;
  return {};
}

Status Source::ListNames() {
  const auto info = fs_->Stat(directory_);
  if (info.status().IsNotFound()) return Status::NotFound("collection " + directory_ + " does not exist");
  ZVEC_RETURN_IF_ERROR(info.status());
  if (info->kind == FileKind::kFile)
    return Status::InvalidArgument(directory_ + " is a file, not a collection");
  ZVEC_ASSIGN_OR_RETURN(const auto entries, fs_->List(directory_));
  bool ours = false;
  Status unknown;  // what could not be looked at may be ours
  for (const DirEntry& entry : entries) {
    const auto name = ParseName(entry.name);
    if (!name) {
      ++foreign_;
      continue;
    }
    (entry.kind == FileKind::kFile ? ours_ : odd_).push_back(entry.name);
    if (entry.kind != FileKind::kFile) continue;
    if (name->kind == NameKind::kManifest) found_generations_.push_back(name->number);
    if (name->kind == NameKind::kLog) logs_.push_back(name->number);
    Result<bool> is_ours = false;
    if (name->kind == NameKind::kLock) is_ours = IsLockFile(*fs_, PathOf(entry.name));
    if (name->kind == NameKind::kManifest) is_ours = HasMagic(*fs_, PathOf(entry.name), kManifestMagic);
    ours |= is_ours.ok() && *is_ours;
    if (!is_ours.ok() && !is_ours.status().IsNotFound() && unknown.ok()) unknown = is_ours.status();
  }
  std::sort(found_generations_.rbegin(), found_generations_.rend());
  std::sort(logs_.begin(), logs_.end());
  if (!found_generations_.empty()) return {};
  ZVEC_ASSIGN_OR_RETURN(const Birth birth, JudgeBirth(*fs_, directory_, entries));
  unsettled_ = birth == Birth::kUnsettled;
  if (unsettled_) return {};
  if (birth == Birth::kUnfinished)
    return Status::NotFound(
        "collection " + directory_ +
        " does not exist: the directory holds nothing, or what a power cut left of a Create");
  if (!ours && !unknown.ok()) return unknown;
  if (!ours)
    return Status::InvalidArgument(directory_ + " is not a collection: it holds no LOCK and manifest");
  return {};
}

Status Source::ReadGenerations() {
  constexpr std::size_t kMost = 2;  // a writer keeps one older one
  if (unsettled_) {
    generations_.emplace_back(UnsettledManifestName(), kFirstGeneration);
    ZVEC_RETURN_IF_ERROR(ReadGeneration(generations_.back()));
    return generations_.back().status.IsNotFound() ? generations_.back().status : Status();
  }
  for (const std::uint64_t number : found_generations_) {
    if (generations_.size() == kMost) break;
    Generation generation(ManifestName(number), number);
    ZVEC_RETURN_IF_ERROR(ReadGeneration(generation));
    if (generation.status.IsNotFound()) missing_[generation.name] = generation.status;
    generations_.push_back(std::move(generation));
  }
  return {};
}

Status Source::ReadGeneration(Generation& generation) {
  const std::string path = PathOf(generation.name);
  auto bytes = cocozvec::ReadFile(*fs_, path, kMaxManifestBytes, StatusCode::kDataLoss);
  if (!bytes.ok()) {
    generation.status = std::move(bytes).status();
    return {};
  }
  generation.bytes = *std::move(bytes);
  auto manifest = DecodeManifest(generation.bytes, generation.number, path);
  if (manifest.status().code() == StatusCode::kUnimplemented) return manifest.status();
  if (manifest.ok()) {
    generation.manifest = *std::move(manifest);
    return {};
  }
  generation.status = std::move(manifest).status();
  const auto decodes = [&](const std::string& text) {
    return DecodeManifest(text, generation.number, path).ok();
  };
  if (auto mended =
          MendFile(generation.bytes, kManifestMagic, generation.number, kManifestVersion, decodes)) {
    generation.manifest = DecodeManifest(mended->bytes, generation.number, path).value();
    generation.mended_offset = mended->offset;
  }
  return {};
}

void Source::OpenFile(const std::string& name) {
  if (files_.contains(name) || missing_.contains(name)) return;
  auto file = fs_->Open(PathOf(name), OpenMode::kRead);
  if (unsettled_ && file.status().IsNotFound()) file = fs_->Open(PathOf(name) + ".tmp", OpenMode::kRead);
  if (file.ok())
    files_[name] = *std::move(file);
  else
    missing_[name] = std::move(file).status();
}

const Manifest* Source::newest() const noexcept {
  for (const Generation& generation : generations_)
    if (generation.manifest) return &*generation.manifest;
  return nullptr;
}

std::vector<LostManifest> Source::LostManifests() const {
  std::vector<LostManifest> lost;
  if (newest() == nullptr) return lost;
  const std::string unknown =
      "manifest " + std::to_string(newest()->generation) + " does not know: a newer manifest is missing";
  // A log gets its first record after the manifest that names it is durable.
  for (const std::uint64_t number : logs_) {
    if (number <= newest()->log_number) continue;
    const std::string name = LogName(number);
    const cocozvec::File* file = Find(name);
    const auto size = file != nullptr ? file->Size() : Result<std::uint64_t>(WhyMissing(name));
    // One that went after it was listed was the writer's to remove.
    if (size.status().IsNotFound()) continue;
    if (!size.ok())
      lost.push_back(
          {name, 0, 0, std::string(size.status().message()) + "; it may hold writes that " + unknown});
    else if (*size > kFileHeaderBytes)
      lost.push_back({name, kFileHeaderBytes, *size - kFileHeaderBytes, "it holds writes that " + unknown});
  }
  const auto closed = note(*newest());
  if (closed && closed->log > newest()->log_number && generations_.front().manifest)
    lost.push_back({LogName(closed->log), 0, closed->end,
                    "it was closed at byte " + std::to_string(closed->end) + ", which " + unknown});
  return lost;
}

const cocozvec::File* Source::Find(const std::string& name) const {
  const auto it = files_.find(name);
  return it == files_.end() ? nullptr : it->second.get();
}

Status Source::WhyMissing(const std::string& name) const {
  const auto it = missing_.find(name);
  return it == missing_.end() ? Status::NotFound(PathOf(name) + ": not looked for") : it->second;
}

std::set<std::string> Source::NamesOfGenerations() const {
  std::set<std::string> named;
  for (const Generation& generation : generations_)
    if (generation.manifest) named.merge(NamedFiles(*generation.manifest));
  return named;
}

std::map<std::string, std::uint64_t> Source::Pinned() const {
  std::map<std::string, std::uint64_t> pinned;
  const std::set<std::string> named = NamesOfGenerations();
  for (std::size_t i = generations_.size(); i < found_generations_.size(); ++i) {
    const auto file = fs_->Open(PathOf(ManifestName(found_generations_[i])), OpenMode::kRead);
    if (!file.ok() || (*file)->OtherLock().value_or(cocozvec::HeldLock::kNone) == cocozvec::HeldLock::kNone)
      continue;
    const auto manifest = ReadManifest(*fs_, directory_, found_generations_[i]);
    if (!manifest.ok()) continue;
    for (const std::string& name : NamedFiles(*manifest))
      if (!named.contains(name))
        if (const auto info = fs_->Stat(PathOf(name)); info.ok()) pinned[name] = info->size;
  }
  return pinned;
}

std::map<std::string, std::uint64_t> Source::Leftovers() const {
  std::map<std::string, std::uint64_t> leftovers;
  if (unsettled_) return leftovers;
  for (const Generation& generation : generations_)
    if (!generation.manifest) return {};
  const std::set<std::string> named = NamesOfGenerations();
  const auto pinned = Pinned();
  for (const std::string& name : ours_) {
    const NameKind kind = ParseName(name)->kind;
    if (kind == NameKind::kLock || kind == NameKind::kMark || named.contains(name) || pinned.contains(name))
      continue;
    if (const auto info = fs_->Stat(PathOf(name)); info.ok()) leftovers[name] = info->size;
  }
  return leftovers;
}

Result<std::optional<Publication>> Source::Published() const {
  const auto file = fs_->Open(PathOf(std::string(kLockName)), OpenMode::kRead);
  const StatusCode code = file.status().code();
  if (code == StatusCode::kNotFound || code == StatusCode::kPermissionDenied)
    return std::optional<Publication>();
  ZVEC_RETURN_IF_ERROR(file.status());
  return ReadPublication(**file);
}

bool Source::Superseded() const {
  const std::uint64_t mine = generations_.empty() || unsettled_ ? 0 : generations_.front().number;
  const auto entries = fs_->List(directory_);
  return entries.ok() && std::any_of(entries->begin(), entries->end(), [mine](const DirEntry& entry) {
           const auto name = ParseName(entry.name);
           return name && name->kind == NameKind::kManifest && name->number > mine;
         });
}

}  // namespace zvec::inline v0

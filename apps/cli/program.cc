#include "program.h"

#include <algorithm>
#include <stdexcept>

#include "cocoindex/connectors/localfs.h"
#include "cocoindex/connectors/zvec.h"
#include "cocoindex/text/splitter.h"
#include "folders.h"

namespace cocozvec::cli {

namespace localfs = cocoindex::connectors::localfs;
namespace zc = cocoindex::connectors::zvec;

const char* const kFileComponent =
    "process_file";  // persistent; literals again where the functions are named
const char* const kFolderComponent = "index_folder";

namespace {

// The embedder as the engine wants it: it knows its vectors' size, and its identity is part of memo keys.
class StoreEmbedder {
 public:
  explicit StoreEmbedder(const EmbedderConfig& config) : embedder_(MakeEmbedder(config)) {}
  coco::VectorSchema vector_schema() const { return {embedder_->dimension()}; }
  const cocoindex::text::Embedder& get() const { return *embedder_; }
  friend std::string coco_memo_key(const StoreEmbedder& e) { return e.embedder_->identity(); }

 private:
  std::shared_ptr<const cocoindex::text::Embedder> embedder_;
};

class StoreSplitter {
 public:
  explicit StoreSplitter(cocoindex::text::SplitOptions options) : splitter_(options) {}
  const cocoindex::text::RecursiveSplitter& get() const { return splitter_; }
  friend std::string coco_memo_key(const StoreSplitter& s) { return s.splitter_.identity(); }

 private:
  cocoindex::text::RecursiveSplitter splitter_;
};

constexpr coco::ContextKey<zc::ManagedConnection> kDatabase{"cocozvec/database"};
constexpr coco::ContextKey<StoreEmbedder> kEmbedder{"cocozvec/embedder", {.detect_change = true}};
constexpr coco::ContextKey<StoreSplitter> kSplitter{"cocozvec/splitter", {.detect_change = true}};
constexpr coco::ContextKey<RunNotes> kNotes{"cocozvec/notes"};
constexpr coco::ContextKey<std::string> kStorePlace{"cocozvec/store"};

struct Chunk {
  std::string id;
  std::string file;
  std::int64_t start = 0;
  std::string text;
  coco::Annotated<std::vector<float>, &kEmbedder> embedding;
};
using Target = zc::CollectionTarget<Chunk>;

constexpr std::size_t kBatch = 64;  // texts embedded at a time

std::string FullName(const localfs::Folder& folder, const std::string& path) {
  return folder.path.ends_with('/') ? folder.path + path : folder.path + "/" + path;
}

void DeclarePieces(coco::Ctx& ctx, const std::string& file, std::span<const cocoindex::text::Piece> pieces,
                   const Target& target) {
  const auto& embedder = ctx.use(kEmbedder).get();
  std::vector<std::string_view> texts;
  for (const auto& piece : pieces) texts.push_back(piece.text);
  const std::size_t dimension = embedder.dimension();
  std::vector<float> rows(texts.size() * dimension);
  embedder.embed(texts, rows);
  std::uint64_t empty = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::span<const float> vector(rows.data() + i * dimension, dimension);
    if (cocoindex::text::is_zero(vector) || !HasWord(texts[i])) {
      ++empty;
      continue;
    }
    target.declare_row(ctx, {.id = file + "#" + std::to_string(pieces[i].start),
                             .file = file,
                             .start = static_cast<std::int64_t>(pieces[i].start),
                             .text = std::string(pieces[i].text),
                             .embedding = std::vector<float>(vector.begin(), vector.end())});
  }
  if (empty > 0) ctx.use(kNotes).AddEmptyPieces(empty);
}

// Remembered by content: runs again when the file, the embedder or the splitter is another one.
void process_file(coco::Ctx& ctx, const localfs::FileRef& ref, const Target& target) {
  const std::string file = FullName(ref.folder(), ref.path());
  const localfs::FileContent& content = ref.content();
  if (content.skipped) {
    ctx.use(kNotes).AddReadSkip({file, std::string(localfs::to_string(*content.skipped)), content.detail});
    return;
  }
  const auto pieces = ctx.use(kSplitter).get().split(content.text);
  for (std::size_t at = 0; at < pieces.size(); at += kBatch) {
    ctx.check_cancelled();
    DeclarePieces(ctx, file, std::span(pieces).subspan(at, std::min(kBatch, pieces.size() - at)), target);
  }
}

// Throws when the folder, or one below it, cannot be read: a component that failed removes nothing, so the
// files that are out of sight stay as they are in the store. What could be read is brought up to date first.
void index_folder(coco::Ctx& ctx, const std::string& path, const Target& target) {
  const auto folder = std::make_shared<const localfs::Folder>(localfs::Folder{.name = path, .path = path});
  // A store inside the folder would find itself changed by every run.
  const localfs::WalkResult found =
      localfs::walk(path, {.exclude = ExcludePlace(path, ctx.use(kStorePlace))});
  RunNotes& notes = ctx.use(kNotes);
  notes.AddSeen(found.files.size());
  for (const auto& s : found.skipped) {
    notes.AddSkip({FullName(*folder, s.path), std::string(localfs::to_string(s.reason)), s.detail});
  }
  ctx.mount_each("file", coco::fn<&process_file>({.memo = true, .version = 1, .name = "process_file"}),
                 found.items(folder), target);
  for (const auto& s : found.skipped) {
    if (s.folder && s.reason == localfs::Skip::unreadable) {
      throw std::runtime_error("folder " + FullName(*folder, s.path) +
                               " cannot be read, so the store keeps what it has of '" + path +
                               "': " + s.detail);
    }
  }
}

void index_all(coco::Ctx& ctx, const std::vector<std::string>& folders) {
  const Target target = zc::mount_collection_target(
      ctx, kDatabase, kCollectionName, zc::CollectionSchema<Chunk>::from_class(ctx, {.primary_key = {"id"}}));
  std::vector<std::pair<coco::StableKey, std::string>> named;
  for (const std::string& folder : folders) named.emplace_back(folder, folder);
  ctx.mount_each("folder", coco::fn<&index_folder>({.name = "index_folder"}), named, target);
}

}  // namespace

void RunNotes::AddSeen(std::uint64_t files) {
  const MutexLock lock(mu_);
  seen_ += files;
}

void RunNotes::AddSkip(Skip skip) {
  const MutexLock lock(mu_);
  ++seen_;
  skips_.push_back(std::move(skip));
}

void RunNotes::AddReadSkip(Skip skip) {
  const MutexLock lock(mu_);
  ++read_skips_;
  skips_.push_back(std::move(skip));
}

void RunNotes::AddEmptyPieces(std::uint64_t pieces) {
  const MutexLock lock(mu_);
  empty_pieces_ += pieces;
}

RunNotes::Counts RunNotes::counts() const {
  const MutexLock lock(mu_);
  return {seen_, skips_.size(), read_skips_, empty_pieces_};
}

std::vector<RunNotes::Skip> RunNotes::skips() const {
  const MutexLock lock(mu_);
  auto sorted = skips_;
  std::ranges::sort(sorted, {}, &Skip::file);
  return sorted;
}

coco::Environment MakeEnvironment(const StorePaths& paths, const StoreConfig& config,
                                  std::shared_ptr<RunNotes> notes) {
  coco::Settings settings;
  settings.db_path = paths.state();
  settings.max_inflight_components = 256;  // rows of files that wait for the database are memory
  return coco::Environment(settings, [paths, config, notes](coco::EnvironmentBuilder& builder) {
    builder.provide(kDatabase, zc::connect(paths.data()));
    builder.provide(kEmbedder, StoreEmbedder(config.embedder));
    builder.provide(kSplitter, StoreSplitter(config.splitter));
    builder.provide(kNotes, notes);
    builder.provide(kStorePlace, CanonicalPlace(paths.root()));
  });
}

Status CheckReadable(const std::string& folder, const std::string& store_place) try {
  const localfs::WalkResult found = localfs::walk(folder, {.exclude = ExcludePlace(folder, store_place)});
  for (const auto& s : found.skipped) {
    if (s.folder && s.reason == localfs::Skip::unreadable) return Status::IoError(s.detail);
  }
  return Status::Ok();
} catch (const coco::InvalidRequest& error) {
  return Status::IoError(error.what());
}

coco::App MakeApp(const coco::Environment& environment) {
  return {environment, "index", coco::fn<&index_all>({.name = "index_all"}), std::vector<std::string>()};
}

std::uint64_t CountDocuments(const coco::App& app) {
  return zc::count_documents(app, kDatabase, kCollectionName);
}

void CloseDatabase(const coco::Environment& environment) { environment.context().get(kDatabase).close(); }

// "folder" / FOLDER / "file" / PATH
std::string FileOf(const coco::StablePath& path) {
  std::vector<std::string> parts;
  for (const coco::StableKey& key : path.keys()) {
    const auto* text = key.get_if<std::string>();
    if (text == nullptr) return path.display();
    parts.push_back(*text);
  }
  if (parts.size() == 2 && parts[0] == "folder") return parts[1];
  if (parts.size() == 4 && parts[0] == "folder" && parts[2] == "file") {
    return FullName(localfs::Folder{.name = {}, .path = parts[1]}, parts[3]);
  }
  return path.display();
}

}  // namespace cocozvec::cli

#include "store_config.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/checksum.h"
#include "base/io/file_system.h"
#include "json.h"

namespace cocozvec::cli {
namespace {

constexpr std::string_view kMagic = "cocozvec-store ";
constexpr std::string_view kChecksumTag = "xxh3:";
constexpr std::uint64_t kMaxConfigBytes = 16 << 20;

std::string Hex(std::uint64_t value) {
  char digits[17] = {};
  std::snprintf(digits, sizeof(digits), "%016llx", static_cast<unsigned long long>(value));
  return digits;
}

std::string Quoted(PathView path) { return "'" + path.str() + "'"; }

Status Damaged(PathView path, const std::string& what) {
  return Status::DataLoss("store config " + Quoted(path) + ": " + what);
}

Status NoStore(PathView path) {
  return Status::InvalidArgument("store config " + Quoted(path) + ": begins with something else than '" +
                                 std::string(kMagic) + "': not a cocozvec store");
}

// Takes the first line apart; leaves the body in `content`.
Result<std::string> TakeHeader(std::string_view& content, PathView path) {
  if (!content.starts_with(kMagic)) return NoStore(path);
  const std::size_t line_end = content.find('\n');
  if (line_end == std::string_view::npos) return Damaged(path, "ends in its first line");
  std::string_view line = content.substr(kMagic.size(), line_end - kMagic.size());
  content.remove_prefix(line_end + 1);

  unsigned version = 0;
  const auto parsed = std::from_chars(line.data(), line.data() + line.size(), version);
  if (parsed.ec != std::errc() || version == 0) return Damaged(path, "no format version in its first line");
  if (version > kConfigVersion) {
    return Status::Unimplemented("store config " + Quoted(path) + ": format " + std::to_string(version) +
                                 ", this program reads up to " + std::to_string(kConfigVersion));
  }
  line.remove_prefix(static_cast<std::size_t>(parsed.ptr - line.data()));
  if (!line.starts_with(" ")) return Damaged(path, "no checksum in its first line");
  line.remove_prefix(1);
  if (!line.starts_with(kChecksumTag)) return Damaged(path, "no checksum in its first line");
  return std::string(line.substr(kChecksumTag.size()));
}

EmbedderConfig EmbedderFromJson(const nlohmann::json& json) {
  EmbedderConfig config;
  const auto name = json.at("kind").get<std::string>();
  const auto kind = EmbedderNamed(name);
  if (!kind) throw std::invalid_argument("embedder '" + name + "', this program knows static and hashing");
  config.kind = *kind;
  if (config.kind == EmbedderKind::kHashing) {
    config.hashing.dimension = json.at("dimension").get<std::uint32_t>();
  }
  if (json.contains("identity")) config.identity = json.at("identity").get<std::string>();
  return config;
}

StoreConfig FromJson(const nlohmann::json& json) {
  StoreConfig config;
  config.folders = json.at("folders").get<std::vector<std::string>>();
  config.embedder = EmbedderFromJson(json.at("embedder"));
  config.splitter.size = json.at("splitter").at("size").get<std::uint32_t>();
  config.splitter.overlap = json.at("splitter").at("overlap").get<std::uint32_t>();
  return config;
}

}  // namespace

std::string EncodeConfig(const StoreConfig& config) {
  JsonWriter json;
  json.Object().Key("folders").Array();
  for (const std::string& folder : config.folders) json.Text(folder);
  json.EndArray();
  json.Key("embedder").Object().Key("kind").Text(EmbedderName(config.embedder.kind));
  if (config.embedder.kind == EmbedderKind::kHashing) {
    json.Key("dimension").Int(config.embedder.hashing.dimension);
  }
  if (!config.embedder.identity.empty()) json.Key("identity").Text(config.embedder.identity);
  json.EndObject();
  json.Key("splitter").Object().Key("kind").Text("recursive").Key("size").Int(config.splitter.size);
  json.Key("overlap").Int(config.splitter.overlap).EndObject();
  const std::string body = json.EndObject().Take() + "\n";
  std::string out(kMagic);
  out += std::to_string(kConfigVersion) + " " + std::string(kChecksumTag) + Hex(Checksum(body)) + "\n";
  return out + body;
}

Result<StoreConfig> DecodeConfig(std::string_view content, PathView path) {
  std::string_view body = content;
  ZVEC_ASSIGN_OR_RETURN(const std::string stored, TakeHeader(body, path));
  const std::string actual = Hex(Checksum(body));
  if (stored != actual) return Damaged(path, "checksum " + actual + ", " + stored + " in its first line");
  try {
    const StoreConfig config = FromJson(nlohmann::json::parse(body));
    // The constructors know the rules.
    (void)MakeEmbedder(config.embedder);
    (void)cocoindex::text::RecursiveSplitter(config.splitter);
    return config;
  } catch (const std::exception& error) {
    return Damaged(path, error.what());
  }
}

Result<StoreKind> Inspect(const StorePaths& paths) {
  FileSystem& fs = PosixFileSystem();
  const auto info = fs.Stat(paths.root());
  if (info.status().IsNotFound()) return StoreKind::kNothing;
  if (!info.ok()) return info.status().WithContext("store " + Quoted(paths.root()));
  // A symbolic link to a store is fine; List follows it.
  if (info->kind == FileKind::kFile) {
    return Status::InvalidArgument("store " + Quoted(paths.root()) + ": is a file, a directory is needed");
  }
  const auto entries = fs.List(paths.root());
  if (!entries.ok()) return entries.status().WithContext("store " + Quoted(paths.root()));
  if (entries->empty()) return StoreKind::kNothing;
  const auto is = [](std::string_view name) { return [name](const DirEntry& e) { return e.name == name; }; };
  if (std::ranges::any_of(*entries, is("config"))) return StoreKind::kStore;
  const auto foreign = std::ranges::find_if(*entries, [](const DirEntry& e) {
    const bool ours =
        e.name == "state" || e.name == "data" || e.name == "state.dropped" || e.name == "data.dropped";
    return !(ours && e.kind == FileKind::kDirectory) && e.name != "config.tmp";
  });
  if (foreign == entries->end()) return StoreKind::kStarted;
  return Status::InvalidArgument("store " + Quoted(paths.root()) + ": holds '" + foreign->name +
                                 "' but no file 'config': the directory of something else");
}

Result<StoreConfig> ReadConfig(const StorePaths& paths) {
  const auto content = ReadFile(PosixFileSystem(), paths.config(), kMaxConfigBytes);
  if (!content.ok()) return content.status();
  return DecodeConfig(*content, paths.config());
}

Status WriteConfig(const StorePaths& paths, const StoreConfig& config) {
  return WriteFileAtomically(PosixFileSystem(), paths.config(), EncodeConfig(config));
}

void RemoveHalfWrittenConfig(const StorePaths& paths) {
  (void)PosixFileSystem().RemoveFile(paths.config() +
                                     ".tmp");  // rarely there; the next write would replace it anyway
}

Status RemoveDropped(const StorePaths& paths) {
  ZVEC_RETURN_IF_ERROR(RemoveTree(PosixFileSystem(), paths.dropped_data()));
  return RemoveTree(PosixFileSystem(), paths.dropped_state());
}

}  // namespace cocozvec::cli

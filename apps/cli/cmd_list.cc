#include <fmt/format.h>

#include <map>

#include "commands.h"
#include "json.h"
#include "reader.h"

namespace cocozvec::cli {
namespace {

struct FolderCounts {
  std::string path;
  std::uint64_t files = 0, documents = 0;
};

struct Listing {
  StoreConfig config;
  std::map<std::string, std::uint64_t> documents_of;  // by file
  std::vector<FolderCounts> folders;
  std::uint64_t documents = 0;
};

Listing Collect(const Options& options) {
  const OpenedStore store = OpenForReading(options.store).value();
  Listing listing;
  listing.config = store.config;
  zvec::FetchOptions only_file;
  only_file.output_fields = std::vector<std::string>{"file"};
  only_file.include_vectors = false;
  const auto documents = store.collection->Iterate(only_file).value();
  for (zvec::Doc doc; documents->Next(&doc).value();) {
    const auto* file = doc.Get<std::string>("file");
    ++listing.documents_of[file != nullptr ? *file : std::string()];
    ++listing.documents;
  }
  for (const std::string& folder : store.config.folders) {
    FolderCounts counts;
    counts.path = folder;
    const std::string prefix = folder.ends_with('/') ? folder : folder + "/";
    auto it = listing.documents_of.lower_bound(prefix);
    for (; it != listing.documents_of.end() && it->first.starts_with(prefix); ++it) {
      ++counts.files;
      counts.documents += it->second;
    }
    listing.folders.push_back(counts);
  }
  return listing;
}

std::string ToJson(const Listing& listing, const Options& options) {
  JsonWriter json;
  json.Object().Key("store").Text(options.store).Key("format").Int(kConfigVersion).Key("folders").Array();
  for (const FolderCounts& f : listing.folders) {
    json.Object()
        .Key("path")
        .Text(f.path)
        .Key("files")
        .Int(f.files)
        .Key("documents")
        .Int(f.documents)
        .EndObject();
  }
  json.EndArray().Key("documents").Int(listing.documents);
  json.Key("embedder").Text(IdentityOf(listing.config.embedder));
  json.Key("splitter").Text(cocoindex::text::RecursiveSplitter(listing.config.splitter).identity());
  if (options.files) {
    json.Key("files").Array();
    for (const auto& [file, documents] : listing.documents_of) {
      json.Object().Key("file").Text(file).Key("documents").Int(documents).EndObject();
    }
    json.EndArray();
  }
  return json.EndObject().Take();
}

void Print(const Listing& listing, const Options& options, Console& console) {
  for (const FolderCounts& f : listing.folders) {
    console.Write(
        fmt::format("{}  {} files, {} documents\n", console.Bold(Printable(f.path)), f.files, f.documents));
  }
  if (options.files) {
    for (const auto& [file, documents] : listing.documents_of) {
      console.Write(fmt::format("{:8}  {}\n", documents, Printable(file)));
    }
  }
  console.Write(fmt::format("{} documents; {}; {}\n", listing.documents, IdentityOf(listing.config.embedder),
                            cocoindex::text::RecursiveSplitter(listing.config.splitter).identity()));
}

}  // namespace

int RunList(const Options& options, Console& console) {
  const Listing listing = Collect(options);
  if (options.json) {
    console.WriteLine(ToJson(listing, options));
  } else {
    Print(listing, options, console);
  }
  return kDone;
}

}  // namespace cocozvec::cli

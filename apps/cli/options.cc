#include "options.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <utility>

namespace cocozvec::cli {
namespace {

constexpr std::uint32_t kMostHits = 100'000;  // zvec::kMaxTopk

CLI::App* AddCommand(CLI::App& app, Options& o, Command command, const char* name, const char* what) {
  CLI::App* sub = app.add_subcommand(name, what);
  sub->callback([&o, command] { o.command = command; });
  sub->add_flag("--json", o.json, "Print one JSON object on standard output and nothing else");
  if (command != Command::kVersion) {
    sub->add_option("--store", o.store, "Directory of the store")
        ->required()
        ->check(
            [](const std::string& path) { return path.empty() ? std::string("is empty") : std::string(); });
  }
  return sub;
}

void AddIndex(CLI::App& app, Options& o) {
  auto* sub =
      AddCommand(app, o, Command::kIndex, "index", "Bring the store in step with folders of text files");
  sub->add_option("DIR", o.folders, "Folders to add; without one, those the store knows already");
  sub->add_flag("--prune", o.prune, "Forget the folders that are not named here, and their documents");
  sub->add_option("--embedder", o.embedder, "static: by meaning (first run), or hashing: by words")
      ->check(CLI::IsMember({"static", "hashing"}));
  sub->add_flag("--rebuild", o.rebuild, "Take another embedder than the store's, and make every vector anew");
  sub->add_option("--dimension", o.dimension, "Elements of a vector of the hashing embedder (first run: 384)")
      ->check(CLI::Range(8, 20'000));
  sub->add_option("--piece-size", o.piece_size, "Most characters of a piece (first run: 1000)")
      ->check(CLI::Range(1, 1'000'000));
  sub->add_option("--piece-overlap", o.piece_overlap, "Characters a piece may repeat (first run: 150)")
      ->check(CLI::Range(0, 999'999));
}

void AddSearch(CLI::App& app, Options& o) {
  auto* sub = AddCommand(app, o, Command::kSearch, "search", "Find the pieces of text nearest to a question");
  sub->add_option("TEXT", o.text, "What to look for; put -- before a text that begins with a dash")
      ->required();
  sub->add_option("--topk", o.topk, "Most hits, 1 to 100000 (10)")->check(CLI::Range(1U, kMostHits));
  sub->add_option("--filter", o.filter,
                  "Only documents for which this holds: start = 0 and file like '%.md'");
}

void AddOthers(CLI::App& app, Options& o) {
  auto* list = AddCommand(app, o, Command::kList, "ls", "Show what the store holds");
  list->add_flag("--files", o.files, "Each file, too");

  auto* dump = AddCommand(app, o, Command::kExport, "export", "Print every document in the order of ids");
  dump->add_flag("--jsonl", o.jsonl, "One JSON object a line");
  dump->add_flag("--vectors", o.vectors, "With the vectors");

  auto* drop = AddCommand(app, o, Command::kDrop, "drop", "Remove the store and everything in it");
  drop->add_flag("--yes", o.yes, "Really");

  AddCommand(app, o, Command::kVersion, "version", "Print the version");
}

CLI::App* AddUpkeep(CLI::App& app, Options& o, Command command, const char* name, const char* what) {
  const auto given = [](const std::string& path) {
    return path.empty() ? std::string("is empty") : std::string();
  };
  CLI::App* sub = app.add_subcommand(name, what);
  sub->callback([&o, command] { o.command = command; });
  sub->add_flag("--json", o.json, "Print one JSON object on standard output and nothing else");
  auto* one = sub->add_option_group("collection", "Which collection");
  one->add_option("--store", o.store, "That of the store in this directory")->check(given);
  one->add_option("--collection", o.collection, "The one in this directory, of any program")->check(given);
  one->require_option(1);
  if (command == Command::kSnapshot || command == Command::kBackup) {
    sub->add_option("--to", o.to, "Directory to make; nothing may be there")->required()->check(given);
  }
  if (command == Command::kRestore) {
    sub->add_option("--from", o.from, "The backup")->required()->check(given);
  }
  if (command == Command::kSnapshot || command == Command::kBackup || command == Command::kRestore) {
    sub->add_flag("--no-verify", o.no_verify, "Do not read the copy again before it gets its name");
  }
  return sub;
}

void AddUpkeepCommands(CLI::App& app, Options& o) {
  AddUpkeep(app, o, Command::kVerify, "verify", "Read every byte of the collection and say what is damaged");
  auto* repair = AddUpkeep(app, o, Command::kRepair, "repair", "Save what is whole of a damaged collection");
  repair->add_option("--to", o.to, "Directory of the new collection; nothing may be there");
  repair->add_flag("--in-place", o.in_place,
                   "Put it in the place of the damaged one, which is kept beside it");
  AddUpkeep(app, o, Command::kSnapshot, "snapshot",
            "A copy on the same file system that shares files that never change");
  AddUpkeep(app, o, Command::kBackup, "backup", "A copy that shares nothing, also while somebody writes");
  AddUpkeep(app, o, Command::kRestore, "restore", "Make the collection from a backup; never overwrites");
  AddUpkeep(app, o, Command::kStats, "stats", "What the collection takes on the disk, by part");
}

// What CLI11 cannot say: rules over several options.
std::string Conflict(const Options& o) {
  if (o.command == Command::kExport && o.jsonl == o.json) return "export: say either --jsonl or --json";
  if (o.command == Command::kRepair && o.to.empty() != o.in_place) {
    return "repair: say either --to DIRECTORY or --in-place";
  }
  if (o.command == Command::kDrop && !o.yes) {
    return "drop: removes the store '" + o.store + "' and everything in it; say --yes if that is meant";
  }
  if (o.command == Command::kIndex && o.dimension && o.embedder == "static") {
    return "index: --dimension is of the hashing embedder; the table of the static one has a fixed number of "
           "elements";
  }
  if (o.command == Command::kIndex && o.prune && o.folders.empty()) {
    return "index: --prune without a folder would remove every document; to remove the store use drop";
  }
  return {};
}

}  // namespace

ParsedOptions ParseOptions(int argc, const char* const* argv) {
  ParsedOptions parsed;
  CLI::App app{"Keeps a searchable collection in step with folders of text files.", "cocozvec"};
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("cocozvec ") + COCOZVEC_VERSION);
  app.footer(
      "Exit codes: 0 done, 1 failed, 2 usage, 3 damaged, 4 partly failed, 130 interrupted.  Guide: "
      "docs/cli.md");
  AddIndex(app, parsed.options);
  AddSearch(app, parsed.options);
  AddOthers(app, parsed.options);
  AddUpkeepCommands(app, parsed.options);
  const auto named = [&](const CLI::App* command) { return command->get_name() == argv[1]; };
  if (argc > 1 && argv[1][0] != '-' && std::as_const(app).get_subcommands(named).empty()) {
    std::cerr << "there is no command '" << argv[1] << "'\nRun with --help for more information.\n";
    parsed.exit = kUsage;
    return parsed;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error, std::cout, std::cerr);
    parsed.exit = code == 0 ? kDone : kUsage;
    return parsed;
  }
  if (const std::string conflict = Conflict(parsed.options); !conflict.empty()) {
    std::cerr << conflict << "\nRun with --help for more information.\n";
    parsed.exit = kUsage;
  }
  return parsed;
}

}  // namespace cocozvec::cli

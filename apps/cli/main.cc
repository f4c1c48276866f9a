// cocozvec: the command line over the public interfaces of the libraries. Guide: docs/cli.md.
#include <csignal>
#include <exception>

#include "commands.h"
#include "json.h"

namespace cocozvec::cli {
namespace {

int Run(const Options& options, Console& console) {
  switch (options.command) {
    case Command::kIndex:
      return RunIndex(options, console);
    case Command::kSearch:
      return RunSearch(options, console);
    case Command::kList:
      return RunList(options, console);
    case Command::kExport:
      return RunExport(options, console);
    case Command::kDrop:
      return RunDrop(options, console);
    case Command::kVersion:
      return RunVersion(options, console);
    case Command::kVerify:
      return RunVerify(options, console);
    case Command::kRepair:
      return RunRepair(options, console);
    case Command::kSnapshot:
      return RunSnapshot(options, console);
    case Command::kBackup:
      return RunBackup(options, console);
    case Command::kRestore:
      return RunRestore(options, console);
    case Command::kStats:
      return RunStats(options, console);
  }
  return kUsage;
}

// With --json a failure is an object, too: whoever parses standard output finds the reason there.
int Fail(const Options& options, Console& console, std::string_view message) noexcept try {
  console.Error(message);
  if (options.json) {
    JsonWriter json;
    json.Object()
        .Key("errors")
        .Array()
        .Object()
        .Key("path")
        .Text(options.store.empty() ? options.collection : options.store)
        .Key("message")
        .Text(message);
    console.WriteLine(json.EndObject().EndArray().EndObject().text());
    console.Flush();
  }
  return kFailed;
} catch (...) {
  return kFailed;  // standard output is what failed
}

int Main(int argc, const char* const* argv) {
  // A closed pipe and a file over the limit of the process are errors of the write, with a message.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  const ParsedOptions parsed = ParseOptions(argc, argv);
  if (parsed.exit) return *parsed.exit;
  Console console;
  try {
    const int code = Run(parsed.options, console);
    console.Flush();
    return code;
  } catch (const std::exception& error) {
    return Fail(parsed.options, console, error.what());
  } catch (...) {
    return Fail(parsed.options, console, "an unknown failure");
  }
}

}  // namespace
}  // namespace cocozvec::cli

int main(int argc, char** argv) {
  try {
    return cocozvec::cli::Main(argc, argv);
  } catch (...) {  // out of memory before there was a console
    return cocozvec::cli::kFailed;
  }
}

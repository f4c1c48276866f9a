#include "commands.h"
#include "json.h"
#include "store_config.h"

namespace cocozvec::cli {

int RunVersion(const Options& options, Console& console) {
  if (options.json) {
    JsonWriter json;
    json.Object().Key("version").Text(COCOZVEC_VERSION).Key("store_format").Int(kConfigVersion).EndObject();
    console.WriteLine(json.text());
  } else {
    console.WriteLine("cocozvec " COCOZVEC_VERSION);
  }
  return kDone;
}

}  // namespace cocozvec::cli

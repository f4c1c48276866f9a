// tests/reliability/write_order.h: judges the order of writes, syncs and renames of one collection's life
// (D8). What a power cut happens to leave is another harness's matter: this one sees a missing sync even
// where no cut shows it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/io/recorder.h"

namespace reliability {

class WriteOrderJudge {
 public:
  explicit WriteOrderJudge(bool durable) : durable_(durable) {}

  void See(const cocozvec::IoEvent& event);
  /// A call returned. `durable`: it promises that all before it survives a power cut.
  void Acknowledged(bool durable);

  std::vector<std::string> TakeProblems();
  std::uint64_t judged() const { return judged_; }  ///< renames, removals and acknowledgements looked at

 private:
  struct FileState {
    bool dirty = false;          ///< written or cut, not synced since
    bool published = false;      ///< a manifest names it, and it is no log: never written again
    std::int64_t named_by = -1;  ///< the first manifest that names it
  };
  /// A name that was made, renamed or removed, and not yet synced.
  struct Name {
    enum What { kMade, kRenamed, kRemoved } what;
    std::string name;
  };

  void Problem(const std::string& what);
  void SeeRename(const std::string& from, const std::string& to);
  void SeeRemoval(const std::string& path);
  void JudgeManifest(const std::string& directory, const std::string& from);
  bool Pending(const std::string& directory, Name::What what, const std::string& name = "") const;

  const bool durable_;
  std::map<std::string, FileState> files_;
  std::map<std::string, std::vector<Name>> names_;  ///< by directory
  std::int64_t manifest_ = 0;                       ///< how often it was replaced
  std::string now_;
  std::vector<std::string> problems_;
  std::uint64_t judged_ = 0;
};

}  // namespace reliability

// tests/reliability/victim.h: a closed collection with a file of every kind (indexed_schema.h), and the judge
// of what is read from a damaged copy of it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "children.h"
#include "life.h"

namespace reliability {

class Victim {
 public:
  /// `records`: so many more calls in the log.
  explicit Victim(int records = 3);
  static zvec::CollectionOptions OptionsOn(cocozvec::FileSystem& disk);

  const std::map<std::string, std::string>& files() const { return files_; }
  /// As it was before the last few writes; same names, older contents, where they changed.
  const std::map<std::string, std::string>& older() const { return older_; }
  std::uint64_t bytes() const { return bytes_; }
  /// Byte number `at` of all files in a row: which file, and where in it.
  std::pair<std::string, std::uint64_t> Place(std::uint64_t at) const;

  /// Everything is read from a copy with these files (null: without it) in place of its own: all answers are
  /// right, or an error names `damaged`. `write`: also by a writer, who goes on working.
  /// `may_be_earlier`: what was there after an earlier call is counted, and no problem.
  Outcome Judge(const std::map<std::string, const std::string*>& changed, const std::string& damaged,
                bool write, bool may_be_earlier = false) const;
  /// A disk with such a copy in "c".
  std::unique_ptr<SimDisk> Copy(const std::map<std::string, const std::string*>& changed) const;
  const std::map<std::string, Doc>& docs() const { return docs_; }
  const std::string& mark() const { return mark_; }
  /// The same of a collection that is open.
  Outcome JudgeOpen(const Collection& collection, const std::string& damaged) const;

 private:
  std::string Differs(const Collection& collection, Status* failed) const;
  Outcome Reported(const Status& status, const std::string& damaged) const;

  std::map<std::string, std::string> files_, older_;
  std::uint64_t bytes_ = 0;
  std::map<std::string, Doc> docs_;
  std::vector<std::map<std::string, Doc>> earlier_;  ///< of the calls in the log
  std::string mark_;
  std::vector<std::vector<std::pair<std::string, float>>> found_;
};

}  // namespace reliability

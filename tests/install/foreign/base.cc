// The base alone: a status and a path.
#include <cocozvec/base/path.h>
#include <cocozvec/base/status.h>

#include <cstdio>

int main() {
  const cocozvec::Status status = cocozvec::Status::NotFound("no such field").WithContext("collection docs");
  std::printf("%s in %s\n", status.ToString().c_str(), cocozvec::JoinPath("a", "b").c_str());
  return status.IsNotFound() ? 0 : 1;
}

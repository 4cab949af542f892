// A folder for temporary files of children, which a killed child cannot remove itself.
#pragma once
#include <string>

#include "espalier/base/descriptor.hpp"

namespace espalier::sandbox {

/// In the system's folder for temporary files; emptied after every child. The server makes it and removes it at its end. Whoever made the
/// sandbox knows its name as well, and removes it if the server was killed. If both were, the first server does that makes one a minute
/// later: a folder that is in use is locked, but a new one may not be yet.
class Scratch {
 public:
  /// Chooses the name.
  Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// Makes it if it is not there. If that is impossible, children use the system's folder, as any program does.
  void provide();
  /// In the child: its TMPDIR.
  void use() const;
  void empty() const;
  void remove();

 private:
  std::string path_;
  bool there_ = false;
  base::Descriptor lock_;
};

}  // namespace espalier::sandbox

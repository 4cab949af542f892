// A folder for temporary files of children, which a killed child cannot remove itself.
#pragma once
#include <string>

namespace espalier::sandbox {

/// Made at the first use, in the system's folder for temporary files; emptied after every child.
class Scratch {
 public:
  Scratch() = default;
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
};

}  // namespace espalier::sandbox

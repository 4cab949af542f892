// A fresh directory per test, removed afterwards; and files as h5py sees them.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"

namespace espalier::test {

class TemporaryDirectory : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "espalier-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  std::filesystem::path path(const std::string& name) const { return directory_ / name; }

 private:
  std::filesystem::path directory_;
};

/// Runs a Python program (with h5py and numpy as np imported, `f` the opened file in `mode`) and returns what it prints.
inline std::string python(const std::filesystem::path& file, const std::string& mode, const std::string& program) {
  const std::filesystem::path script = file.string() + ".py", output = file.string() + ".out";
  std::ofstream(script) << "import h5py, sys\nimport numpy as np\nf = h5py.File(sys.argv[1], '" << mode << "')\n"
                        << program << "\nf.close()\n";
  // The Python of the distribution, which has h5py; another one may stand first in PATH. ASan must not be preloaded into it.
  const std::string command = "/usr/bin/python3 '" + script.string() + "' '" + file.string() + "' > '" + output.string() + "' 2>&1";
  const int status = std::system(command.c_str());
  std::string text = base::read_file(output);
  EXPECT_EQ(status, 0) << text;
  return text;
}

/// The message of the Error that `action` throws, with its kind in front: "data: ...". "" if it throws nothing.
template <class Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const base::Error& error) {
    return std::string(base::to_string(error.kind())) + ": " + error.what();
  }
  return "";
}

}  // namespace espalier::test

#include "app/source.hpp"

#include <fmt/format.h>

#include <system_error>

#include "espalier/base/error.hpp"
#include "espalier/h5/file.hpp"
#include "espalier/store/output_directory.hpp"

namespace espalier::app {

namespace fs = std::filesystem;
using base::ErrorKind;
using base::fail;

namespace {

fs::file_status status_of(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (error && status.type() != fs::file_type::not_found) fail(ErrorKind::store, "cannot read '{}': {}", path.string(), error.message());
  return status;
}

bool is_run(const fs::path& directory) {
  std::error_code error;
  return fs::is_regular_file(directory / "run.journal", error);
}

std::string command_that_continues(const store::OutputDirectory& directory) {
  std::string command = fmt::format("espalier run {} --out {}", directory.plan_path().string(), directory.path().string());
  for (const store::Event& event : directory.events())
    if (const auto fact = event.facts.find("command"); fact != event.facts.end()) command = fact->second;
  return command;
}

}  // namespace

Source find_source(const std::string& text) {
  const fs::path path = text;
  const fs::file_status status = status_of(path);
  if (!fs::exists(status))
    fail(ErrorKind::store, "'{}': expected an output directory of espalier or its results.h5, found no such file or directory", text);
  if (fs::is_directory(status)) {
    std::error_code error;
    const fs::directory_iterator entries(path, error);
    if (error) fail(ErrorKind::store, "cannot read '{}': {}", text, error.message());
    if (!is_run(path))
      fail(ErrorKind::store, "'{}' is not an output directory of espalier: expected a file run.journal in it, found none", text);
    return {path, path / "results.h5"};
  }
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const std::string name = path.filename().string();
  if ((name == "results.h5" || name == "run.journal" || name == "plan.yaml") && is_run(folder)) return {folder, folder / "results.h5"};
  return {{}, path};
}

fs::path find_run(const std::string& path) {
  const Source source = find_source(path);
  if (source.directory.empty())
    fail(ErrorKind::store, "'{}' is a file: expected the output directory of a run, in which run.journal stands", path);
  return source.directory;
}

void require_results(const Source& source) {
  const std::string file = source.results.string();
  if (!fs::exists(status_of(source.results))) {
    const auto directory = store::OutputDirectory::inspect(source.directory);
    if (directory.running())
      fail(ErrorKind::store, "'{}' is not there yet: a run is writing into this directory, and writes it when it ends", file);
    fail(ErrorKind::store, "'{}' is not there: the run was killed before it could write it. This continues the run and writes it:\n  {}",
         file, command_that_continues(directory));
  }
  try {
    const h5::File opened = h5::File::open_read_only(source.results);
    const h5::Group root = opened.root();
    if (root.has_attribute("schema_version") && root.is_dataset("stages")) return;
  } catch (const base::Error& error) {
    fail(ErrorKind::store, "'{}': expected a result file of espalier, found one that cannot be read: {}", file, error.what());
  }
  fail(ErrorKind::store, "'{}': expected a result file of espalier, found an HDF5 file without its tables and schema_version", file);
}

}  // namespace espalier::app

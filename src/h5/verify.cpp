#include "espalier/h5/verify.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "espalier/h5/file.hpp"
#include "h5/handle.hpp"

namespace espalier::h5 {

namespace {

void read_attribute_value(hid_t id, const std::string& path, const std::string& file) {
  const Handle stored = own(H5Aget_type(id), H5Tclose, "read the type of", path, file);
  const Handle type = own(H5Tget_native_type(stored.id(), H5T_DIR_ASCEND), H5Tclose, "read the type of", path, file);
  const Handle space = own(H5Aget_space(id), H5Sclose, "read the extent of", path, file);
  const hssize_t points = H5Sget_simple_extent_npoints(space.id());
  check(points, "read the extent of", path, file);
  if (points == 0) return;
  std::vector<char> bytes(static_cast<std::size_t>(points) * H5Tget_size(type.id()));
  check(H5Aread(id, type.id(), bytes.data()), "read", path, file);
  H5Dvlen_reclaim(type.id(), space.id(), H5P_DEFAULT, bytes.data());
}

void read_attributes(const Object& object) {
  for (const std::string& name : object.attribute_names()) {
    const std::string path = object.path() + "' attribute '" + name;
    const Handle attribute = own(H5Aopen(object.handle().id(), name.c_str(), H5P_DEFAULT), H5Aclose, "open", path, object.file_name());
    read_attribute_value(attribute.id(), path, object.file_name());
  }
}

/// Block by block along the first dimension, so that a dataset may be larger than memory.
void read_dataset(hid_t id, const std::string& path, const std::string& file) {
  const Handle stored = own(H5Dget_type(id), H5Tclose, "read the type of", path, file);
  const Handle type = own(H5Tget_native_type(stored.id(), H5T_DIR_ASCEND), H5Tclose, "read the type of", path, file);
  const Handle space = own(H5Dget_space(id), H5Sclose, "read the extent of", path, file);
  const hssize_t points = H5Sget_simple_extent_npoints(space.id());
  check(points, "read the extent of", path, file);
  if (points == 0) return;
  check_plausible_size(id, static_cast<std::uint64_t>(points), H5Tget_size(stored.id()), path, file);
  const Dims dims = extent(space.id(), path, file);
  const std::uint64_t rows = dims.empty() ? 1 : dims.front(), row = static_cast<std::uint64_t>(points) / rows;  // elements in each
  constexpr std::uint64_t block_bytes = std::uint64_t{1} << 22;
  const std::uint64_t at_once = std::clamp<std::uint64_t>(block_bytes / (row * H5Tget_size(type.id())), 1, rows);
  std::vector<char> bytes(at_once * row * H5Tget_size(type.id()));
  for (std::uint64_t first = 0; first < rows; first += at_once) {
    std::vector<hsize_t> start(dims.size(), 0), count(dims.begin(), dims.end());
    if (!dims.empty()) {
      start.front() = first;
      count.front() = std::min(at_once, rows - first);
      H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
    }
    const hsize_t elements = (dims.empty() ? 1 : count.front()) * row;
    const Handle memory(H5Screate_simple(1, &elements, nullptr), H5Sclose);
    check(H5Dread(id, type.id(), memory.id(), space.id(), H5P_DEFAULT, bytes.data()), "read", path, file);
    H5Dvlen_reclaim(type.id(), memory.id(), H5P_DEFAULT, bytes.data());
  }
}

void read_object(const Group& root, const std::string& name) {
  const Object object = root.open_object(name);
  read_attributes(object);
  if (root.is_dataset(name)) read_dataset(object.handle().id(), object.path(), object.file_name());
}

std::vector<std::string> read_everything(const std::filesystem::path& path) {
  std::vector<std::string> sentences;
  const auto guard = [&](auto&& action) {
    try {
      action();
    } catch (const std::exception& error) {
      sentences.emplace_back(error.what());
    }
  };
  guard([&] {
    const File file = File::open_read_only(path);
    const Group root = file.root();
    std::vector<std::string> names;
    const auto visit = [](hid_t, const char* name, const H5O_info_t*, void* data) -> herr_t {
      if (std::strcmp(name, ".") != 0) static_cast<std::vector<std::string>*>(data)->emplace_back(name);
      return 0;
    };
    check(H5Ovisit2(root.handle().id(), H5_INDEX_NAME, H5_ITER_INC, visit, &names, H5O_INFO_BASIC), "list", "/", path.string());
    guard([&] { read_attributes(root); });
    for (const std::string& name : names) guard([&] { read_object(root, name); });
  });
  return sentences;
}

/// Reads, tells the other end of the pipe, and ends without running anything of the parent's.
[[noreturn]] void child(const std::filesystem::path& path, int output, unsigned seconds) {
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGILL, SIGALRM}) ::signal(signal, SIG_DFL);
  if (const int nowhere = ::open("/dev/null", O_WRONLY); nowhere >= 0) ::dup2(nowhere, STDERR_FILENO);  // a sanitizer's report, say
  ::alarm(seconds);
  std::string text;
  for (const std::string& sentence : read_everything(path)) text += sentence + "\n";
  for (std::string_view left = text; !left.empty();) {
    const ssize_t put = ::write(output, left.data(), left.size());
    if (put < 0 && errno != EINTR) ::_exit(1);
    if (put > 0) left.remove_prefix(static_cast<std::size_t>(put));
  }
  ::_exit(0);
}

std::string read_all(int input) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t got = ::read(input, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace

std::vector<std::string> verify_file(const std::filesystem::path& path) {
  std::error_code unknown;
  const auto size = std::filesystem::file_size(path, unknown);
  constexpr std::uintmax_t slowest_bytes_per_second = 2'000'000;
  const auto seconds = static_cast<unsigned>(60 + (unknown ? 0 : size / slowest_bytes_per_second));
  int ends[2];
  if (::pipe(ends) != 0) base::fail(base::ErrorKind::io, "cannot make a pipe: {}", std::strerror(errno));
  const pid_t process = ::fork();
  if (process == 0) child(path, ends[1], seconds);
  ::close(ends[1]);
  if (process < 0) {
    ::close(ends[0]);
    base::fail(base::ErrorKind::io, "cannot start a process: {}", std::strerror(errno));
  }
  std::istringstream lines(read_all(ends[0]));
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  std::vector<std::string> sentences;
  for (std::string line; std::getline(lines, line);) sentences.push_back(line);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    sentences.push_back(fmt::format("'{}': reading it takes longer than {} s: it is damaged", path.string(), seconds));
  else if (status != 0)
    sentences.push_back(fmt::format("'{}': reading it crashes the HDF5 library: it is damaged", path.string()));
  return sentences;
}

}  // namespace espalier::h5

// HDF5 1.10.8: H5Ocopy() of a group to another file calls a null pointer if the group has more than 8 attributes, so that they are stored
// densely (files of format 1.8 or later), and one of them is a text of variable length. A program for upstream: it needs only HDF5.
// Exit code 0: the defect is there. 77: it has gone. 1: something else.
#include <hdf5.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

hid_t create_file(const std::string& name) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18);
  return H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access);
}

void copy_between_files(const std::string& folder) {
  const hid_t from = create_file(folder + "/from.h5"), to = create_file(folder + "/to.h5");
  const hid_t group = H5Gcreate2(from, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t scalar = H5Screate(H5S_SCALAR), text = H5Tcopy(H5T_C_S1);
  H5Tset_size(text, H5T_VARIABLE);
  for (int i = 0; i < 9; ++i) {
    const char* value = "text";
    const hid_t attribute = H5Acreate2(group, ("attribute_" + std::to_string(i)).c_str(), text, scalar, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, text, &value);
    H5Aclose(attribute);
  }
  H5Gclose(group);
  H5Fclose(from);
  const hid_t again = H5Fopen((folder + "/from.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  _exit(H5Ocopy(again, "group", to, "copy", H5P_DEFAULT, H5P_DEFAULT) < 0 ? 1 : 0);
}

}  // namespace

int main() {
  std::string folder = "/tmp/hdf5-copy-crash-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return 1;
  const pid_t child = fork();
  if (child == 0) copy_between_files(folder);
  int status = 0;
  waitpid(child, &status, 0);
  for (const char* name : {"/from.h5", "/to.h5"}) unlink((folder + name).c_str());
  rmdir(folder.c_str());
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) {
    std::puts("H5Ocopy: segmentation fault");
    return 0;
  }
  std::puts("the copy was made, or refused");
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 77 : 1;
}

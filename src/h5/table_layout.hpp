// Private: rows of a table as a compound type in memory.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "espalier/h5/table.hpp"
#include "h5/handle.hpp"
#include "h5/types.hpp"

namespace espalier::h5 {

/// One member of a row: where it stands and what it is.
struct Member {
  std::string name;
  StoredKind kind = StoredKind::other;
  std::size_t offset = 0;
  std::size_t size = 0;
  bool variable_length = false;
  bool is_signed = true;
  StoredType stored = {};  ///< of the file, when reading
};

struct RowLayout {
  std::vector<Member> members;
  std::size_t row_size = 0;

  void add(Member member) {
    member.offset = row_size;
    row_size += member.size;
    members.push_back(std::move(member));
  }
  /// The packed compound type of these members.
  Handle type() const;
};

/// Of columns, which need no values. Error(internal) if a name stands twice, there is no column, or a text does not say how wide it is.
RowLayout layout_of(std::span<const Column> columns, const std::string& where);
/// Error(internal) unless these are whole rows of the layout.
void check_rows(const Table& rows, const RowLayout& layout, const std::string& where);

}  // namespace espalier::h5

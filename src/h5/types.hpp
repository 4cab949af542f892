// Private: the few HDF5 types that espalier writes, and what a stored type is.
#pragma once
#include <cstdint>
#include <string>

#include "h5/handle.hpp"

namespace espalier::h5 {

/// The enumeration {FALSE = 0, TRUE = 1} over int8, as h5py writes booleans.
Handle boolean_type();
/// UTF-8 of `bytes` bytes, null-padded; 0: variable length.
Handle text_type(std::size_t bytes);

enum class StoredKind { boolean, integer, real, text, other };

struct StoredType {
  StoredKind kind = StoredKind::other;
  std::size_t size = 0;          ///< bytes
  bool is_signed = true;         ///< integers
  bool variable_length = false;  ///< text
  H5T_str_t padding = H5T_STR_NULLPAD;
  H5T_cset_t character_set = H5T_CSET_UTF8;
  std::string name;  ///< "float32", "int64", "text", "compound", ... for messages
};
StoredType classify(hid_t type);

/// A fixed-width text without its padding.
std::string unpad(const char* bytes, const StoredType& type);

template <class T>
hid_t native_type();
template <>
inline hid_t native_type<float>() {
  return H5T_NATIVE_FLOAT;
}
template <>
inline hid_t native_type<double>() {
  return H5T_NATIVE_DOUBLE;
}
template <>
inline hid_t native_type<std::int64_t>() {
  return H5T_NATIVE_INT64;
}
template <>
inline hid_t native_type<std::uint64_t>() {
  return H5T_NATIVE_UINT64;
}
template <>
inline hid_t native_type<std::int32_t>() {
  return H5T_NATIVE_INT32;
}
template <>
inline hid_t native_type<std::uint8_t>() {
  return H5T_NATIVE_UINT8;
}

}  // namespace espalier::h5

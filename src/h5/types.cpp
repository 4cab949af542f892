#include "h5/types.hpp"

#include <algorithm>
#include <cstring>

namespace espalier::h5 {

Handle boolean_type() {
  Handle type(H5Tenum_create(H5T_STD_I8LE), H5Tclose);
  const std::int8_t no = 0, yes = 1;
  H5Tenum_insert(type.id(), "FALSE", &no);
  H5Tenum_insert(type.id(), "TRUE", &yes);
  return type;
}

Handle text_type(std::size_t bytes) {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.id(), bytes == 0 ? H5T_VARIABLE : bytes);
  H5Tset_cset(type.id(), H5T_CSET_UTF8);
  H5Tset_strpad(type.id(), bytes == 0 ? H5T_STR_NULLTERM : H5T_STR_NULLPAD);
  return type;
}

namespace {

bool is_boolean(hid_t type) {
  if (H5Tget_nmembers(type) != 2) return false;
  const Handle expected = boolean_type();
  for (const char* name : {"FALSE", "TRUE"}) {
    std::int64_t value = -1;  // room for any base type
    if (H5Tenum_valueof(type, name, &value) < 0) return false;
    const Handle base(H5Tget_super(type), H5Tclose);
    if (H5Tconvert(base.id(), H5T_NATIVE_INT64, 1, &value, nullptr, H5P_DEFAULT) < 0) return false;
    if (value != (std::strcmp(name, "TRUE") == 0 ? 1 : 0)) return false;
  }
  return true;
}

std::string class_name(H5T_class_t type_class) {
  switch (type_class) {
    case H5T_COMPOUND:
      return "compound";
    case H5T_ENUM:
      return "enumeration";
    case H5T_ARRAY:
      return "array";
    case H5T_VLEN:
      return "variable-length list";
    case H5T_REFERENCE:
      return "reference";
    case H5T_OPAQUE:
      return "opaque";
    case H5T_BITFIELD:
      return "bit field";
    default:
      return "unknown";
  }
}

}  // namespace

StoredType classify(hid_t type) {
  StoredType result;
  result.size = H5Tget_size(type);
  const H5T_class_t type_class = H5Tget_class(type);
  if (type_class == H5T_INTEGER) {
    result.kind = StoredKind::integer;
    result.is_signed = H5Tget_sign(type) == H5T_SGN_2;
    result.name = fmt::format("{}int{}", result.is_signed ? "" : "u", 8 * result.size);
  } else if (type_class == H5T_FLOAT) {
    result.kind = StoredKind::real;
    result.name = fmt::format("float{}", 8 * result.size);
  } else if (type_class == H5T_STRING) {
    result.kind = StoredKind::text;
    result.variable_length = H5Tis_variable_str(type) > 0;
    result.padding = H5Tget_strpad(type);
    result.character_set = H5Tget_cset(type);
    result.name = "text";
  } else if (type_class == H5T_ENUM && is_boolean(type)) {
    result.kind = StoredKind::boolean;
    result.name = "boolean";
  } else {
    result.name = class_name(type_class);
  }
  H5Eclear2(H5E_DEFAULT);
  return result;
}

std::string unpad(const char* bytes, const StoredType& type) {
  std::string text(bytes, type.size);
  if (type.padding == H5T_STR_SPACEPAD) {
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  }
  return text.substr(0, text.find('\0'));
}

}  // namespace espalier::h5

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "espalier/base/text.hpp"
#include "espalier/h5/file.hpp"
#include "h5/handle.hpp"
#include "h5/types.hpp"

namespace espalier::h5 {

using base::ErrorKind;
using base::fail;

Object::Object(std::shared_ptr<const Handle> handle, std::string file_name, std::string path)
    : handle_(std::move(handle)), file_name_(std::move(file_name)), path_(std::move(path)) {}

namespace {

/// A value as HDF5 wants it: type, extent, bytes.
struct Prepared {
  Handle type;
  bool scalar = true;
  hsize_t count = 1;
  std::vector<char> bytes = {};

  template <class T>
  void put(const T* values, std::size_t n) {
    bytes.resize(n * sizeof(T));
    if (n > 0) std::memcpy(bytes.data(), values, bytes.size());
  }
};

struct Prepare {
  Prepared operator()(const std::string& text) const {
    Prepared p{text_type(0)};
    const char* pointer = text.c_str();
    p.put(&pointer, 1);
    return p;
  }
  Prepared operator()(bool value) const {
    Prepared p{boolean_type()};
    const std::int8_t byte = value ? 1 : 0;
    p.put(&byte, 1);
    return p;
  }
  template <class T>
  Prepared operator()(const T& value) const {
    Prepared p{Handle(H5Tcopy(native_type<T>()), H5Tclose)};
    p.put(&value, 1);
    return p;
  }
  template <class T>
  Prepared operator()(const std::vector<T>& values) const {
    Prepared p{Handle(H5Tcopy(native_type<T>()), H5Tclose), false, values.size()};
    p.put(values.data(), values.size());
    return p;
  }
  Prepared operator()(const std::vector<std::string>& texts) const {
    Prepared p{text_type(0), false, texts.size()};
    std::vector<const char*> pointers;
    for (const std::string& text : texts) pointers.push_back(text.c_str());
    p.put(pointers.data(), pointers.size());
    return p;
  }
};

/// An attribute as it is stored: a list of one kind.
struct Stored {
  std::variant<std::vector<std::string>, std::vector<double>, std::vector<std::int64_t>> values;
  bool boolean = false;
  std::string type_name;

  std::size_t size() const {
    return std::visit([](const auto& v) { return v.size(); }, values);
  }
};

struct AttributeSource {
  Handle attribute;
  Handle type;
  Handle space;
  std::size_t count = 0;
  std::string object;  // "/x, attribute 'name'"
  std::string file;
};

AttributeSource open_attribute(const Object& owner, const std::string& name) {
  AttributeSource source;
  source.file = owner.file_name();
  if (!owner.has_attribute(name))
    fail(ErrorKind::data, "'{}' in '{}': expected an attribute '{}', found none of that name{}", owner.path(), source.file, name,
         base::did_you_mean(name, owner.attribute_names()));
  source.object = fmt::format("{}' attribute '{}", owner.path(), name);
  source.attribute = own(H5Aopen(owner.handle().id(), name.c_str(), H5P_DEFAULT), H5Aclose, "open", source.object, source.file);
  source.type = own(H5Aget_type(source.attribute.id()), H5Tclose, "read the type of", source.object, source.file);
  source.space = own(H5Aget_space(source.attribute.id()), H5Sclose, "read the extent of", source.object, source.file);
  const hssize_t count = H5Sget_simple_extent_npoints(source.space.id());
  check(count, "read the extent of", source.object, source.file);
  constexpr hssize_t sensible = hssize_t{1} << 24;
  if (count > sensible)
    fail(ErrorKind::data, "'{}' in '{}': expected at most {} values, found {}", source.object, source.file, sensible, count);
  source.count = static_cast<std::size_t>(count);
  return source;
}

template <class T>
std::vector<T> read_numbers(const AttributeSource& source, hid_t memory_type) {
  std::vector<T> values(source.count);
  if (source.count > 0) check(H5Aread(source.attribute.id(), memory_type, values.data()), "read", source.object, source.file);
  return values;
}

std::vector<std::string> read_texts(const AttributeSource& source, const StoredType& stored) {
  std::vector<std::string> texts;
  if (source.count == 0) return texts;
  if (stored.variable_length) {
    const Handle memory = Handle(H5Tcopy(source.type.id()), H5Tclose);
    std::vector<char*> pointers(source.count, nullptr);
    check(H5Aread(source.attribute.id(), memory.id(), pointers.data()), "read", source.object, source.file);
    for (const char* pointer : pointers) texts.emplace_back(pointer == nullptr ? "" : pointer);
    H5Dvlen_reclaim(memory.id(), source.space.id(), H5P_DEFAULT, pointers.data());
    return texts;
  }
  std::vector<char> bytes(source.count * stored.size);
  check(H5Aread(source.attribute.id(), source.type.id(), bytes.data()), "read", source.object, source.file);
  for (std::size_t i = 0; i < source.count; ++i) texts.push_back(unpad(bytes.data() + i * stored.size, stored));
  return texts;
}

Stored read_stored(const AttributeSource& source) {
  const StoredType type = classify(source.type.id());
  Stored stored{.values = {}, .boolean = type.kind == StoredKind::boolean, .type_name = type.name};
  if (type.kind == StoredKind::text) {
    stored.values = read_texts(source, type);
  } else if (type.kind == StoredKind::boolean) {
    const auto bytes = read_numbers<std::int8_t>(source, boolean_type().id());
    stored.values = std::vector<std::int64_t>(bytes.begin(), bytes.end());
  } else if (type.kind == StoredKind::integer && type.size <= 8) {
    if (!type.is_signed)
      for (const std::uint64_t value : read_numbers<std::uint64_t>(source, H5T_NATIVE_UINT64))
        if (!std::in_range<std::int64_t>(value))
          fail(ErrorKind::data, "'{}' in '{}': expected int64, found {}", source.object, source.file, value);
    stored.values = read_numbers<std::int64_t>(source, H5T_NATIVE_INT64);
  } else if (type.kind == StoredKind::real && type.size <= 8) {
    stored.values = read_numbers<double>(source, H5T_NATIVE_DOUBLE);
  } else {
    fail(ErrorKind::data, "'{}' in '{}': expected text, numbers or booleans, found {}", source.object, source.file, type.name);
  }
  return stored;
}

template <class T>
constexpr const char* wanted() {
  if constexpr (std::is_same_v<T, std::string>) return "text";
  if constexpr (std::is_same_v<T, double>) return "a real number";
  if constexpr (std::is_same_v<T, std::int64_t>) return "an integer";
  return "a boolean";
}

template <class T>
[[noreturn]] void fail_type(const AttributeSource& source, const Stored& stored) {
  fail(ErrorKind::data, "'{}' in '{}': expected {}, found {}", source.object, source.file, wanted<T>(), stored.type_name);
}

/// 1.0 is an integer, as in arrays.
std::vector<std::int64_t> whole_numbers(const AttributeSource& source, const std::vector<double>& reals, const char* expected) {
  std::vector<std::int64_t> integers;
  for (const double real : reals) {
    if (!(real >= -0x1p63 && real < 0x1p63 && real == std::trunc(real)))
      fail(ErrorKind::data, "'{}' in '{}': expected {}, found {}", source.object, source.file, expected, real);
    integers.push_back(static_cast<std::int64_t>(real));
  }
  return integers;
}

template <class T>
std::vector<T> as_list(const AttributeSource& source, const Stored& stored) {
  if constexpr (!std::is_same_v<T, bool>)
    if (const auto* same = std::get_if<std::vector<T>>(&stored.values); same && !stored.boolean) return *same;
  if constexpr (std::is_same_v<T, std::string>) fail_type<T>(source, stored);
  std::vector<std::int64_t> integers;
  if (const auto* same = std::get_if<std::vector<std::int64_t>>(&stored.values))
    integers = *same;
  else if (const auto* reals = std::get_if<std::vector<double>>(&stored.values))
    integers = whole_numbers(source, *reals, wanted<T>());
  else
    fail_type<T>(source, stored);
  std::vector<T> values;
  for (const std::int64_t integer : integers) {
    if constexpr (std::is_same_v<T, bool>) {
      if (integer != 0 && integer != 1)
        fail(ErrorKind::data, "'{}' in '{}': expected a boolean, found {}", source.object, source.file, integer);
      values.push_back(integer != 0);
    } else if constexpr (std::is_same_v<T, double>) {
      constexpr std::int64_t exact = std::int64_t{1} << 53;
      if (stored.boolean || integer > exact || integer < -exact) fail_type<T>(source, stored);
      values.push_back(static_cast<double>(integer));
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
      if (stored.boolean) fail_type<T>(source, stored);
      values.push_back(integer);
    }
  }
  return values;
}

template <class T>
struct Reader {
  static T read(const AttributeSource& source, const Stored& stored) {
    if (stored.size() != 1) fail(ErrorKind::data, "'{}' in '{}': expected one value, found {}", source.object, source.file, stored.size());
    return as_list<T>(source, stored).front();
  }
};
template <class T>
struct Reader<std::vector<T>> {
  static std::vector<T> read(const AttributeSource& source, const Stored& stored) { return as_list<T>(source, stored); }
};

}  // namespace

void Object::write_attribute(const std::string& name, const AttributeValue& value) const {
  const std::string object = fmt::format("{}' attribute '{}", path_, name);
  const Prepared prepared = std::visit(Prepare{}, value);
  const Handle space(prepared.scalar ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &prepared.count, nullptr), H5Sclose);
  if (has_attribute(name)) check(H5Adelete(handle().id(), name.c_str()), "replace", object, file_name_);
  const Handle creation(H5Pcreate(H5P_ATTRIBUTE_CREATE), H5Pclose);
  H5Pset_char_encoding(creation.id(), H5T_CSET_UTF8);
  const Handle attribute = own(H5Acreate2(handle().id(), name.c_str(), prepared.type.id(), space.id(), creation.id(), H5P_DEFAULT),
                               H5Aclose, "create", object, file_name_);
  if (prepared.count > 0) check(H5Awrite(attribute.id(), prepared.type.id(), prepared.bytes.data()), "write", object, file_name_);
}

bool Object::has_attribute(const std::string& name) const {
  const htri_t result = H5Aexists(handle().id(), name.c_str());
  check(result, "look up an attribute of", path_, file_name_);
  return result > 0;
}

bool Object::is_text_attribute(const std::string& name) const { return H5Tget_class(open_attribute(*this, name).type.id()) == H5T_STRING; }

std::vector<std::string> Object::attribute_names() const {
  std::vector<std::string> names;
  const auto visit = [](hid_t, const char* name, const H5A_info_t*, void* data) -> herr_t {
    static_cast<std::vector<std::string>*>(data)->emplace_back(name);
    return 0;
  };
  check(H5Aiterate2(handle().id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, visit, &names), "list the attributes of", path_, file_name_);
  return names;
}

template <class T>
T Object::read_attribute(const std::string& name) const {
  const AttributeSource source = open_attribute(*this, name);
  return Reader<T>::read(source, read_stored(source));
}

template std::string Object::read_attribute(const std::string&) const;
template double Object::read_attribute(const std::string&) const;
template std::int64_t Object::read_attribute(const std::string&) const;
template bool Object::read_attribute(const std::string&) const;
template std::vector<double> Object::read_attribute(const std::string&) const;
template std::vector<std::int64_t> Object::read_attribute(const std::string&) const;
template std::vector<std::string> Object::read_attribute(const std::string&) const;

}  // namespace espalier::h5

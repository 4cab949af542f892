// CBOR by nlohmann-json. A record is an array in a fixed order, its first element the format's version, so that names are not
// repeated in every message and in every journal record. A double is a CBOR float, except NaN and infinity: those are a byte string of
// their 8 bytes, because the library writes every NaN as one and the same. Arrays are byte strings of little-endian doubles. Or
// lists: of such bytes, or of nothing if the values are kept elsewhere, if the array is shared; of the number of an earlier array and of
// what is changed in it, as bytes (place u32, value f64, ...), as an adversarial input differs from the clean one in a few pixels.
#include "espalier/task/codec.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "espalier/base/error.hpp"

namespace espalier::task {

static_assert(std::endian::native == std::endian::little, "doubles travel as their bytes in memory");

namespace {

using Json = nlohmann::json;
using base::ErrorKind;
using base::fail;

constexpr int kVersion = 3;

Json bytes_of(const void* data, std::size_t size) {
  const auto* begin = static_cast<const std::uint8_t*>(data);
  return Json::binary(Json::binary_t::container_type(begin, begin + size));
}

Json to_json(const StageKey& key) { return bytes_of(&key, sizeof key); }
Json to_json(double v) { return std::isfinite(v) ? Json(v) : bytes_of(&v, sizeof v); }

struct ValueToJson {
  Json operator()(double v) const { return to_json(v); }
  /// An array of integers is a list of integers; a first element that is text says otherwise, also of an empty list.
  Json operator()(const RealList& v) const { return Json::array({"reals", bytes_of(v.data(), v.size() * sizeof(double))}); }
  template <class T>
  Json operator()(const T& v) const {
    return v;
  }
};

/// Empty array or list: {} would be null.
Json array_of(std::size_t capacity) {
  Json result = Json::array();
  result.get_ref<Json::array_t&>().reserve(capacity);
  return result;
}

Json to_json(const Parameters& parameters) {
  Json result = array_of(2 * parameters.size());
  for (const auto& [name, value] : parameters.map()) {
    result.push_back(name);
    result.push_back(std::visit(ValueToJson{}, value));
  }
  return result;
}

Json to_json(const ResourceLimits& limits) {
  return Json::array(
      {to_json(limits.wall_seconds), to_json(limits.grace_seconds), to_json(limits.cpu_seconds), to_json(limits.memory_mib)});
}

Json to_json(const PartFile& part) { return Json::array({part.name, part.stamp.size, part.stamp.checksum}); }

bool same_bits(double one, double other) { return std::bit_cast<std::uint64_t>(one) == std::bit_cast<std::uint64_t>(other); }

/// Where the second differs from the first, and its values there, as bytes; none if they differ in length or in so much that it is no gain.
std::optional<Json> changes(const std::vector<double>& from, const std::vector<double>& to) {
  if (from.size() != to.size() || from.empty()) return std::nullopt;
  std::vector<std::uint8_t> bytes;
  for (std::uint32_t i = 0; i < to.size(); ++i) {
    if (same_bits(from[i], to[i])) continue;
    if (bytes.size() > to.size() * sizeof(double) / 2) return std::nullopt;
    const std::size_t end = bytes.size();
    bytes.resize(end + sizeof i + sizeof(double));
    std::memcpy(bytes.data() + end, &i, sizeof i);
    std::memcpy(bytes.data() + end + sizeof i, &to[i], sizeof(double));
  }
  return Json::binary(std::move(bytes));
}

Json to_json(const std::vector<Array>& arrays, bool lean) {
  Json result = array_of(2 * arrays.size());
  for (auto array = arrays.begin(); array != arrays.end(); ++array) {
    result.push_back(array->name);
    Json values = bytes_of(array->values.data(), array->values.size() * sizeof(double));
    for (auto base = arrays.begin(); base != array && !array->shared; ++base) {
      if (auto changed = changes(base->values, array->values); changed && changed->get_binary().size() < values.get_binary().size())
        values = Json::array({static_cast<std::uint64_t>(base - arrays.begin()), std::move(*changed)});
      if (values.is_array()) break;
    }
    if (array->shared) values = lean ? array_of(0) : Json::array({std::move(values)});
    result.push_back(std::move(values));
  }
  return result;
}

std::string to_bytes(const Json& json) {
  std::string bytes;
  Json::to_cbor(json, bytes);
  return bytes;
}

/// Reads the elements of one array in order and refuses anything that is not of the type asked for.
class Reader {
 public:
  Reader(const Json& json, const char* where) : where_(where), elements_(nullptr) {
    elements_ = &checked(json, Json::value_t::array, "an array").get_ref<const Json::array_t&>();
  }

  std::size_t size() const { return elements_->size(); }
  bool at_end() const { return next_ == elements_->size(); }
  void finish() const {
    if (!at_end()) fail(ErrorKind::data, "{}: expected {} elements, found {}", where_, next_, size());
  }

  const Json& any() {
    if (at_end()) fail(ErrorKind::data, "{}: expected more than {} elements", where_, next_);
    return (*elements_)[next_++];
  }
  const std::string& text() { return as<Json::string_t>(Json::value_t::string, "text"); }
  std::uint64_t count() { return checked(any(), Json::value_t::number_unsigned, "an unsigned number").get<std::uint64_t>(); }
  /// An integer that fits in T.
  template <class T>
  T number() {
    const std::int64_t value = integer(any());
    if (!std::in_range<T>(value)) fail(ErrorKind::data, "{}: element {} is out of range: {}", where_, next_ - 1, value);
    return static_cast<T>(value);
  }
  bool boolean() { return checked(any(), Json::value_t::boolean, "true or false").get<bool>(); }
  double real() { return real(any()); }
  const Json::binary_t& bytes() { return as<Json::binary_t>(Json::value_t::binary, "bytes"); }
  StageKey key() { return plain<StageKey>(bytes()); }

  Value value() {
    const Json& json = any();
    switch (json.type()) {
      case Json::value_t::boolean:
        return json.get<bool>();
      case Json::value_t::number_integer:
      case Json::value_t::number_unsigned:
        return integer(json);
      case Json::value_t::string:
        return json.get_ref<const Json::string_t&>();
      case Json::value_t::array:
        if (!json.empty() && json.front().is_string()) return reals(json);
        return integers(json);
      default:
        return real(json);
    }
  }

  std::vector<double> doubles() { return doubles(any()); }
  std::vector<double> doubles(const Json& json) const {
    const auto& data = checked(json, Json::value_t::binary, "bytes").get_ref<const Json::binary_t&>();
    if (data.size() % sizeof(double) != 0) fail(ErrorKind::data, "{}: expected doubles, found {} bytes", where_, data.size());
    std::vector<double> values(data.size() / sizeof(double));
    if (!values.empty()) std::memcpy(values.data(), data.data(), data.size());
    return values;
  }

 private:
  const Json& checked(const Json& json, Json::value_t type, const char* expected) const {
    if (json.type() != type) fail(ErrorKind::data, "{}: element {}: expected {}, found {}", where_, next_, expected, json.type_name());
    return json;
  }

  template <class T>
  const T& as(Json::value_t type, const char* expected) {
    return checked(any(), type, expected).get_ref<const T&>();
  }

  double real(const Json& json) const {
    if (json.is_binary()) return plain<double>(json.get_binary());
    return checked(json, Json::value_t::number_float, "a real").get<double>();
  }

  std::int64_t integer(const Json& json) const {
    if (!json.is_number_integer()) fail(ErrorKind::data, "{}: element {}: expected an integer, found {}", where_, next_, json.type_name());
    if (json.is_number_unsigned() && !std::in_range<std::int64_t>(json.get<std::uint64_t>()))
      fail(ErrorKind::data, "{}: element {}: an integer of more than 63 bits", where_, next_);
    return json.get<std::int64_t>();
  }

  IntegerList integers(const Json& json) const {
    IntegerList list;
    list.reserve(json.size());
    for (const Json& element : json) list.push_back(integer(element));
    return list;
  }

  RealList reals(const Json& json) const {
    Reader in(json, where_);
    if (const std::string& kind = in.text(); kind != "reals")
      fail(ErrorKind::data, "{}: expected a list of reals, found '{}'", where_, kind);
    RealList list = in.doubles();
    in.finish();
    return list;
  }

  template <class T>
  T plain(const Json::binary_t& data) const {
    if (data.size() != sizeof(T)) fail(ErrorKind::data, "{}: expected {} bytes, found {}", where_, sizeof(T), data.size());
    T value;
    std::memcpy(static_cast<void*>(&value), data.data(), sizeof value);
    return value;
  }

  const char* where_;
  const Json::array_t* elements_;
  std::size_t next_ = 0;
};

Parameters read_parameters(const Json& json) {
  Reader in(json, "parameters");
  Parameters result;
  while (!in.at_end()) {
    const std::string& name = in.text();
    result.set(name, in.value());
  }
  return result;
}

PartFile read_part(const Json& json) {
  Reader in(json, "part file");
  PartFile part{in.text(), {in.count(), in.count()}};
  in.finish();
  return part;
}

ResourceLimits read_limits(const Json& json) {
  Reader in(json, "limits");
  ResourceLimits limits;
  for (double* field : {&limits.wall_seconds, &limits.grace_seconds, &limits.cpu_seconds, &limits.memory_mib}) *field = in.real();
  in.finish();
  return limits;
}

using NextShared = std::function<std::vector<double>()>;

std::vector<double> changed(const Json& json, const std::vector<Array>& before) {
  Reader in(json, "changed array");
  const std::uint64_t base = in.count();
  if (base >= before.size()) fail(ErrorKind::data, "arrays: expected the number of an earlier array, found {}", base);
  std::vector<double> values = before[base].values;
  const Json::binary_t& changes = in.bytes();
  in.finish();
  constexpr std::size_t step = sizeof(std::uint32_t) + sizeof(double);
  for (std::size_t at = 0; at < changes.size(); at += step) {
    std::uint32_t place = 0;
    if (at + step <= changes.size()) std::memcpy(&place, changes.data() + at, sizeof place);
    if (at + step > changes.size() || place >= values.size())
      fail(ErrorKind::data, "arrays: expected changes of {} values, found others at byte {}", values.size(), at);
    std::memcpy(&values[place], changes.data() + at + sizeof place, sizeof(double));
  }
  return values;
}

std::vector<Array> read_arrays(const Json& json, const NextShared& next_shared) {
  Reader in(json, "arrays");
  std::vector<Array> arrays;
  arrays.reserve(in.size() / 2);
  while (!in.at_end()) {
    const std::string& name = in.text();
    const Json& values = in.any();
    if (!values.is_array())
      arrays.push_back({name, in.doubles(values)});
    else if (values.size() > 1)
      arrays.push_back({name, changed(values, arrays)});
    else if (values.size() == 1)
      arrays.push_back({name, in.doubles(values.front()), true});
    else
      arrays.push_back({name, next_shared ? next_shared() : std::vector<double>(), true});
  }
  return arrays;
}

void check_version(Reader& in, const char* what) {
  const std::uint64_t version = in.count();
  if (version != kVersion) fail(ErrorKind::data, "{}: expected format version {}, found {}", what, kVersion, version);
}

/// Accepts CBOR whose containers are nested at most four deep, as those of our records are.
class DepthCheck final : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool key(string_t&) override { return true; }
  bool start_object(std::size_t) override { return ++depth_ <= 4; }
  bool start_array(std::size_t) override { return ++depth_ <= 4; }
  bool end_object() override { return depth_-- > 0; }
  bool end_array() override { return depth_-- > 0; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  int depth_ = 0;
};

/// The library's reader recurses, and a long run of bytes that only open arrays would overflow its stack: what is long enough for
/// that is looked through first.
void check_depth(std::string_view bytes, const char* what) {
  constexpr std::size_t kTooShortToHurt = 1024;
  DepthCheck check;
  if (bytes.size() > kTooShortToHurt && !Json::sax_parse(bytes.begin(), bytes.end(), &check, Json::input_format_t::cbor))
    fail(ErrorKind::data, "{}: expected CBOR nested at most four deep, found something else in {} bytes", what, bytes.size());
}

template <class Decode>
auto decoded(std::string_view bytes, const char* what, Decode decode) {
  check_depth(bytes, what);
  try {
    return decode(Json::from_cbor(bytes.begin(), bytes.end()));
  } catch (const Json::exception& e) {
    fail(ErrorKind::data, "{}: expected a complete CBOR encoding, found {} bytes: {}", what, bytes.size(), e.what());
  }
}

}  // namespace

std::string encode(const Attempt& attempt) {
  Json parents = array_of(attempt.spec.parents.size());
  for (const StageKey& parent : attempt.spec.parents) parents.push_back(to_json(parent));
  Json inputs = array_of(attempt.inputs.size());
  for (const PartFile& part : attempt.inputs) inputs.push_back(to_json(part));
  return to_bytes(Json::array({kVersion, attempt.id.value, to_json(attempt.spec.key), attempt.spec.kind, attempt.spec.schema_version,
                               to_json(attempt.spec.parameters), std::move(parents), std::move(inputs), to_json(attempt.limits)}));
}

namespace {

std::string encode(const Outcome& outcome, bool lean) {
  return to_bytes(Json::array({kVersion, to_json(outcome.key), outcome.attempt.value, outcome.kind == OutcomeKind::done, outcome.error_kind,
                               outcome.message, to_json(outcome.values), to_json(outcome.arrays, lean),
                               outcome.part ? to_json(*outcome.part) : Json(), outcome.rank, outcome.host, to_json(outcome.started),
                               to_json(outcome.wall_seconds), to_json(outcome.cpu_seconds), to_json(outcome.peak_memory_mib)}));
}

}  // namespace

std::string encode(const Outcome& outcome) { return encode(outcome, false); }
std::string encode_lean(const Outcome& outcome) { return encode(outcome, true); }

Attempt decode_attempt(std::string_view bytes) {
  return decoded(bytes, "attempt", [](const Json& json) {
    Reader in(json, "attempt");
    check_version(in, "attempt");
    Attempt attempt;
    attempt.id = base::AttemptId{in.count()};
    attempt.spec.key = in.key();
    attempt.spec.kind = in.text();
    attempt.spec.schema_version = in.number<std::uint32_t>();
    attempt.spec.parameters = read_parameters(in.any());
    Reader parents(in.any(), "parents");
    while (!parents.at_end()) attempt.spec.parents.push_back(parents.key());
    Reader inputs(in.any(), "inputs");
    while (!inputs.at_end()) attempt.inputs.push_back(read_part(inputs.any()));
    attempt.limits = read_limits(in.any());
    in.finish();
    return attempt;
  });
}

Outcome decode_outcome(std::string_view bytes) { return decode_lean(bytes, {}); }

Outcome decode_lean(std::string_view bytes, const NextShared& next_shared) {
  return decoded(bytes, "outcome", [&](const Json& json) {
    Reader in(json, "outcome");
    check_version(in, "outcome");
    Outcome outcome;
    outcome.key = in.key();
    outcome.attempt = base::AttemptId{in.count()};
    outcome.kind = in.boolean() ? OutcomeKind::done : OutcomeKind::failed;
    outcome.error_kind = in.text();
    outcome.message = in.text();
    outcome.values = read_parameters(in.any());
    outcome.arrays = read_arrays(in.any(), next_shared);
    if (const Json& part = in.any(); !part.is_null()) outcome.part = read_part(part);
    outcome.rank = in.number<int>();
    outcome.host = in.text();
    outcome.started = in.real();
    outcome.wall_seconds = in.real();
    outcome.cpu_seconds = in.real();
    outcome.peak_memory_mib = in.real();
    in.finish();
    return outcome;
  });
}

}  // namespace espalier::task

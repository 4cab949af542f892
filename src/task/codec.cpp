// A record is a CBOR list in a fixed order, its first element the format's version, so that names are not repeated in every message and
// in every journal record. A list of reals is a list of the text "reals" and bytes, one of integers a list of integers. Arrays are bytes:
// little-endian doubles. Or lists: of such bytes, or of nothing if the values are kept elsewhere, if the array is shared; of the number of
// an earlier array and of what is changed in it, as bytes (place u32, value f64, ...), as an adversarial input differs from the clean one
// in a few pixels.
#include "espalier/task/codec.hpp"

#include <bit>
#include <cstring>
#include <utility>

#include "espalier/base/error.hpp"
#include "task/cbor.hpp"

namespace espalier::task {

static_assert(std::endian::native == std::endian::little, "doubles travel as their bytes in memory");

namespace {

using base::ErrorKind;
using base::fail;
using Form = CborReader::Form;

constexpr std::uint64_t format_version = 3;
constexpr std::size_t attempt_elements = 9;
constexpr std::size_t outcome_elements = 15;

void put(CborWriter& out, const StageKey& key) { out.bytes(&key, sizeof key); }
void put(CborWriter& out, const std::vector<double>& values) { out.bytes(values.data(), values.size() * sizeof(double)); }

struct PutValue {
  CborWriter& out;
  void operator()(bool v) const { out.boolean(v); }
  void operator()(std::int64_t v) const { out.integer(v); }
  void operator()(double v) const { out.real(v); }
  void operator()(const std::string& v) const { out.text(v); }
  void operator()(const IntegerList& v) const {
    out.list(v.size());
    for (const std::int64_t element : v) out.integer(element);
  }
  void operator()(const RealList& v) const {
    out.list(2);
    out.text("reals");
    put(out, v);
  }
};

void put(CborWriter& out, const Parameters& parameters) {
  out.list(2 * parameters.size());
  for (const auto& [name, value] : parameters.map()) {
    out.text(name);
    std::visit(PutValue{out}, value);
  }
}

void put(CborWriter& out, const PartFile& part) {
  out.list(3);
  out.text(part.name);
  out.count(part.stamp.size);
  out.count(part.stamp.checksum);
}

bool same_bits(double one, double other) { return std::bit_cast<std::uint64_t>(one) == std::bit_cast<std::uint64_t>(other); }

/// Where the second differs from the first, and its values there. False if they differ in length or in so much that it is no gain.
bool find_changes(const std::vector<double>& from, const std::vector<double>& to, std::string& changes) {
  changes.clear();
  if (from.size() != to.size() || from.empty()) return false;
  for (std::uint32_t i = 0; i < to.size(); ++i) {
    if (same_bits(from[i], to[i])) continue;
    if (changes.size() > to.size() * sizeof(double) / 2) return false;
    changes.append(reinterpret_cast<const char*>(&i), sizeof i).append(reinterpret_cast<const char*>(&to[i]), sizeof(double));
  }
  return changes.size() < to.size() * sizeof(double);
}

void put(CborWriter& out, const std::vector<Array>& arrays, bool lean) {
  out.list(2 * arrays.size());
  std::string changes;
  for (const Array& array : arrays) {
    out.text(array.name);
    if (array.shared) {
      out.list(lean ? 0 : 1);
      if (!lean) put(out, array.values);
      continue;
    }
    const Array* base = arrays.data();
    while (base != &array && !find_changes(base->values, array.values, changes)) ++base;
    if (base == &array) {
      put(out, array.values);
    } else {
      out.list(2);
      out.count(static_cast<std::uint64_t>(base - arrays.data()));
      out.bytes(changes.data(), changes.size());
    }
  }
}

template <class T>
T take_plain(CborReader& in) {
  const std::string_view bytes = in.bytes();
  if (bytes.size() != sizeof(T)) fail(ErrorKind::data, "expected {} bytes, found {}", sizeof(T), bytes.size());
  T value;
  std::memcpy(static_cast<void*>(&value), bytes.data(), sizeof value);
  return value;
}

StageKey take_key(CborReader& in) { return take_plain<StageKey>(in); }

template <class T>
T take_number(CborReader& in) {
  const std::int64_t value = in.integer();
  if (!std::in_range<T>(value)) fail(ErrorKind::data, "expected a smaller integer, found {}", value);
  return static_cast<T>(value);
}

std::vector<double> take_doubles(CborReader& in) {
  const std::string_view bytes = in.bytes();
  if (bytes.size() % sizeof(double) != 0) fail(ErrorKind::data, "expected doubles, found {} bytes", bytes.size());
  std::vector<double> values(bytes.size() / sizeof(double));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

Value take_list(CborReader& in) {
  const std::size_t size = in.list();
  if (size > 0 && in.form() == Form::text) {
    if (size != 2 || in.text() != "reals") in.refuse("a list of integers, or \"reals\" and their bytes");
    return take_doubles(in);
  }
  IntegerList list;
  for (std::size_t i = 0; i < size; ++i) list.push_back(in.integer());
  return list;
}

Value take_value(CborReader& in) {
  switch (in.form()) {
    case Form::boolean:
      return in.boolean();
    case Form::count:
    case Form::negative:
      return in.integer();
    case Form::text:
      return std::string(in.text());
    case Form::list:
      return take_list(in);
    default:
      return in.real();
  }
}

std::size_t take_pairs(CborReader& in) {
  const std::size_t size = in.list();
  if (size % 2 != 0) in.refuse("pairs of a name and what it names");
  return size / 2;
}

Parameters take_parameters(CborReader& in) {
  Parameters parameters;
  for (std::size_t left = take_pairs(in); left > 0; --left) {
    const std::string_view name = in.text();
    parameters.set(name, take_value(in));
  }
  return parameters;
}

PartFile take_part(CborReader& in) {
  in.list(3);
  PartFile part;
  part.name = in.text();
  part.stamp.size = in.count();
  part.stamp.checksum = in.count();
  return part;
}

using NextShared = std::function<std::vector<double>()>;

std::vector<double> take_changed(CborReader& in, const std::vector<Array>& before) {
  const std::uint64_t base = in.count();
  if (base >= before.size()) fail(ErrorKind::data, "arrays: expected the number of an earlier array, found {}", base);
  std::vector<double> values = before[base].values;
  const std::string_view changes = in.bytes();
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

Array take_array(CborReader& in, const std::vector<Array>& before, const NextShared& next_shared) {
  Array array;
  array.name = in.text();
  if (in.form() != Form::list) {
    array.values = take_doubles(in);
    return array;
  }
  const std::size_t size = in.list();
  array.shared = size < 2;
  if (size > 2) in.refuse("an array");
  if (size == 2) array.values = take_changed(in, before);
  if (size == 1) array.values = take_doubles(in);
  if (size == 0 && next_shared) array.values = next_shared();
  return array;
}

/// Start of a record.
CborReader open_record(std::string_view bytes, const char* what, std::size_t elements) {
  CborReader in(bytes, what);
  const std::size_t size = in.list();
  if (const std::uint64_t version = in.count(); version != format_version)
    fail(ErrorKind::data, "{}: expected format version {}, found {}", what, format_version, version);
  if (size != elements) fail(ErrorKind::data, "{}: expected {} elements, found {}", what, elements, size);
  return in;
}

/// Up to the message.
Outcome take_head(CborReader& in) {
  Outcome outcome;
  outcome.key = take_key(in);
  outcome.attempt = base::AttemptId{in.count()};
  outcome.kind = in.boolean() ? OutcomeKind::done : OutcomeKind::failed;
  outcome.error_kind = in.text();
  outcome.message = in.text();
  return outcome;
}

std::string encode(const Outcome& outcome, bool lean) {
  CborWriter out;
  out.list(outcome_elements);
  out.count(format_version);
  put(out, outcome.key);
  out.count(outcome.attempt.value);
  out.boolean(outcome.kind == OutcomeKind::done);
  out.text(outcome.error_kind);
  out.text(outcome.message);
  put(out, outcome.values);
  put(out, outcome.arrays, lean);
  outcome.part ? put(out, *outcome.part) : out.null();
  out.integer(outcome.rank);
  out.text(outcome.host);
  for (const double value : {outcome.started, outcome.wall_seconds, outcome.cpu_seconds, outcome.peak_memory_mib}) out.real(value);
  return out.take();
}

}  // namespace

std::string encode(const Attempt& attempt) {
  CborWriter out;
  out.list(attempt_elements);
  out.count(format_version);
  out.count(attempt.id.value);
  put(out, attempt.spec.key);
  out.text(attempt.spec.kind);
  out.count(attempt.spec.schema_version);
  put(out, attempt.spec.parameters);
  out.list(attempt.spec.parents.size());
  for (const StageKey& parent : attempt.spec.parents) put(out, parent);
  out.list(attempt.inputs.size());
  for (const PartFile& part : attempt.inputs) put(out, part);
  const ResourceLimits& limits = attempt.limits;
  out.list(4);
  for (const double value : {limits.wall_seconds, limits.grace_seconds, limits.cpu_seconds, limits.memory_mib}) out.real(value);
  return out.take();
}

std::string encode(const Outcome& outcome) { return encode(outcome, false); }
std::string encode_lean(const Outcome& outcome) { return encode(outcome, true); }

Attempt decode_attempt(std::string_view bytes) {
  CborReader in = open_record(bytes, "attempt", attempt_elements);
  Attempt attempt;
  attempt.id = base::AttemptId{in.count()};
  attempt.spec.key = take_key(in);
  attempt.spec.kind = in.text();
  attempt.spec.schema_version = take_number<std::uint32_t>(in);
  attempt.spec.parameters = take_parameters(in);
  for (std::size_t left = in.list(); left > 0; --left) attempt.spec.parents.push_back(take_key(in));
  for (std::size_t left = in.list(); left > 0; --left) attempt.inputs.push_back(take_part(in));
  ResourceLimits& limits = attempt.limits;
  in.list(4);
  for (double* value : {&limits.wall_seconds, &limits.grace_seconds, &limits.cpu_seconds, &limits.memory_mib}) *value = in.real();
  in.finish();
  return attempt;
}

std::pair<std::string, std::string> decode_failure(std::string_view bytes) {
  CborReader in = open_record(bytes, "outcome", outcome_elements);
  Outcome outcome = take_head(in);
  return {std::move(outcome.error_kind), std::move(outcome.message)};
}

Outcome decode_outcome(std::string_view bytes) { return decode_lean(bytes, {}); }

Outcome decode_lean(std::string_view bytes, const NextShared& next_shared) {
  CborReader in = open_record(bytes, "outcome", outcome_elements);
  Outcome outcome = take_head(in);
  outcome.values = take_parameters(in);
  for (std::size_t left = take_pairs(in); left > 0; --left) outcome.arrays.push_back(take_array(in, outcome.arrays, next_shared));
  if (in.form() == Form::null)
    in.null();
  else
    outcome.part = take_part(in);
  outcome.rank = take_number<int>(in);
  outcome.host = in.text();
  for (double* value : {&outcome.started, &outcome.wall_seconds, &outcome.cpu_seconds, &outcome.peak_memory_mib}) *value = in.real();
  in.finish();
  return outcome;
}

}  // namespace espalier::task

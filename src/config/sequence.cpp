#include "config/sequence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "espalier/base/random.hpp"

namespace espalier::config {

namespace {

constexpr std::int64_t most_values = 10'000'000;
constexpr std::array<std::string_view, 4> kinds{"range", "linspace", "logspace", "sample"};

/// digits / 10^decimals
struct Decimal {
  std::int64_t digits = 0;
  int decimals = 0;
};

/// "12", "-0.25", "+1e-3"; none if it is something else, or has more than 15 digits.
std::optional<Decimal> parse_decimal(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int exponent = 0;
  if (const std::size_t e = text.find_first_of("eE"); e != std::string_view::npos) {
    std::string_view power = text.substr(e + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    const auto [end, error] = std::from_chars(power.data(), power.data() + power.size(), exponent);
    if (error != std::errc() || end != power.data() + power.size() || std::abs(exponent) > 300) return std::nullopt;
    text = text.substr(0, e);
  }
  std::string digits(text);
  if (const std::size_t dot = digits.find('.'); dot != std::string::npos) {
    exponent -= static_cast<int>(digits.size() - dot - 1);
    digits.erase(dot, 1);
  }
  if (digits.empty() || digits.size() > 15 || digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  Decimal value{std::stoll(digits), -exponent};
  if (negative) value.digits = -value.digits;
  while (value.digits % 10 == 0 && value.decimals > 0) {
    value.digits /= 10;
    --value.decimals;
  }
  return value;
}

/// The same with `decimals` >= value.decimals; none if it has more than 18 digits.
std::optional<std::int64_t> digits_with(Decimal value, int decimals) {
  for (; value.decimals < decimals; ++value.decimals) {
    if (std::abs(value.digits) > std::int64_t{100'000'000'000'000'000}) return std::nullopt;
    value.digits *= 10;
  }
  return value.digits;
}

std::string text_of(std::int64_t digits, int decimals) {
  return decimals == 0 ? fmt::format("{}", digits) : fmt::format("{}e{}", digits, -decimals);
}

/// An integer that a double holds is written without a point, so that integer parameters take it.
std::string text_of(double value) { return fmt::format("{}", value); }

std::string power_of_ten(int exponent) {
  return exponent >= 0 && exponent <= 15 ? fmt::format("1{:0>{}}", "", exponent) : fmt::format("1e{}", exponent);
}

bool is_kind(const Node::Entry& entry) { return std::find(kinds.begin(), kinds.end(), entry.key) != kinds.end(); }

/// The entry that says which of them it is; there is one.
const Node::Entry& main_entry(const Node& node) { return *std::find_if(node.entries.begin(), node.entries.end(), is_kind); }

class Expansion {
 public:
  Expansion(const Node& node, const Place& place, Problems& problems)
      : node_(node), main_(main_entry(node)), place_(place), problems_(problems) {
    list_.kind = Node::Kind::sequence;
    list_.line = node.line;
    list_.column = node.column;
  }

  std::optional<Node> run() {
    if (main_.key == "sample") return sample();
    for (const Node::Entry& entry : node_.entries)
      if (&entry != &main_) return refuse(fmt::format("expected {} alone, found {} beside it", main_.key, entry.key));
    return main_.key == "range" ? range() : spaced();
  }

 private:
  std::optional<Node> refuse(const std::string& sentence) {
    problems_.add(place_, sentence);
    return std::nullopt;
  }

  std::optional<Node> too_many(const std::string& found) {
    return refuse(fmt::format("expected at most {} values, found {}", most_values, found));
  }

  void add(std::string text) {
    Node item;
    item.kind = Node::Kind::scalar;
    item.text = std::move(text);
    item.line = list_.line;
    item.column = list_.column;
    list_.items.push_back(std::move(item));
  }

  /// The texts of a list of `count` numbers; empty if it is none.
  static std::vector<std::string> numbers(const Node& node, std::size_t count) {
    std::vector<std::string> texts;
    if (node.kind != Node::Kind::sequence || node.items.size() != count) return {};
    for (const Node& item : node.items) {
      if (item.kind != Node::Kind::scalar || item.quoted || !parse_decimal(item.text)) return {};
      texts.push_back(item.text);
    }
    return texts;
  }

  static std::optional<std::int64_t> integer(const Node& node) {
    if (node.kind != Node::Kind::scalar || node.quoted) return std::nullopt;
    const std::optional<Decimal> value = parse_decimal(node.text);
    return value && value->decimals <= 0 ? digits_with(*value, 0) : std::nullopt;
  }

  std::optional<Node> range() {
    const std::vector<std::string> texts = numbers(main_.value, 3);
    if (texts.empty()) return refuse("expected range: [first, last, step], three decimal numbers of at most 15 digits");
    std::array<Decimal, 3> values;
    int decimals = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      values[i] = *parse_decimal(texts[i]);
      decimals = std::max(decimals, values[i].decimals);
    }
    std::array<std::int64_t, 3> digits{};
    for (std::size_t i = 0; i < 3; ++i) {
      const std::optional<std::int64_t> scaled = digits_with(values[i], decimals);
      if (!scaled) return refuse("expected first, last and step of a range that 18 digits can write in one unit");
      digits[i] = *scaled;
    }
    const auto [first, last, step] = digits;
    if (step == 0) return refuse("expected a range with a step, found step 0");
    if (last != first && (step > 0) != (last > first))
      return refuse(fmt::format("expected a step that leads from {} to {}, found {}", texts[0], texts[1], texts[2]));
    const std::int64_t count = (last - first) / step + 1;
    if (count > most_values) return too_many(fmt::format("a range of {}", count));
    for (std::int64_t k = 0; k < count; ++k) add(text_of(first + k * step, decimals));
    return std::move(list_);
  }

  std::optional<Node> spaced() {
    const std::string& kind = main_.key;
    const Node& given = main_.value;
    const std::vector<std::string> texts = numbers(given, 3);
    const std::optional<std::int64_t> count = texts.empty() ? std::nullopt : integer(given.items[2]);
    if (!count || *count < 2)
      return refuse(fmt::format("expected {}: [a, b, n], two decimal numbers{} and how many values, 2 or more", kind,
                                kind == "logspace" ? " (powers of ten)" : ""));
    if (*count > most_values) return too_many(fmt::format("{}", *count));
    const long double a = std::stold(texts[0]), b = std::stold(texts[1]), steps = static_cast<long double>(*count - 1);
    if (a == b) return refuse(fmt::format("expected {} over two different numbers, found {} twice", kind, texts[0]));
    if (kind == "logspace" && std::max(std::abs(a), std::abs(b)) > 300)
      return refuse(fmt::format("expected powers of ten from -300 to 300, found {} and {}", texts[0], texts[1]));
    for (std::int64_t k = 0; k < *count; ++k) {
      const auto position = static_cast<long double>(k);
      const long double value = (a * (steps - position) + b * position) / steps;
      if (kind == "linspace")
        add(text_of(static_cast<double>(value)));
      else if (value == std::nearbyint(value))
        add(power_of_ten(static_cast<int>(value)));
      else
        add(text_of(static_cast<double>(std::pow(10.0L, value))));
    }
    return std::move(list_);
  }

  std::optional<Node> sample() {
    static constexpr std::string_view form =
        "expected {sample: n, from: [first, last], seed: s}, all of them integers, n and s not negative";
    std::optional<std::int64_t> seed = 0, first, last;
    const std::optional<std::int64_t> count = integer(main_.value);
    for (const Node::Entry& entry : node_.entries) {
      if (&entry == &main_) continue;
      if (entry.key == "seed") {
        seed = integer(entry.value);
      } else if (entry.key == "from" && entry.value.kind == Node::Kind::sequence && entry.value.items.size() == 2) {
        first = integer(entry.value.items[0]);
        last = integer(entry.value.items[1]);
      } else {
        return refuse(std::string(form));
      }
    }
    if (!count || !seed || !first || !last || *count < 1 || *seed < 0) return refuse(std::string(form));
    if (*last < *first) return refuse(fmt::format("expected from: [first, last] in this order, found [{}, {}]", *first, *last));
    const std::uint64_t size = static_cast<std::uint64_t>(*last) - static_cast<std::uint64_t>(*first) + 1;
    if (static_cast<std::uint64_t>(*count) > size)
      return refuse(
          fmt::format("expected a sample of at most {}, as many as there are from {} to {}, found {}", size, *first, *last, *count));
    if (*count > most_values) return too_many(fmt::format("{}", *count));
    // Fisher-Yates from the front: `moved` holds what stands where, if it is not its own place.
    base::RandomStream random(static_cast<std::uint64_t>(*seed), "sample");
    std::unordered_map<std::uint64_t, std::uint64_t> moved;
    const auto at = [&](std::uint64_t i) { return moved.contains(i) ? moved[i] : i; };
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(*count); ++i) {
      const std::uint64_t j = i + random.below(size - i);
      add(fmt::format("{}", *first + static_cast<std::int64_t>(at(j))));
      moved[j] = at(i);
    }
    return std::move(list_);
  }

  const Node& node_;
  const Node::Entry& main_;
  const Place& place_;
  Problems& problems_;
  Node list_;
};

}  // namespace

bool is_sequence_map(const Node& node) {
  return node.kind == Node::Kind::map && std::any_of(node.entries.begin(), node.entries.end(), is_kind);
}

std::optional<Node> expand_sequence(const Node& node, const Place& place, Problems& problems) {
  return Expansion(node, place, problems).run();
}

}  // namespace espalier::config

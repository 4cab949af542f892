#include "espalier/formats/vnnlib.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "espalier/base/error.hpp"
#include "espalier/data/compressed_file.hpp"
#include "formats/s_expression.hpp"

namespace espalier::formats {

namespace {

constexpr std::size_t most_bytes = std::size_t{1} << 28;
constexpr std::size_t most_constraints = 1'000'000;
constexpr std::size_t most_variables = 10'000'000;
constexpr std::size_t most_numbers = 200'000'000;          // of the property: 1.6 GB
constexpr std::int64_t most_exponent = 1'000'000'000'000;  // more than a file has digits
constexpr double infinity = std::numeric_limits<double>::infinity();

/// X_k or Y_k.
struct Variable {
  bool is_output = false;
  std::size_t index = 0;
  auto operator<=>(const Variable&) const = default;
};

/// The sum of coefficients times variables, and a constant.
struct LinearTerm {
  std::map<Variable, double> coefficients;
  double constant = 0;
};

/// term >= 0.
struct Constraint {
  std::size_t line = 0;
  LinearTerm term;
};

/// Every one of it holds; and of a disjunctive form, one of these does.
using Conjunct = std::vector<Constraint>;
using Disjuncts = std::vector<Conjunct>;

class Reader {
 public:
  explicit Reader(std::string name) : name_(std::move(name)) {}

  problem::Property read(std::string_view text) {
    for (const Expression& statement : parse_expressions(text, name_)) {
      if (statement.head() == "declare-const")
        declare(statement);
      else if (statement.head() == "assert")
        add_assertion(statement);
      else
        refuse(statement.line, "(declare-const ...) or (assert ...)", describe(statement));
    }
    for (const bool is_output : {false, true}) check_declared(is_output);
    return build();
  }

 private:
  template <class Text>
  [[noreturn]] void refuse(std::size_t line, std::string_view expected, const Text& found) const {
    base::fail(base::ErrorKind::data, "{}:{}: expected {}, found {}", name_, line, expected, found);
  }

  static std::string label(const Variable& variable) { return fmt::format("{}_{}", variable.is_output ? 'Y' : 'X', variable.index); }

  static std::optional<Variable> parse_variable(std::string_view word) {
    if (!word.starts_with("X_") && !word.starts_with("Y_")) return std::nullopt;
    Variable variable{.is_output = word.front() == 'Y'};
    const auto [end, error] = std::from_chars(word.data() + 2, word.data() + word.size(), variable.index);
    if (error != std::errc() || end != word.data() + word.size() || variable.index >= most_variables) return std::nullopt;
    return variable;
  }

  void declare(const Expression& statement) {
    if (statement.list.size() != 3) refuse(statement.line, "(declare-const NAME Real)", fmt::format("{} entries", statement.list.size()));
    const std::optional<Variable> variable = parse_variable(statement.list[1].word);
    if (!variable) refuse(statement.line, "X_0, X_1, ... for an input or Y_0, Y_1, ... for an output", describe(statement.list[1]));
    if (statement.list[2].word != "Real") refuse(statement.line, "the type Real", describe(statement.list[2]));
    if (!declared_.emplace(*variable, statement.line).second)
      refuse(statement.line, "each variable declared once",
             fmt::format("{} again, first declared in line {}", label(*variable), declared_.at(*variable)));
  }

  void check_declared(bool is_output) {
    std::size_t& count = is_output ? outputs_ : inputs_;
    for (const auto& [variable, line] : declared_) {
      if (variable.is_output != is_output) continue;
      if (variable.index != count)
        refuse(line, fmt::format("{} declared as well", label({is_output, count})), fmt::format("{} without it", label(variable)));
      ++count;
    }
    if (count == 0) base::fail(base::ErrorKind::data, "{}: expected a declaration of {}, found none", name_, label({is_output, 0}));
  }

  // Terms.

  LinearTerm read_term(const Expression& expression) const {
    if (!expression.is_list()) return read_word(expression);
    const std::string_view head = expression.head();
    if (head != "+" && head != "-" && head != "*")
      refuse(expression.line, "a number, a variable, or a term of +, - or *", describe(expression));
    if (expression.list.size() < 2) refuse(expression.line, fmt::format("terms behind '{}'", head), "none");
    LinearTerm sum = read_term(expression.list[1]);
    if (head == "-" && expression.list.size() == 2) return scaled(std::move(sum), -1);
    for (std::size_t k = 2; k < expression.list.size(); ++k) {
      LinearTerm next = read_term(expression.list[k]);
      if (head == "*")
        sum = product(std::move(sum), std::move(next), expression.line);
      else
        add(sum, next, head == "-" ? -1 : 1);
    }
    return sum;
  }

  LinearTerm read_word(const Expression& expression) const {
    if (const std::optional<Variable> variable = parse_variable(expression.word)) {
      if (!declared_.contains(*variable)) refuse(expression.line, "a variable that was declared", fmt::format("'{}'", label(*variable)));
      return {.coefficients = {{*variable, 1.0}}, .constant = 0};
    }
    std::string_view digits = expression.word;
    if (digits.starts_with('+') && digits.size() > 1 && digits[1] != '-') digits.remove_prefix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const bool is_number = end == digits.data() + digits.size() && (error == std::errc() || error == std::errc::result_out_of_range);
    if (!is_number || std::isnan(value)) refuse(expression.line, "a declared variable or a decimal number", describe(expression));
    if (error != std::errc() && !underflows(digits)) value = infinity;
    if (std::isinf(value)) refuse(expression.line, "a number that float64 holds", describe(expression));
    return {.coefficients = {}, .constant = value};
  }

  /// Of a number that is out of range: whether it is below 1. (from_chars does not say.)
  static bool underflows(std::string_view digits) {
    const std::size_t end = std::min(digits.find_first_of("eE"), digits.size());
    std::int64_t exponent = 0;
    if (end < digits.size()) {
      std::string_view power = digits.substr(end + 1);
      if (power.starts_with('+')) power.remove_prefix(1);
      const auto [unused, error] = std::from_chars(power.data(), power.data() + power.size(), exponent);
      if (error == std::errc::result_out_of_range) return power.starts_with('-');
      exponent = std::clamp<std::int64_t>(exponent, -most_exponent, most_exponent);
    }
    std::string_view mantissa = digits.substr(0, end);
    if (mantissa.starts_with('-')) mantissa.remove_prefix(1);
    const std::size_t point = std::min(mantissa.find('.'), mantissa.size()), first = mantissa.find_first_not_of("0.");
    return static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first) + exponent <= 0;
  }

  static LinearTerm scaled(LinearTerm term, double factor) {
    for (auto& [variable, coefficient] : term.coefficients) coefficient *= factor;
    term.constant *= factor;
    return term;
  }

  static void add(LinearTerm& sum, const LinearTerm& term, double factor) {
    for (const auto& [variable, coefficient] : term.coefficients) sum.coefficients[variable] += factor * coefficient;
    sum.constant += factor * term.constant;
  }

  LinearTerm product(LinearTerm a, LinearTerm b, std::size_t line) const {
    if (!a.coefficients.empty() && !b.coefficients.empty()) refuse(line, "a linear term", "a product of variables");
    return a.coefficients.empty() ? scaled(std::move(b), a.constant) : scaled(std::move(a), b.constant);
  }

  // Formulas.

  void add_assertion(const Expression& statement) {
    if (statement.list.size() != 2) refuse(statement.line, "one formula in (assert ...)", fmt::format("{}", statement.list.size() - 1));
    Disjuncts disjuncts = read_formula(statement.list[1]);
    if (disjuncts.size() == 1) {
      common_.insert(common_.end(), std::make_move_iterator(disjuncts[0].begin()), std::make_move_iterator(disjuncts[0].end()));
    } else {
      alternatives_ = both(alternatives_, disjuncts, statement.line);
    }
  }

  Disjuncts read_formula(const Expression& expression) const {
    const std::string_view head = expression.head();
    if (head == "<=" || head == ">=") return {{read_comparison(expression)}};
    if (head != "and" && head != "or") refuse(expression.line, "(<= ...), (>= ...), (and ...) or (or ...)", describe(expression));
    if (expression.list.size() < 2) refuse(expression.line, fmt::format("formulas behind '{}'", head), "none");
    Disjuncts all = read_formula(expression.list[1]);
    for (std::size_t k = 2; k < expression.list.size(); ++k) {
      Disjuncts next = read_formula(expression.list[k]);
      if (head == "and") {
        all = all.size() == 1 && next.size() == 1 ? Disjuncts{joined(std::move(all[0]), next[0])} : both(all, next, expression.line);
      } else {
        all.insert(all.end(), std::make_move_iterator(next.begin()), std::make_move_iterator(next.end()));
      }
    }
    if (head == "and" && all.size() == 1) check_bounds(all.front());
    return all;
  }

  static Conjunct joined(Conjunct a, const Conjunct& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }

  Disjuncts both(const Disjuncts& a, const Disjuncts& b, std::size_t line) const {
    Disjuncts all;
    std::size_t constraints = 0;
    for (const Conjunct& left : a)
      for (const Conjunct& right : b) {
        constraints += 1 + left.size() + right.size();
        if (constraints > most_constraints)
          refuse(line, fmt::format("at most {} constraints in disjunctive form", most_constraints), "more");
        all.push_back(joined(left, right));
      }
    return all;
  }

  /// a <= b as b - a >= 0.
  Constraint read_comparison(const Expression& expression) const {
    if (expression.list.size() != 3)
      refuse(expression.line, fmt::format("two sides of '{}'", expression.head()), fmt::format("{}", expression.list.size() - 1));
    const bool is_upper = expression.head() == "<=";
    LinearTerm difference = read_term(expression.list[is_upper ? 2 : 1]);
    add(difference, read_term(expression.list[is_upper ? 1 : 2]), -1);
    std::erase_if(difference.coefficients, [](const auto& entry) { return entry.second == 0; });
    if (difference.coefficients.empty()) refuse(expression.line, "a constraint of inputs or of outputs", "one without variables");
    for (const auto& [variable, coefficient] : difference.coefficients)
      if (!std::isfinite(coefficient))
        refuse(expression.line, "coefficients that float64 holds", fmt::format("{} of {}", coefficient, label(variable)));
    if (!std::isfinite(difference.constant))
      refuse(expression.line, "a constant that float64 holds", fmt::format("{}", difference.constant));
    const bool has_inputs = !difference.coefficients.begin()->first.is_output;
    if (has_inputs && difference.coefficients.size() > 1)
      refuse(expression.line, "a constraint of one input, or of outputs",
             difference.coefficients.rbegin()->first.is_output ? "one of inputs and outputs" : "one of several inputs");
    return {.line = expression.line, .term = std::move(difference)};
  }

  // The property.

  /// Lowers or raises a bound.
  static void tighten(const Constraint& constraint, double& lower, double& upper) {
    const double a = constraint.term.coefficients.begin()->second, c = constraint.term.constant;  // a x + c >= 0
    double bound = -c / a;
    const bool is_inside = std::fma(bound, a, c) > 0;  // exact up to its size
    if (a > 0) {
      if (is_inside) bound = std::nextafter(bound, -infinity);
      lower = std::max(lower, bound);
    } else {
      if (is_inside) bound = std::nextafter(bound, infinity);
      upper = std::min(upper, bound);
    }
  }

  static void apply(const Constraint& constraint, problem::Box& box) {
    const auto k = static_cast<Eigen::Index>(constraint.term.coefficients.begin()->first.index);
    tighten(constraint, box.lower(k), box.upper(k));
  }

  static bool is_input(const Constraint& constraint) { return !constraint.term.coefficients.begin()->first.is_output; }

  nn::OutputFunction function_of(const Constraint& constraint) const {
    nn::OutputFunction function{.coefficients = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(outputs_)),
                                .constant = constraint.term.constant};
    for (const auto& [variable, coefficient] : constraint.term.coefficients)
      function.coefficients(static_cast<Eigen::Index>(variable.index)) = coefficient;
    return function;
  }

  /// Refuses bounds that are written together and that no input meets. (What alternatives of several formulas do not have in common is left
  /// out.)
  void check_bounds(const Conjunct& conjunct) const {
    std::map<std::size_t, std::pair<double, double>> bounds;
    for (const Constraint& constraint : conjunct) {
      if (!is_input(constraint)) continue;
      const std::size_t k = constraint.term.coefficients.begin()->first.index;
      auto& [lower, upper] = bounds.try_emplace(k, -infinity, infinity).first->second;
      tighten(constraint, lower, upper);
      if (lower > upper)
        refuse(constraint.line, fmt::format("a lower bound of {} up to its upper one", label({false, k})),
               fmt::format("{} above {}", lower, upper));
    }
  }

  /// Whether the box has a point.
  bool check_box(const problem::Box& box, std::size_t line) const {
    for (Eigen::Index k = 0; k < box.lower.size(); ++k) {
      const bool no_lower = std::isinf(box.lower(k)), no_upper = std::isinf(box.upper(k));
      if (no_lower || no_upper)
        refuse(line, fmt::format("a lower and an upper bound of {}", label({false, static_cast<std::size_t>(k)})),
               no_lower && no_upper ? "neither"
               : no_lower           ? "no lower one"
                                    : "no upper one");
    }
    return (box.lower.array() <= box.upper.array()).all();
  }

  void check_size(std::size_t numbers, std::size_t line) const {
    if (numbers > most_numbers) refuse(line, fmt::format("a property of at most {} numbers", most_numbers), "a larger one");
  }

  problem::Property build() const {
    problem::Property property{.inputs = static_cast<Eigen::Index>(inputs_), .outputs = static_cast<Eigen::Index>(outputs_), .boxes = {}};
    problem::Box common_box{Eigen::VectorXd::Constant(property.inputs, -infinity), Eigen::VectorXd::Constant(property.inputs, infinity)};
    check_bounds(common_);
    const std::size_t last_line = common_.empty() ? 1 : common_.back().line;
    check_size(common_.size() * outputs_, last_line);
    problem::Conjunction common;
    for (const Constraint& constraint : common_) {
      if (is_input(constraint))
        apply(constraint, common_box);
      else
        common.push_back(function_of(constraint));
    }
    std::map<std::vector<double>, std::size_t> places;
    std::size_t numbers = 0;
    for (const Conjunct& conjunct : alternatives_) {
      const std::size_t line = conjunct.empty() ? last_line : conjunct.front().line;
      numbers += 4 * inputs_ + (common.size() + conjunct.size()) * outputs_;  // the box twice, also as a key
      check_size(numbers, line);
      problem::Box box = common_box;
      problem::Conjunction conjunction = common;
      for (const Constraint& constraint : conjunct) {
        if (is_input(constraint))
          apply(constraint, box);
        else
          conjunction.push_back(function_of(constraint));
      }
      if (!check_box(box, line)) continue;
      if (conjunction.empty()) refuse(line, "a constraint of outputs", "constraints of inputs alone");
      std::vector<double> key(box.lower.begin(), box.lower.end());
      key.insert(key.end(), box.upper.begin(), box.upper.end());
      const auto [place, is_new] = places.emplace(std::move(key), property.boxes.size());
      if (is_new) property.boxes.push_back({std::move(box), {}});
      property.boxes[place->second].unsafe.push_back(std::move(conjunction));
    }
    if (property.boxes.empty())
      base::fail(base::ErrorKind::data, "{}: expected assertions that some input meets, found boxes without common points", name_);
    return property;
  }

  std::string name_;
  std::map<Variable, std::size_t> declared_;  ///< and the line
  std::size_t inputs_ = 0, outputs_ = 0;
  Conjunct common_;
  Disjuncts alternatives_{Conjunct{}};
};

}  // namespace

problem::Property parse_vnnlib(std::string_view text, const std::string& name) { return Reader(name).read(text); }

problem::Property read_vnnlib(const std::filesystem::path& file) {
  return parse_vnnlib(data::read_compressed(file, most_bytes), file.string());
}

}  // namespace espalier::formats

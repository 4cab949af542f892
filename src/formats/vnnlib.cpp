#include "espalier/formats/vnnlib.hpp"

#include <charconv>
#include <cmath>
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
constexpr std::size_t most_numbers = 200'000'000;  // of the property: 1.6 GB
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

  Property read(std::string_view text) {
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

  /// Of a number that is out of range: whether it is too small. (from_chars does not say.)
  static bool underflows(std::string_view digits) {
    const std::size_t exponent = digits.find_first_of("eE");
    return exponent != std::string_view::npos ? digits.substr(exponent + 1).starts_with('-') : digits.find('.') != std::string_view::npos;
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
      ++choices_;
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
  static void apply(const Constraint& constraint, problem::Box& box) {
    const auto& [variable, a] = *constraint.term.coefficients.begin();  // a x + c >= 0
    const auto k = static_cast<Eigen::Index>(variable.index);
    const double c = constraint.term.constant;
    double bound = -c / a;
    const double missed = std::fma(bound, a, c);  // of 0, exact up to its sign
    if (a > 0) {
      if (missed > 0) bound = std::nextafter(bound, -infinity);
      box.lower(k) = std::max(box.lower(k), bound);
    } else {
      if (missed > 0) bound = std::nextafter(bound, infinity);
      box.upper(k) = std::min(box.upper(k), bound);
    }
  }

  static bool is_input(const Constraint& constraint) { return !constraint.term.coefficients.begin()->first.is_output; }

  nn::OutputFunction function_of(const Constraint& constraint) const {
    nn::OutputFunction function{.coefficients = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(outputs_)),
                                .constant = constraint.term.constant};
    for (const auto& [variable, coefficient] : constraint.term.coefficients)
      function.coefficients(static_cast<Eigen::Index>(variable.index)) = coefficient;
    return function;
  }

  /// Whether the box has a point; one that no combination of alternatives brought about is refused.
  bool check_box(const problem::Box& box, std::size_t line) const {
    for (Eigen::Index k = 0; k < box.lower.size(); ++k) {
      const std::string input = label({false, static_cast<std::size_t>(k)});
      if (std::isinf(box.lower(k)) || std::isinf(box.upper(k)))
        refuse(line, fmt::format("a lower and an upper bound of {}", input),
               std::isinf(box.lower(k)) && std::isinf(box.upper(k)) ? "neither"
               : std::isinf(box.lower(k))                           ? "no lower one"
                                                                    : "no upper one");
      if (box.lower(k) <= box.upper(k)) continue;
      if (choices_ > 1) return false;
      refuse(line, fmt::format("a lower bound of {} up to its upper one", input), fmt::format("{} above {}", box.lower(k), box.upper(k)));
    }
    return true;
  }

  Property build() const {
    Property property{.inputs = static_cast<Eigen::Index>(inputs_), .outputs = static_cast<Eigen::Index>(outputs_), .boxes = {}};
    problem::Box common_box{Eigen::VectorXd::Constant(property.inputs, -infinity), Eigen::VectorXd::Constant(property.inputs, infinity)};
    Conjunction common;
    for (const Constraint& constraint : common_) {
      if (is_input(constraint))
        apply(constraint, common_box);
      else
        common.push_back(function_of(constraint));
    }
    std::map<std::vector<double>, std::size_t> places;
    std::size_t numbers = 0;
    for (const Conjunct& conjunct : alternatives_) {
      const std::size_t line = !conjunct.empty() ? conjunct.front().line : common_.empty() ? 1 : common_.back().line;
      numbers += 4 * inputs_ + (common.size() + conjunct.size()) * outputs_;  // the box twice, also as a key
      if (numbers > most_numbers) refuse(line, fmt::format("a property of at most {} numbers", most_numbers), "a larger one");
      problem::Box box = common_box;
      Conjunction conjunction = common;
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
  std::size_t choices_ = 0;  ///< assertions that are true disjunctions
};

}  // namespace

Property parse_vnnlib(std::string_view text, const std::string& name) { return Reader(name).read(text); }

Property read_vnnlib(const std::filesystem::path& file) { return parse_vnnlib(data::read_compressed(file, most_bytes), file.string()); }

}  // namespace espalier::formats

#include "studies/toy/toy.hpp"

#include <fmt/format.h>

#include "espalier/results/reader.hpp"

namespace espalier::test {

namespace {

const task::Schema& parameters() {
  static const task::Schema schema{{.name = "below", .type = task::ValueType::integer, .unit = "1", .meaning = "the number", .minimum = 1}};
  return schema;
}

class CountStage : public task::Stage {
 public:
  std::string kind() const override { return "count"; }
  std::uint32_t schema_version() const override { return 1; }
  std::string table() const override { return "counts"; }
  const task::Schema& parameters() const override { return test::parameters(); }
  const task::Schema& columns() const override {
    static const task::Schema schema{{.name = "primes", .type = task::ValueType::integer, .unit = "1", .meaning = "primes below it"}};
    return schema;
  }
  const task::Schema& arrays() const override {
    static const task::Schema none;
    return none;
  }
  task::StageResult run(const task::Attempt& attempt, const task::StageContext&) const override {
    const std::int64_t below = attempt.spec.parameters.integer("below");
    std::int64_t primes = 0;
    for (std::int64_t n = 2; n < below; ++n) {
      bool is_prime = true;
      for (std::int64_t divisor = 2; divisor * divisor <= n; ++divisor) is_prime = is_prime && n % divisor != 0;
      primes += is_prime;
    }
    return {.values = {{"primes", primes}}, .arrays = {}};
  }
};

class Counts : public task::Pipeline {
 public:
  const task::Schema& schema() const override { return test::parameters(); }
  std::vector<task::StageRequest> expand(const task::Parameters& instance) const override { return {{"count", instance, {}}}; }
};

class Toy : public studies::Study {
 public:
  std::string name() const override { return "toy"; }
  std::string description() const override { return "how many primes there are"; }
  const task::Pipeline& pipeline() const override { return counts_; }
  task::StageRegistry make_stages(const std::shared_ptr<stages::Environment>&) const override {
    task::StageRegistry stages;
    stages.add(std::make_unique<CountStage>());
    return stages;
  }
  studies::Report report(const std::filesystem::path& path) const override {
    const results::Reader file(path);
    const results::Table counts = file.table("counts");
    studies::Report report{.text = "below primes\n", .files = {}};
    for (std::size_t i = 0; i < counts.rows(); ++i)
      report.text += fmt::format("{:>5} {:>6}\n", counts.integers("below")[i], counts.integers("primes")[i]);
    report.files = {{"toy.txt", report.text}};
    return report;
  }

 private:
  Counts counts_;
};

}  // namespace

std::unique_ptr<studies::Study> make_toy() { return std::make_unique<Toy>(); }

}  // namespace espalier::test

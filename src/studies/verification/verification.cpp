#include "studies/verification/verification.hpp"

#include "espalier/problem/file.hpp"
#include "espalier/stages/given_properties.hpp"
#include "espalier/stages/imported_problems.hpp"
#include "studies/verification/table.hpp"
#include "studies/verification/verdicts.hpp"

namespace espalier::studies {

namespace {

class ImportedPipeline : public task::Pipeline {
 public:
  const task::Schema& schema() const override { return stages::imported_problem_parameters(); }
  std::vector<task::StageRequest> expand(const task::Parameters& instance) const override {
    return stages::expand_imported_problem(instance);
  }
};

std::vector<std::vector<std::string>> rows_of_problems(const std::filesystem::path& file) {
  std::vector<std::vector<std::string>> rows{{"problem.file", "problem.name"}};
  const std::string name = std::filesystem::absolute(file).string();
  for (std::string& problem : problem::problem_names(file)) rows.push_back({name, std::move(problem)});
  return rows;
}

class VerificationStudy : public Study {
 public:
  std::string name() const override { return "verification"; }
  std::string description() const override {
    return "given networks: is there an adversarial or an unsafe input, and what is the largest margin?";
  }
  const task::Pipeline& pipeline() const override { return pipeline_; }
  task::StageRegistry make_stages(const std::shared_ptr<stages::Environment>& environment) const override {
    task::StageRegistry stages;
    stages.add(stages::make_import_problem_stage());
    stages.add(stages::make_solve_imported_stage(environment));
    stages.add(stages::make_verify_property_stage());
    return stages;
  }
  std::map<std::string, config::ZipSource> zip_sources() const override {
    return {{"problems", rows_of_problems}, {"instances", stages::read_instances}};
  }
  Report report(const std::filesystem::path& file) const override {
    const report::Results results = report::read_results(file);
    Report made{report::describe_incomplete(results), {}};
    if (results.solves.rows() > 0) {
      const verification::Table table = verification::summarise(results);
      made.text += verification::format_text(table);
      made.files.emplace_back("verification.csv", verification::format_csv(table));
    }
    const std::vector<verification::VerdictRow> verdicts = verification::summarise_verdicts(*results.file);
    if (!verdicts.empty()) {
      made.text += verification::format_text(verdicts);
      made.files.emplace_back("verdicts.csv", verification::format_csv(verdicts));
    }
    return made;
  }

 private:
  ImportedPipeline pipeline_;
};

}  // namespace

std::unique_ptr<Study> make_verification() { return std::make_unique<VerificationStudy>(); }

}  // namespace espalier::studies

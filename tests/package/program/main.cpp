#include <espalier/data/dataset.hpp>
#include <espalier/engine/solve.hpp>
#include <espalier/train/initial.hpp>
#include <espalier/train/train.hpp>
#include <iostream>

using namespace espalier;

int main(int, char** arguments) {
  const data::Dataset images = data::load_dataset("fashion-mnist", 8, {.directory = arguments[1], .defaults = {}});
  nn::Network network = train::initial_network({64, 16, 16, 10}, train::Initialisation::xavier_uniform, 1);
  train::train(network, images, {.epochs = 2});
  std::cout << "test accuracy " << train::accuracy(network, images.test) << "\n";

  problem::Problem problem{.name = "first", .network = network, .input = images.train.input(7), .epsilon = 2};
  const problem::Labels labels = problem::choose_labels(network, problem.input);
  problem.label = labels.label;
  problem.target = labels.target;

  for (const char* solver : {"bab", "cbc"}) {  // a branch and bound on ReLU phases, a MILP
    const engine::SolveResult result = engine::solve(problem, {.solver = solver, .time_limit_seconds = 30});
    std::cout << solver << ": " << engine::to_string(result.status) << ", largest verified margin " << result.verified_objective.value()
              << "\n";
  }
}

#include "milp/cbc/search.hpp"

#include <CbcModel.hpp>

namespace espalier::milp {

void Search::offer(const double* x) noexcept {
  const OutputCapture::Pause pause(capture);
  recorder.offer(std::vector<double>(x, x + model.columns().size()));
  if (recorder.stop_wanted()) stop = true;
}

bool Search::poll() noexcept {
  if (!stop && recorder.stop_wanted()) stop = true;
  return stop;
}

CbcEventHandler::CbcAction CbcEvents::event(CbcEvent event) {
  constexpr int sub_model = 2048;
  const bool whole_problem = model_ != nullptr && model_->parentModel() == nullptr && (model_->specialOptions() & sub_model) == 0;
  if (whole_problem) {
    // Cbc puts the candidate into bestSolution() for the time of these events.
    if ((event == solution || event == heuristicSolution) && model_->bestSolution() != nullptr) search_->offer(model_->bestSolution());
    if (event == treeStatus && !search_->lp_interrupted) search_->trusted_bound = model_->getBestPossibleObjValue();
  }
  return search_->poll() ? stop : noAction;
}

int ClpEvents::event(Event event) {
  constexpr int proceed = -1;
  constexpr int interrupt = 0;
  if (event != endOfIteration && event != endOfFactorization) return proceed;
  if (!turns_.next()) return proceed;
  if (!search_->out_of_time(grace_ - turns_.gap()) && !search_->poll()) return proceed;
  search_->lp_interrupted = true;
  return interrupt;
}

}  // namespace espalier::milp

// What Cbc's and Clp's event handlers share during one solve, and the handlers.
#pragma once
#include <CbcEventHandler.hpp>
#include <ClpEventHandler.hpp>
#include <memory>

#include "milp/cbc/output_capture.hpp"
#include "milp/cbc/poll_turns.hpp"
#include "milp/incumbents.hpp"

namespace espalier::milp {

struct Search {
  Search(const Model& m, const SolveOptions& o, OutputCapture& c) : model(m), options(o), capture(c), recorder(m, o) {}

  const Model& model;
  const SolveOptions& options;
  OutputCapture& capture;
  IncumbentRecorder recorder;
  bool stop = false;                 ///< sticky: everything should come to an end
  bool lp_interrupted = false;       ///< an LP was cut short: what Cbc says afterwards proves nothing
  double trusted_bound = -infinity;  ///< Cbc's last best possible objective before an LP was cut short

  double seconds() const { return recorder.watch().wall_seconds(); }
  bool out_of_time(double grace = 0) const { return seconds() >= options.time_limit + grace; }
  /// Takes a point in Cbc's columns, which are ours.
  void offer(const double* x) noexcept;
  /// True if the caller wants to stop; polled at every event.
  bool poll() noexcept;
};

/// Cbc clones its handler for itself and for every sub-model, so the state is shared. Nothing is thrown through Cbc.
class CbcEvents final : public CbcEventHandler {
 public:
  explicit CbcEvents(std::shared_ptr<Search> search) : search_(std::move(search)) {}
  CbcEventHandler* clone() const override { return new CbcEvents(*this); }
  CbcAction event(CbcEvent event) override;

 private:
  std::shared_ptr<Search> search_;
};

/// Ends an LP that runs past the time limit or that the caller wants to stop. Whoever started the LP must look at lp_interrupted.
class ClpEvents final : public ClpEventHandler {
 public:
  /// `grace`: seconds over the time limit after which an LP is cut short.
  ClpEvents(std::shared_ptr<Search> search, double grace) : search_(std::move(search)), grace_(grace) {}
  ClpEventHandler* clone() const override { return new ClpEvents(*this); }
  int event(Event event) override;

 private:
  std::shared_ptr<Search> search_;
  double grace_;
  PollTurns turns_;
};

}  // namespace espalier::milp

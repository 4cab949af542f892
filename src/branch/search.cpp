#include <algorithm>
#include <cmath>
#include <queue>
#include <utility>

#include "branch/bounding.hpp"
#include "branch/node_program.hpp"
#include "espalier/base/clock.hpp"
#include "espalier/base/error.hpp"
#include "espalier/branch/branch.hpp"

namespace espalier::branch {
namespace {

constexpr std::size_t batch_size = 16;  ///< nodes branched on together
constexpr int root_passes = 40;
constexpr int node_passes = 20;            ///< with 10, nodes are left before their bound has settled, and their number grows tenfold
constexpr std::size_t trial_neurons = 64;  ///< with 6, the cost of lines being a poor guide, the number of nodes grows threefold

struct Queued {
  Node node;
  std::int64_t number = 0;  ///< older first among equals
};
struct Lower {
  bool operator()(const Queued& a, const Queued& b) const {
    return a.node.bound != b.node.bound ? a.node.bound < b.node.bound : a.number > b.number;
  }
};

class Search {
 public:
  Search(const Query& query, const Options& options)
      : query_(query),
        options_(options),
        bounding_(query, [this](const Eigen::VectorXd& input, double margin) { offer(input, margin); }),
        program_(query) {}

  Outcome operator()() {
    if (options_.start) offer(options_.start->input, options_.start->margin);
    Node root = bounding_.root();
    Node* const one[] = {&root};
    bounding_.improve(one, root_passes, closed_at());
    ++outcome_.nodes;
    enqueue(std::move(root));
    tell_bound();
    while (!finished()) {
      step();
      tell_bound();
    }
    outcome_.bound = bound();
    outcome_.passes = bounding_.passes();
    outcome_.linear_programs = program_.solved();
    return std::move(outcome_);
  }

 private:
  void offer(const Eigen::VectorXd& input, double margin) {
    if (outcome_.best && margin <= outcome_.best->margin) return;
    outcome_.best = {.input = input, .margin = margin};
    if (options_.on_improvement && options_.on_improvement(input, margin)) stop_ = true;
  }

  /// A node with at most this bound cannot matter.
  double closed_at() const {
    double value = options_.cutoff.value_or(-std::numeric_limits<double>::infinity());
    if (outcome_.best) {
      const double best = outcome_.best->margin;
      value = std::max(value, best + std::max(options_.absolute_gap, options_.relative_gap * std::abs(best)));
    }
    return value;
  }

  double bound() const {
    double value = closed_bound_;
    if (!queue_.empty()) value = std::max(value, queue_.top().node.bound);
    return outcome_.best ? std::max(value, outcome_.best->margin) : value;
  }

  void tell_bound() {
    const double now = bound();
    if (now >= told_bound_) return;
    told_bound_ = now;
    if (options_.on_bound) options_.on_bound(now);
  }

  void close(double node_bound) { closed_bound_ = std::max(closed_bound_, node_bound); }

  void enqueue(Node node) {
    if (node.bound <= closed_at())
      close(node.bound);
    else
      queue_.push({.node = std::move(node), .number = ++numbers_});
  }

  bool finished() {
    if (stop_ || (options_.stop_requested && options_.stop_requested())) {
      outcome_.end = End::stopped;
    } else if (queue_.empty() || queue_.top().node.bound <= closed_at()) {
      outcome_.end = closed_bound_ <= closed_at() ? End::closed : End::unresolved;
    } else if (options_.node_limit >= 0 && outcome_.nodes >= options_.node_limit) {
      outcome_.end = End::nodes;
    } else if (watch_.wall_seconds() >= options_.time_limit_seconds) {
      outcome_.end = End::time;
    } else {
      return false;
    }
    return true;
  }

  /// Branches on the best nodes.
  void step() {
    std::vector<Node> parents;
    while (!queue_.empty() && parents.size() < batch_size && queue_.top().node.bound > closed_at()) {
      Node node = queue_.top().node;
      queue_.pop();
      if (node.open_neurons() > 0)
        parents.push_back(std::move(node));
      else
        solve_exactly(std::move(node));
    }
    std::vector<Node*> pointers;
    for (Node& parent : parents) pointers.push_back(&parent);
    const std::vector<std::vector<Trial>> trials = bounding_.try_neurons(pointers, trial_neurons);
    std::vector<Node> children;
    for (std::size_t p = 0; p < parents.size(); ++p) branch(std::move(parents[p]), trials[p], children);
    bound_all(children);
  }

  /// All phases fixed: the linear program is exact.
  void solve_exactly(Node node) {
    if (const std::optional<Eigen::VectorXd> input = program_.solve(node, bounding_)) try_input(*input);
    close(node.bound);
  }

  void try_input(const Eigen::VectorXd& input) {
    const Eigen::VectorXd inside = problem::clip_and_scale(query_.ball, input);
    const Eigen::VectorXd logits = nn::forward(query_.network, inside);
    offer(inside, logits[query_.target] - logits[query_.label]);
  }

  /// Fixes what the trials decide; else splits the neuron of the best product of improvements.
  void branch(Node node, const std::vector<Trial>& trials, std::vector<Node>& children) {
    const double closed = closed_at();
    bool fixed = false;
    const Trial* best = &trials.front();  // also if every score is NaN
    double best_score = -1;
    for (const Trial& trial : trials) {
      const bool on_closed = trial.bound_on <= closed, off_closed = trial.bound_off <= closed;
      if (on_closed) close(trial.bound_on);
      if (off_closed) close(trial.bound_off);
      if (on_closed && off_closed) return;
      if (on_closed || off_closed) {
        const Eigen::Index earlier = node.last_split_layer;
        node.fix(trial.neuron, off_closed);
        if (fixed) node.last_split_layer = std::min(node.last_split_layer, earlier);
        fixed = true;
        continue;
      }
      const double scale = 1e-3 * std::abs(node.bound) + 1e-9;
      const double score = std::max(scale, node.bound - trial.bound_on) * std::max(scale, node.bound - trial.bound_off);
      if (score > best_score) {
        best_score = score;
        best = &trial;
      }
    }
    if (fixed) {
      children.push_back(std::move(node));
      return;
    }
    for (const bool on : {true, false}) {
      children.push_back(node);
      children.back().fix(best->neuron, on);
    }
  }

  void bound_all(std::vector<Node>& children) {
    std::vector<Node*> pointers;
    for (Node& child : children) pointers.push_back(&child);
    bounding_.refine(pointers);
    std::erase_if(pointers, [](const Node* node) { return node->empty; });
    bounding_.improve(pointers, node_passes, closed_at());
    outcome_.nodes += static_cast<std::int64_t>(children.size());
    for (Node* child : pointers) enqueue(std::move(*child));
  }

  const Query& query_;
  const Options& options_;
  base::Stopwatch watch_;
  Outcome outcome_;
  bool stop_ = false;
  Bounding bounding_;
  NodeProgram program_;
  std::priority_queue<Queued, std::vector<Queued>, Lower> queue_;
  std::int64_t numbers_ = 0;
  double told_bound_ = std::numeric_limits<double>::infinity();
  double closed_bound_ = -std::numeric_limits<double>::infinity();
};

}  // namespace

Outcome run(const Query& query, const Options& options) {
  if (query.network.layers.size() < 2) base::fail(base::ErrorKind::internal, "branch: expected a network with a hidden layer");
  check(query.bounds, query.network, "branch");
  return Search(query, options)();
}

}  // namespace espalier::branch

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "branch/bounding.hpp"
#include "branch/branching.hpp"
#include "branch/leaf_lp.hpp"
#include "branch/node_lp.hpp"
#include "branch/node_queue.hpp"
#include "espalier/base/budget.hpp"
#include "espalier/base/error.hpp"
#include "espalier/branch/branch.hpp"

namespace espalier::branch {
namespace {

constexpr std::size_t batch_size = 8;  ///< nodes branched on together
constexpr int root_passes = 40;
constexpr int node_passes = 20;       ///< 10: up to a tenth more nodes and time
constexpr int tightened_passes = 10;  ///< after bounds have been tightened

/// Whether a node's linear program is to be solved. It is exact where propagation stays a little short, which keeps trees with many
/// unstable neurons from closing, but costs as much as many nodes: it is tried for nodes that are nearly closed, the oftener the more it
/// has helped.
class ProgramTurns {
 public:
  bool next(double gap, double root_gap) {
    constexpr double nearly_closed = 0.02;  ///< share of the root's gap
    if (gap <= 0 || gap > nearly_closed * root_gap || ++waited_ < wait_) return false;
    waited_ = 0;
    return true;
  }
  void record(double gap_before, double gap_after) {
    constexpr int longest = 64;
    wait_ = gap_after < 0.5 * gap_before ? std::max(1, wait_ / 2) : std::min(longest, 2 * wait_);
  }

 private:
  int wait_ = 16;
  int waited_ = 0;
};

class Search {
 public:
  Search(const Query& query, const Options& options)
      : query_(query),
        options_(options),
        budget_(options.time_limit_seconds, [this] { return stop_ || (options_.stop_requested && options_.stop_requested()); }),
        bounding_(
            query, [this](const Eigen::VectorXd& input, double margin) { offer(input, margin); }, budget_),
        largest_margin_(bounds::largest_margin(query.bounds, query.objective)),
        leaf_bounds_(query.objective.functions.size(), -std::numeric_limits<double>::infinity()) {}
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;

  Outcome operator()() {
    if (options_.start) offer(options_.start->input, options_.start->margin);
    bound_roots();
    report_bound();
    while (!finished()) {
      step();
      report_bound();
    }
    outcome_.bound = bound();
    outcome_.passes = bounding_.passes();
    if (program_) outcome_.linear_programs = program_->solved();
    return std::move(outcome_);
  }

 private:
  void offer(const Eigen::VectorXd& input, double margin) {
    if (!(margin > (outcome_.best ? outcome_.best->margin : -std::numeric_limits<double>::infinity()))) return;  // NaN is no better
    outcome_.best = {.input = input, .margin = margin};
    if (options_.on_improvement && options_.on_improvement(input, margin)) stop_ = true;
  }

  /// A node with at most this bound cannot matter. `rounding`: a gap below it cannot be closed.
  double cutoff_value(double rounding = 0) const {
    double value = options_.cutoff.value_or(-std::numeric_limits<double>::infinity());
    if (outcome_.best) {
      const double best = outcome_.best->margin;
      value = std::max(value, best + std::max({options_.absolute_gap, options_.relative_gap * std::abs(best), rounding}));
    }
    return value;
  }

  bool matters(const Node& node) const { return node.bound > cutoff_value(bounding_.output_rounding(node.function)); }

  /// The largest bound of a node that waits or is in work.
  double open_bound() const { return queue_.empty() ? in_work_ : std::max(in_work_, queue_.largest_bound()); }

  double bound() const {
    const double value = std::min(largest_margin_, std::max({closed_bound_, tightened_by_cutoff_, open_bound()}));
    return outcome_.best ? std::max(value, outcome_.best->margin) : value;
  }

  void report_bound() {
    const double now = bound();
    if (now >= told_bound_) return;
    told_bound_ = now;
    if (options_.on_bound) options_.on_bound(now);
  }

  void close(double node_bound) { closed_bound_ = std::max(closed_bound_, node_bound); }

  void enqueue(Node node) {
    if (matters(node))
      queue_.push(std::move(node));
    else
      close(node.bound);
  }

  bool finished() {
    if (budget_.stop_requested()) {
      outcome_.end = End::stopped;
    } else if (open_bound() <= cutoff_value()) {
      outcome_.end = leaves_are_closed() ? End::closed : End::unresolved;
    } else if (interrupted_) {
      outcome_.end = budget_.out_of_time() ? End::time : End::stopped;
    } else if (options_.node_limit >= 0 && outcome_.nodes >= options_.node_limit) {
      outcome_.end = End::nodes;
    } else if (budget_.out_of_time()) {
      outcome_.end = End::time;
    } else if (out_of_memory()) {
      outcome_.end = End::memory;
    } else {
      return false;
    }
    return true;
  }

  bool leaves_are_closed() const {
    for (std::size_t k = 0; k < leaf_bounds_.size(); ++k)
      if (leaf_bounds_[k] > cutoff_value(bounding_.output_rounding(static_cast<Eigen::Index>(k)))) return false;
    return true;
  }

  bool out_of_memory() {
    const double most = options_.memory_limit_mib * (1 << 20);
    const auto full = [&] { return options_.memory_limit_mib > 0 && static_cast<double>(queue_.bytes()) > most; };
    if (full()) close(queue_.drop_closed(cutoff_value()));
    return full();
  }

  void bound_roots() {
    std::vector<Node> roots = bounding_.roots();
    std::vector<Node*> pointers;
    for (Node& root : roots) pointers.push_back(&root);
    try {
      bounding_.improve(pointers, root_passes, cutoff_value());
    } catch (const Interrupted&) {
      interrupted_ = true;
    }
    outcome_.nodes += static_cast<std::int64_t>(roots.size());
    for (Node& root : roots) {
      root_bound_ = std::max(root_bound_, root.bound);
      enqueue(std::move(root));
    }
  }

  /// Branches on the best nodes. Should that be interrupted, their bounds stand.
  void step() {
    in_work_ = queue_.largest_bound();
    try {
      branch_on_best();
      in_work_ = -std::numeric_limits<double>::infinity();
    } catch (const Interrupted&) {
      interrupted_ = true;
    }
  }

  void branch_on_best() {
    std::vector<Node> parents;
    while (!queue_.empty() && parents.size() < batch_size && queue_.largest_bound() > cutoff_value()) {
      Node node = queue_.pop();
      if (!matters(node))
        close(node.bound);
      else if (node.unstable_neurons() > 0)
        parents.push_back(std::move(node));
      else
        solve_exactly(std::move(node));
    }
    Children children = branch(bounding_, std::move(parents), cutoff_value());
    close(children.closed);
    bound_all(children.nodes);
  }

  NodeLp& program() {
    if (!program_) program_.emplace(query_);
    return *program_;
  }

  /// All phases fixed: the linear program is exact.
  void solve_exactly(Node node) {
    if (query_.region.is_polytope()) {
      if (const std::optional<Eigen::VectorXd> input = program().solve(node, bounding_, budget_)) try_input(*input);
    }
    if (matters(node)) {
      if (const std::optional<Eigen::VectorXd> input = solve_leaf(query_, bounding_, budget_, cutoff_value(), node)) try_input(*input);
    }
    double& largest = leaf_bounds_[static_cast<std::size_t>(node.function)];
    largest = std::max(largest, node.bound);
    close(node.bound);
  }

  void try_input(const Eigen::VectorXd& input) {
    const Eigen::VectorXd inside = problem::repair(query_.region, input);
    offer(inside, query_.objective(nn::forward(query_.network, inside)));
  }

  void bound_all(std::vector<Node>& children) {
    std::vector<Node*> open;
    for (Node& child : children) open.push_back(&child);
    outcome_.nodes += static_cast<std::int64_t>(children.size());
    bounding_.refine(open);
    drop_closed(open);
    bounding_.improve(open, node_passes, cutoff_value());
    drop_closed(open);
    if (!open.empty()) tightened_by_cutoff_ = cutoff_value();
    bounding_.tighten_by_cutoff(open, cutoff_value());
    drop_closed(open);
    bounding_.improve(open, tightened_passes, cutoff_value());
    for (Node* child : open) {
      const double gap = child->bound - cutoff_value();
      if (query_.region.is_polytope() && turns_.next(gap, root_bound_ - cutoff_value())) {
        if (const std::optional<Eigen::VectorXd> input = program().solve(*child, bounding_, budget_)) try_input(*input);
        turns_.record(gap, child->bound - cutoff_value());
      }
      enqueue(std::move(*child));
    }
  }

  void drop_closed(std::vector<Node*>& nodes) {
    std::erase_if(nodes, [this](const Node* node) {
      if (!node->empty && matters(*node)) return false;
      if (!node->empty) close(node->bound);
      return true;
    });
  }

  const Query& query_;
  const Options& options_;
  Outcome outcome_;
  bool stop_ = false;
  bool interrupted_ = false;
  base::Budget budget_;
  Bounding bounding_;
  std::optional<NodeLp> program_;  ///< made when it is first wanted
  NodeQueue queue_;
  ProgramTurns turns_;
  double largest_margin_;                                         ///< that the query's bounds of the logits allow
  double in_work_ = -std::numeric_limits<double>::infinity();     ///< the largest bound of the batch in work
  double root_bound_ = -std::numeric_limits<double>::infinity();  ///< the largest
  double told_bound_ = std::numeric_limits<double>::infinity();
  double tightened_by_cutoff_ = -std::numeric_limits<double>::infinity();  ///< nodes say nothing of inputs with a margin up to this
  double closed_bound_ = -std::numeric_limits<double>::infinity();
  std::vector<double> leaf_bounds_;  ///< by function: the largest bound of a node that was solved exactly
};

}  // namespace

Outcome run(const Query& query, const Options& options) {
  if (query.network.layers.size() < 2) base::fail(base::ErrorKind::internal, "branch: expected a network with a hidden layer");
  check(query.bounds, query.network, "branch");
  check(query.objective, query.network.outputs());
  return Search(query, options)();
}

}  // namespace espalier::branch

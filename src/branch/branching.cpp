#include "branch/branching.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace espalier::branch {
namespace {

constexpr std::size_t candidate_neurons = 64;  ///< 6, by what their relaxation costs: three times the nodes, before there was a shortlist
constexpr std::size_t shortlist_length = 8;    ///< 4: a third more nodes; 16: a sixth fewer, each dearer
constexpr int shortlist_passes = 10;           ///< 6: a seventh more nodes

/// A node, and the neurons it may be split at, each with the two nodes that would follow: on, off.
struct Candidate {
  Node node;
  std::vector<Neuron> neurons;
  std::vector<Node> followers;
};

double score(const Node& node, const Evaluation& evaluation) {
  const double scale = 1e-3 * std::abs(node.bound) + 1e-9;
  return std::max(scale, node.bound - evaluation.bound_on) * std::max(scale, node.bound - evaluation.bound_off);
}

class Branching {
 public:
  Branching(Bounding& bounding, double cutoff_value) : bounding_(bounding), cutoff_value_(cutoff_value) {}

  Children operator()(std::vector<Node> nodes) {
    std::vector<Candidate> candidates = shortlist(std::move(nodes));
    bound_followers(candidates);
    for (Candidate& candidate : candidates) take_best(candidate);
    return std::move(children_);
  }

 private:
  std::vector<Candidate> shortlist(std::vector<Node> nodes) {
    std::vector<Node*> pointers;
    for (Node& node : nodes) pointers.push_back(&node);
    std::vector<std::vector<Evaluation>> all_evaluations = bounding_.evaluate_candidates(pointers, candidate_neurons);
    std::vector<Candidate> candidates;
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      Node& node = nodes[n];
      std::vector<Evaluation>& evaluations = all_evaluations[n];
      if (settled(node, evaluations)) continue;
      std::stable_sort(evaluations.begin(), evaluations.end(),
                       [&node](const Evaluation& a, const Evaluation& b) { return score(node, a) > score(node, b); });
      Candidate candidate{.node = std::move(node), .neurons = {}, .followers = {}};
      for (std::size_t t = 0; t < std::min(shortlist_length, evaluations.size()); ++t) candidate.neurons.push_back(evaluations[t].neuron);
      candidates.push_back(std::move(candidate));
    }
    return candidates;
  }

  void bound_followers(std::vector<Candidate>& candidates) {
    std::vector<Node*> pointers;
    for (Candidate& candidate : candidates) {
      for (const Neuron& neuron : candidate.neurons) {
        for (const bool on : {true, false}) {
          candidate.followers.push_back(candidate.node);
          candidate.followers.back().fix(neuron, on);
        }
      }
      for (Node& follower : candidate.followers) pointers.push_back(&follower);
    }
    bounding_.improve(pointers, shortlist_passes, cutoff_value_);
  }

  void take_best(Candidate& candidate) {
    std::vector<Evaluation> evaluations;
    for (std::size_t t = 0; t < candidate.neurons.size(); ++t) {
      evaluations.push_back({.neuron = candidate.neurons[t],
                             .bound_on = candidate.followers[2 * t].bound,
                             .bound_off = candidate.followers[2 * t + 1].bound});
    }
    if (settled(candidate.node, evaluations)) return;
    std::size_t best = 0;  // also if every score is NaN
    for (std::size_t t = 1; t < evaluations.size(); ++t)
      if (score(candidate.node, evaluations[t]) > score(candidate.node, evaluations[best])) best = t;
    for (const std::size_t k : {2 * best, 2 * best + 1}) children_.nodes.push_back(std::move(candidate.followers[k]));
  }

  /// Fixes the neurons of which the evaluations close one phase; whether any did: the node is then a child, or closed.
  bool settled(Node& node, const std::vector<Evaluation>& evaluations) {
    bool fixed = false;
    for (const Evaluation& evaluation : evaluations) {
      const bool on_closed = evaluation.bound_on <= cutoff_value_, off_closed = evaluation.bound_off <= cutoff_value_;
      if (on_closed) children_.closed = std::max(children_.closed, evaluation.bound_on);
      if (off_closed) children_.closed = std::max(children_.closed, evaluation.bound_off);
      if (on_closed && off_closed) return true;
      if (!on_closed && !off_closed) continue;
      const Eigen::Index earlier = node.last_split_layer;
      node.fix(evaluation.neuron, off_closed);
      if (fixed) node.last_split_layer = std::min(node.last_split_layer, earlier);
      fixed = true;
    }
    if (fixed) children_.nodes.push_back(std::move(node));
    return fixed;
  }

  Bounding& bounding_;
  double cutoff_value_;
  Children children_;
};

}  // namespace

Children branch(Bounding& bounding, std::vector<Node> nodes, double cutoff_value) {
  if (nodes.empty()) return {};
  return Branching(bounding, cutoff_value)(std::move(nodes));
}

}  // namespace espalier::branch

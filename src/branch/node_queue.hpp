// Nodes that wait, the one with the largest bound first.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "branch/node.hpp"

namespace espalier::branch {

class NodeQueue {
 public:
  bool empty() const { return heap_.empty(); }
  double largest_bound() const { return heap_.front().node.bound; }
  std::size_t bytes() const { return bytes_; }

  /// The bound must not be NaN.
  void push(Node node) {
    bytes_ += node.bytes();
    heap_.push_back({.node = std::move(node), .number = ++numbers_});
    std::push_heap(heap_.begin(), heap_.end(), lower);
  }

  Node pop() {
    std::pop_heap(heap_.begin(), heap_.end(), lower);
    Node node = std::move(heap_.back().node);
    heap_.pop_back();
    bytes_ -= node.bytes();
    return node;
  }

  /// Drops the nodes whose bound is at most `cutoff_value`, and returns the largest bound among them; -infinity if there are none.
  double drop_closed(double cutoff_value) {
    double largest = -std::numeric_limits<double>::infinity();
    std::erase_if(heap_, [&](const Queued& queued) {
      if (queued.node.bound > cutoff_value) return false;
      largest = std::max(largest, queued.node.bound);
      bytes_ -= queued.node.bytes();
      return true;
    });
    std::make_heap(heap_.begin(), heap_.end(), lower);
    return largest;
  }

 private:
  struct Queued {
    Node node;
    std::int64_t number = 0;  ///< older first among equals
  };
  static bool lower(const Queued& a, const Queued& b) {
    return a.node.bound != b.node.bound ? a.node.bound < b.node.bound : a.number > b.number;
  }

  std::vector<Queued> heap_;
  std::size_t bytes_ = 0;
  std::int64_t numbers_ = 0;
};

}  // namespace espalier::branch

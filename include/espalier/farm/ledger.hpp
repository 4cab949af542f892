// Where outcomes become durable. store::OutputDirectory is the real one; tests use their own.
#pragma once
#include "espalier/task/task.hpp"

namespace espalier::farm {

/// Called from one thread at a time.
class Ledger {
 public:
  virtual ~Ledger() = default;
  virtual void append(const task::Outcome& outcome) = 0;
  /// When it returns, everything appended survives the death of every process.
  virtual void sync() = 0;
};

}  // namespace espalier::farm

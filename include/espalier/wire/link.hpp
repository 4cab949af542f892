// Messages between ranks: tagged byte strings, in order for each pair of ranks. Two implementations, one conformance suite.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "espalier/base/clock.hpp"
#include "espalier/base/ids.hpp"

namespace espalier::wire {

struct Message {
  base::Rank from;
  int tag = 0;  ///< 0 ... 32767
  std::string bytes;
};

/// One rank's end. All methods are called from one thread.
class Link {
 public:
  virtual ~Link() = default;
  virtual base::Rank rank() const = 0;
  virtual int size() const = 0;
  /// Returns at once; `bytes` (below 2 GiB) are kept until they have left.
  virtual void send(base::Rank to, int tag, std::string bytes) = 0;
  /// The next message from any rank, or none within `timeout` (0: only what has arrived). Waiting sleeps: it costs no core.
  virtual std::optional<Message> receive(base::Seconds timeout) = 0;
  /// Waits until everything sent has left this rank, at most `timeout`; false if something has not. A rank about to compute for
  /// long calls it, because a large message may need its sender's help.
  virtual bool flush(base::Seconds timeout) = 0;
  /// That rank is gone: what is on its way to it is dropped, and so is what is sent to it later. (MPI may never finish such a send,
  /// and a rank that waits for it would hang.) What it had sent may still arrive.
  virtual void forget(base::Rank rank) = 0;
  /// True if the other ranks go on when one dies (Open MPI's recovery mode). The launcher then ends nobody: each rank must notice by
  /// itself that it is left alone, and abort() ends only the rank that calls it. False: the launcher ends all ranks.
  virtual bool outlives_ranks() const = 0;
  /// Ends the process, and with MPI every rank of the job unless they outlive it, at once and without unwinding.
  [[noreturn]] virtual void abort(int exit_code) = 0;
};

}  // namespace espalier::wire

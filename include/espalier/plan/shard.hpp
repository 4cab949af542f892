// One grid in several runs, which `espalier merge` joins.
#pragma once
#include "espalier/plan/plan.hpp"
#include "espalier/task/shard.hpp"

namespace espalier::plan {

/// The part of a plan that one shard runs: some of its results (the last stages of instances) with everything they depend on. The
/// fingerprint stays that of the whole configuration.
///
/// Every result belongs to exactly one shard. Results that grow from the same first stage (a trained network, say) stay together as far
/// as equal shares allow, so that at most count - 1 of these first stages run in more than one shard: results in groups of equal first
/// stage, groups and members in plan order, are cut where the sum of expected seconds passes k / count of the whole. A shard is empty when
/// there are fewer results than shards. Depends on configuration and program version alone.
task::TaskGraph shard_graph(const Plan& plan, const task::Shard& shard);

}  // namespace espalier::plan

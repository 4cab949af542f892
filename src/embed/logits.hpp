// The output layer of the papers' models: one free column and one equality row per logit.
#pragma once
#include "embed/terms.hpp"
#include "espalier/embed/embed.hpp"

namespace espalier::embed {

/// Adds y = W h + b and the objective: maximise y[target] - y[label]. Returns the columns y.
Columns add_logits(milp::Model& model, const Query& query, const Columns& hidden);

}  // namespace espalier::embed

#include "espalier/reduce/compress.hpp"

namespace espalier::reduce {

CompressionSummary summarise(const std::vector<CompressedLayer>& layers, double slack, double deviation) {
  CompressionSummary summary{.slack = slack, .deviation = deviation};
  for (const CompressedLayer& layer : layers) {
    summary.off += layer.off;
    summary.linear += layer.folded;
    summary.other += layer.constant + layer.unread;
  }
  return summary;
}

const record::Record<CompressionSummary>& compression_record() {
  using S = CompressionSummary;
  static const auto record = [] {
    record::Record<S> all;
    all.add(&S::off, {.name = "removed_off",
                      .unit = "1",
                      .meaning = "exact compression: hidden neurons removed because bounds prove that their output is 0"})
        .add(&S::linear, {.name = "removed_linear",
                          .unit = "1",
                          .meaning = "exact compression: how many fewer neurons there are for those that bounds prove to be linear"})
        .add(&S::other, {.name = "removed_other",
                         .unit = "1",
                         .meaning = "exact compression: hidden neurons removed because they had no weights or nothing read them"})
        .add(&S::slack, {.name = "removal_slack",
                         .unit = "1",
                         .meaning = "smallest distance from 0 of a bound that a removal rests on; +inf if none does"})
        .add(&S::deviation, {.name = "removal_deviation",
                             .unit = "1",
                             .meaning = "how far a logit (in /solves: the margin) may be, on the domain, from that of the network as it "
                                        "was, by rounding to float32"});
    return all;
  }();
  return record;
}

}  // namespace espalier::reduce

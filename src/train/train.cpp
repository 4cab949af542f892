#include "espalier/train/train.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "batch.hpp"
#include "espalier/base/clock.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/random.hpp"
#include "pass.hpp"

namespace espalier::train {
namespace {

using base::ErrorKind;

void check_options(const TrainOptions& o) {
  const auto refuse = [](const char* name, const char* expected, auto found) {
    base::fail(ErrorKind::configuration, "training: expected {} {}, found {}", name, expected, found);
  };
  const auto finite_at_least_0 = [](float x) { return std::isfinite(x) && x >= 0; };
  if (o.epochs < 0) refuse("epochs", "of at least 0", o.epochs);
  if (o.batch_size < 1) refuse("batch_size", "of at least 1", o.batch_size);
  if (!finite_at_least_0(o.learning_rate)) refuse("learning_rate", "finite and at least 0", o.learning_rate);
  if (!finite_at_least_0(o.weight_decay)) refuse("weight_decay", "finite and at least 0", o.weight_decay);
  if (!finite_at_least_0(o.clip_gradient_norm)) refuse("clip_gradient_norm", "finite and at least 0", o.clip_gradient_norm);
  if (o.decay_every_epochs < 0) refuse("decay_every_epochs", "of at least 0", o.decay_every_epochs);
  if (!finite_at_least_0(o.decay_factor)) refuse("decay_factor", "finite and at least 0", o.decay_factor);
}

void check_fit(const nn::Network& network, const data::Samples& samples) {
  network.check();
  if (network.inputs() != static_cast<Eigen::Index>(samples.inputs()))
    base::fail(ErrorKind::configuration, "training: expected a network with {} inputs (the images' pixels), found {}", samples.inputs(),
               network.inputs());
  if (samples.count() == 0) base::fail(ErrorKind::configuration, "training: expected at least one train sample, found none");
  const int largest = *std::max_element(samples.labels.begin(), samples.labels.end());
  if (network.outputs() <= largest)
    base::fail(ErrorKind::configuration, "training: expected a network with at least {} outputs (the largest label is {}), found {}",
               largest + 1, largest, network.outputs());
}

/// torch.nn.utils.clip_grad_norm_: min(1, limit / (norm + 1e-6)).
float clip_scale(const Buffer<float>& gradient, float limit) {
  if (limit <= 0) return 1;
  Vec<float> squares = {};
  constexpr std::size_t lanes = Simd<float>::lanes;  // the buffer's size is a multiple
  for (std::size_t i = 0; i < gradient.size(); i += lanes) {
    const Vec<float> g = load(gradient.data() + i);
    squares += g * g;
  }
  double sum = 0;
  for (std::size_t i = 0; i < lanes; ++i) sum += static_cast<double>(squares[i]);
  return static_cast<float>(std::min(1.0, limit / (std::sqrt(sum) + 1e-6)));
}

/// Everything one training run holds, allocated once.
class Run {
 public:
  Run(const nn::Network& network, const data::Samples& samples, const TrainOptions& options)
      : options_(options),
        samples_(samples),
        batch_size_(std::min(static_cast<std::size_t>(options.batch_size), samples.count())),
        layout_(network),
        parameters_(layout_.gather(network)),
        masks_(layout_.gather_masks(network)),
        gradient_(parameters_.size()),
        parameter_views_(layout_.views(parameters_)),
        gradient_views_(layout_.views(gradient_)),
        pass_(layout_, static_cast<Eigen::Index>(batch_size_)),
        batch_(samples, static_cast<Eigen::Index>(batch_size_)),
        rule_(make_update_rule(options.update_rule, options.update, parameters_.size())),
        random_(options.seed, "train order") {
    if (options.shuffle) {
      order_.resize(samples.count());
      std::iota(order_.begin(), order_.end(), 0u);
    }
  }

  /// Mean loss over the samples seen, or NaN if stopped.
  double epoch(int epoch, const std::function<bool()>& stop_requested) {
    random_.shuffle(std::span(order_));
    const int decays = options_.decay_every_epochs > 0 ? epoch / options_.decay_every_epochs : 0;
    const float rate = options_.learning_rate * static_cast<float>(std::pow(static_cast<double>(options_.decay_factor), decays));
    double loss = 0;
    for (std::size_t first = 0; first < samples_.count(); first += batch_size_) {
      if (stop_requested && stop_requested()) return std::numeric_limits<double>::quiet_NaN();
      const std::size_t count = std::min(batch_size_, samples_.count() - first);
      batch_.load(order_, first, count);
      const double batch_loss = step(static_cast<Eigen::Index>(count), rate);
      if (!std::isfinite(batch_loss))
        base::fail(ErrorKind::numeric, "training: expected a finite loss, found {} in epoch {}, batch {} (counted from 0): diverged",
                   batch_loss, epoch, first / batch_size_);
      loss += batch_loss;
    }
    return loss / static_cast<double>(samples_.count());
  }

  void write_to(nn::Network& network) { layout_.scatter(parameters_, network); }

 private:
  /// Sum over the batch's samples of the loss before the step.
  double step(Eigen::Index count, float rate) {
    pass_.forward(parameters_.data(), batch_.inputs(), count);
    double loss = pass_.cross_entropy(batch_.labels(), count);
    pass_.backward(parameters_.data(), batch_.inputs(), count, gradient_.data());
    for (const auto& regulariser : options_.regularisers)
      loss += static_cast<double>(count) * regulariser->add(parameter_views_, gradient_views_);
    for (std::size_t i = 0; i < masks_.size(); ++i) gradient_[i] *= masks_[i];
    rule_->step({.parameters = parameters_,
                 .gradient = gradient_,
                 .gradient_scale = clip_scale(gradient_, options_.clip_gradient_norm),
                 .weight_decay = options_.weight_decay,
                 .learning_rate = rate});
    return loss;
  }

  const TrainOptions& options_;
  const data::Samples& samples_;
  std::size_t batch_size_;
  Layout<float> layout_;
  Buffer<float> parameters_;
  Buffer<float> masks_;
  Buffer<float> gradient_;
  std::vector<LayerView<float>> parameter_views_;
  std::vector<LayerView<float>> gradient_views_;
  Pass<float> pass_;
  Batch batch_;
  std::unique_ptr<UpdateRule> rule_;
  base::RandomStream random_;
  std::vector<std::uint32_t> order_;
};

}  // namespace

TrainReport train(nn::Network& network, const data::Dataset& data, const TrainOptions& options, const std::function<bool()>& stop_requested,
                  const std::function<void(const Progress&)>& progress) {
  check_options(options);
  check_fit(network, data.train);
  TrainReport report;
  const base::Stopwatch watch;
  Run run(network, data.train, options);
  while (report.epochs_run < options.epochs) {
    const double loss = run.epoch(report.epochs_run, stop_requested);
    report.stopped = std::isnan(loss);
    if (report.stopped) break;
    report.epoch_loss.push_back(loss);
    ++report.epochs_run;
    if (options.measure_every_epoch) {
      run.write_to(network);
      report.epoch_test_accuracy.push_back(accuracy(network, data.test));
    }
    if (progress) progress({.epoch = report.epochs_run, .epochs = options.epochs, .loss = loss});
  }
  run.write_to(network);
  report.wall_seconds = watch.wall_seconds();
  report.cpu_seconds = watch.cpu_seconds();
  if (options.measure_accuracy && !report.stopped) {
    report.train_accuracy = accuracy(network, data.train);
    report.test_accuracy = accuracy(network, data.test);
  }
  return report;
}

}  // namespace espalier::train

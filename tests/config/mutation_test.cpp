// Damaged files are refused or read; nothing else happens (run it under the sanitizers).
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "config/surrogate_schema.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"
#include "espalier/base/random.hpp"
#include "espalier/config/experiment.hpp"

namespace espalier::config {
namespace {

/// One random edit: a byte replaced, a piece deleted, a piece copied elsewhere, or a meaningful snippet inserted.
void mutate(std::string& text, base::RandomStream& random) {
  static const std::array<std::string, 24> snippets{"{",  "}",      "[",  "]", ": ",  "- ",  ",", "\n", "\n  ", "&a ",   "*a", "<<",
                                                    "? ", "!!int ", "\"", "'", "|\n", ">\n", "#", "\t", "~",    "1e999", "-",  "\xc3"};
  if (text.empty()) text = "a";
  const std::size_t at = random.below(text.size());
  const std::size_t length = 1 + random.below(20);
  switch (random.below(4)) {
    case 0:
      text[at] = static_cast<char>(random.below(256));
      break;
    case 1:
      text.erase(at, length);
      break;
    case 2:
      text.insert(random.below(text.size()), text.substr(at, length));
      break;
    default:
      text.insert(at, snippets[random.below(snippets.size())]);
      break;
  }
}

TEST(Mutations, AreReadOrRefused) {
  base::RandomStream random(1, "mutations");
  int accepted = 0, refused = 0;
  for (const char* name : {"quickstart", "surrogate-tier1"}) {
    const std::string original = base::read_file(ESPALIER_SOURCE_DIR "/configs/" + std::string(name) + ".yaml");
    for (int i = 0; i < 3000; ++i) {
      std::string text = original;
      for (std::uint64_t edits = 1 + random.below(6); edits > 0; --edits) mutate(text, random);
      try {
        const Experiment experiment = parse_experiment(text, "file.yaml", test::surrogate_schema());
        const std::string written = to_yaml(experiment);
        EXPECT_EQ(to_yaml(parse_experiment(written, "plan.yaml", test::surrogate_schema())), written) << text;
        ++accepted;
      } catch (const base::Error& error) {
        EXPECT_EQ(error.kind(), base::ErrorKind::configuration) << error.what();
        ++refused;
      }
    }
  }
  EXPECT_GT(accepted, 500);
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace espalier::config

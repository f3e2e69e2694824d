// SPDX-License-Identifier: Apache-2.0
#include "client/cli/progress_bar.h"

#include <iostream>
#include <limits>
#include <sstream>

#include "client/cli/context.h"
#include "gtest/gtest.h"

namespace rhumb::cli {
namespace {

TEST(ProgressBarTest, DrawsFractionAndStage) {
  EXPECT_EQ(ProgressLine(0.5, "fit", {.width = 32}), "fit          [#####.....]  50%");
  EXPECT_EQ(ProgressLine(0.5, "fit", {.utf8 = true, .width = 32}),
            "fit          [━━━━━·····]  50%");
}

TEST(ProgressBarTest, FractionsOutsideAreDrawnAtTheEnds) {
  EXPECT_EQ(ProgressLine(7, "fit", {.width = 32}), "fit          [##########] 100%");
  EXPECT_EQ(ProgressLine(-1, "fit", {.width = 32}), "fit          [..........]   0%");
  EXPECT_EQ(ProgressLine(std::numeric_limits<double>::quiet_NaN(), "fit", {.width = 32}),
            "fit          [..........]   0%");
}

TEST(ProgressBarTest, DrawsNothingTwiceAndRemovesItsLine) {
  std::ostringstream out;
  {
    ProgressBar bar(out, {.width = 32});
    bar.Show(0.501, "fit");
    const std::string once = out.str();
    bar.Show(0.502, "fit");
    EXPECT_EQ(out.str(), once);
  }
  EXPECT_EQ(out.str().back(), '\r');
}

TEST(ProgressBarTest, DrawsNothingOffATerminal) {
  std::ostringstream err;
  Context context;
  context.err = &err;
  {
    ProgressBar bar(context);
    bar.Show(0.5, "fit");
  }
  EXPECT_EQ(err.str(), "");
}

}  // namespace
}  // namespace rhumb::cli

// SPDX-License-Identifier: Apache-2.0
// Pictures of a law and of the runs behind it, for --plot and --svg.
#ifndef RHUMB_CLIENT_CLI_LAW_PICTURE_H_
#define RHUMB_CLIENT_CLI_LAW_PICTURE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/context.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "rhumb/v1/law.pb.h"
#include "rhumb/v1/law_service.pb.h"
#include "rhumb/v1/observation.pb.h"

namespace rhumb::cli {

enum class PictureKind { kLoss, kMap };

// What is to be drawn, and where to.
struct PictureOptions {
  PictureKind kind = PictureKind::kLoss;
  std::optional<bool> braille;  // on stdout: braille or else ASCII; absent: not there
  std::string svg_file;         // empty: none
  double level = 0.9;           // of the band

  bool IsAsked() const { return braille.has_value() || !svg_file.empty(); }
};

// --plot, --svg, --picture.
std::vector<Flag> PictureFlags();

// What they say. INVALID_ARGUMENT if --plot meets an output that is no table, or --picture stands
// alone.
absl::StatusOr<PictureOptions> ReadPictureFlags(const Invocation& invocation);

// Draws what `options` ask for. The law may be one without a curve (then the runs are drawn alone),
// or there may be no runs; with neither, FAILED_PRECONDITION. Rows that `fit` left out are marked.
// FAILED_PRECONDITION if the file cannot be written.
absl::Status DrawLaw(const v1::Law& law,
                     const google::protobuf::RepeatedPtrField<v1::Observation>& runs,
                     const v1::LawFitOptions& fit, const PictureOptions& options, Context& context);

// Whether there is an isoFLOP family to draw: a budget with a parabola.
bool HasIsoFlopCurves(const v1::LawFitResult& fit);

// The isoFLOP family of `fit` as `options` ask for: loss over size, a curve a budget, with the
// minima. FAILED_PRECONDITION as above.
absl::Status DrawIsoFlop(const v1::LawFitResult& fit, const std::string& source,
                         const PictureOptions& options, Context& context);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_LAW_PICTURE_H_

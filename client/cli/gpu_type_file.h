// SPDX-License-Identifier: Apache-2.0
// A GPU type as a file: what `rhumb gpu apply FILE` reads and `rhumb gpu show TYPE -o json` prints.
#ifndef RHUMB_CLIENT_CLI_GPU_TYPE_FILE_H_
#define RHUMB_CLIENT_CLI_GPU_TYPE_FILE_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/config/text_file.h"
#include "rhumb/v1/cluster.pb.h"

namespace rhumb::cli {

// The type in `text`: TOML, or JSON where it begins with a brace. Keys are the fields of GpuType,
// as
//
//   name = "H20-SXM-96GB"
//   family = "hopper"
//   memory_bytes = "95GiB"                  # a number in base units, or a text
//   memory_bytes_per_second = "4TB"
//   peak_bf16_flops_per_second = "148T"
//
// What only the store says of a type (version, update_time, owner_uid) is passed over, so that an
// answer can be edited and applied. INVALID_ARGUMENT as ReadMessageDocument.
absl::StatusOr<v1::GpuType> ParseGpuType(absl::string_view text);

// As ParseGpuType, of the file at `path`, which stands in front of every message. NOT_FOUND if
// there is no such file, FAILED_PRECONDITION if it cannot be read.
absl::StatusOr<v1::GpuType> ReadGpuTypeFile(absl::string_view path, const TextLimits& limits = {});

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_GPU_TYPE_FILE_H_

// SPDX-License-Identifier: Apache-2.0
// Small things about texts.
#ifndef RHUMB_CLIENT_SLURM_TEXT_H_
#define RHUMB_CLIENT_SLURM_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rhumb::slurm {

// `text` without blanks around it.
std::string_view Trim(std::string_view text);

// The parts of `text` between `separator`s; one empty part of an empty text.
std::vector<std::string_view> Split(std::string_view text, char separator);

// `text` in lower case, underscores as dashes: how names of GPUs are compared.
std::string Folded(std::string_view text);

// A whole number of digits alone; nullopt for anything else, or more than int64 holds.
std::optional<int64_t> ReadCount(std::string_view text);

// The first paragraph of `text` on one line, control characters as blanks, cut behind
// `max_bytes` with "...".
std::string FirstParagraph(std::string_view text, size_t max_bytes = 400);

}  // namespace rhumb::slurm

#endif  // RHUMB_CLIENT_SLURM_TEXT_H_

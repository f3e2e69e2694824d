// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/clean_text.h"

#include "absl/strings/ascii.h"
#include "client/config/utf8.h"

namespace rhumb::slurm_agent {

std::string CleanText(absl::string_view text, size_t max_bytes) {
  std::string clean = ToUtf8(text.substr(0, max_bytes));
  for (char& c : clean) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  return clean;
}

}  // namespace rhumb::slurm_agent

// SPDX-License-Identifier: Apache-2.0
#include "client/slurm/gpu_names.h"

#include "client/slurm/text.h"

namespace rhumb::slurm {
namespace {

constexpr char kUntyped[] = "untyped";

// Names go into --gpus-per-node=NAME:COUNT.
bool IsName(std::string_view text) {
  return !text.empty() && text.find_first_of(" \t:,=\"'") == std::string_view::npos;
}

}  // namespace

Outcome<GpuNames> GpuNames::Read(std::string_view text) {
  GpuNames names;
  int line = 0;
  for (std::string_view row : Split(text, '\n')) {
    ++line;
    row = Trim(row.substr(0, row.find('#')));
    if (row.empty()) continue;
    const size_t equals = row.find('=');
    const std::string_view name = Trim(row.substr(0, equals));
    const std::string_view type =
        equals == std::string_view::npos ? std::string_view() : Trim(row.substr(equals + 1));
    if (!IsName(name) || !IsName(type)) {
      return Problem<GpuNames>("line " + std::to_string(line) +
                               ": must be NAME = TYPE, as h100 = H100-SXM5-80GB");
    }
    names.rows_.emplace_back(name, type);
  }
  return Good(names);
}

std::string GpuNames::TypeOf(std::string_view name) const {
  for (const auto& [known, type] : rows_) {
    if (Folded(known) == Folded(name)) return type;
  }
  return std::string(name);
}

std::string GpuNames::NameOf(std::string_view type) const {
  for (const auto& [name, known] : rows_) {
    if (Folded(known) == Folded(type)) return name == kUntyped ? "" : name;
  }
  return Folded(type.substr(0, type.find('-')));
}

std::string GpuNames::PoolOf(std::string_view pool) const {
  const size_t times = pool.find('x');
  if (times == std::string_view::npos) return std::string(pool);
  const size_t at = pool.find('@');
  const std::string_view name = pool.substr(times + 1, at - times - 1);
  std::string translated(pool.substr(0, times + 1));
  translated += TypeOf(name);
  if (at != std::string_view::npos) translated += pool.substr(at);
  return translated;
}

}  // namespace rhumb::slurm

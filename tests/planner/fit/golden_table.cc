// SPDX-License-Identifier: Apache-2.0
#include "tests/planner/fit/golden_table.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <regex>
#include <sstream>
#include <utility>

#include "gtest/gtest.h"

namespace rhumb {
namespace {

using Row = std::map<std::string, std::string>;

std::vector<std::string> Split(const std::string& line, char separator) {
  std::vector<std::string> cells;
  std::string cell;
  std::istringstream stream(line);
  while (std::getline(stream, cell, separator)) cells.push_back(cell);
  if (!line.empty() && line.back() == separator) cells.emplace_back();
  return cells;
}

// Clauses are parted by commas and semicolons outside of brackets.
std::vector<std::string> Clauses(const std::string& filter) {
  std::vector<std::string> clauses(1);
  int depth = 0;
  for (const char c : filter) {
    if (c == '(' || c == '{') ++depth;
    if (c == ')' || c == '}') --depth;
    if (depth == 0 && (c == ',' || c == ';')) {
      clauses.emplace_back();
    } else if (c != ' ' || !clauses.back().empty()) {
      clauses.back() += c;
    }
  }
  return clauses;
}

bool SameValue(const std::string& cell, const std::string& value) {
  char* end = nullptr;
  const double a = std::strtod(cell.c_str(), &end);
  const bool is_number = !cell.empty() && *end == '\0';
  return is_number ? a == std::strtod(value.c_str(), nullptr) : cell == value;
}

void Keep(CsvTable& table, const std::function<bool(const Row&)>& is_kept) {
  std::erase_if(table.rows, [&](const Row& row) { return !is_kept(row); });
}

// The rows with the least loss of each (N, D).
void KeepLeast(CsvTable& table, const Json& columns) {
  std::map<std::pair<double, double>, Row> least;
  const auto number = [&columns](const Row& row, const char* name) {
    return CsvTable::Number(row, columns.at(name).get<std::string>());
  };
  for (const Row& row : table.rows) {
    if (!std::isfinite(number(row, "L"))) continue;
    const auto [cell, is_new] = least.try_emplace({number(row, "N"), number(row, "D")}, row);
    if (number(row, "L") < number(cell->second, "L")) cell->second = row;
  }
  table.rows.clear();
  for (auto& [cell, row] : least) table.rows.push_back(std::move(row));
}

bool ApplyClause(const std::string& clause, const Json& columns, GoldenRows& rows) {
  std::smatch part;
  const auto matches = [&](const char* pattern) {
    return std::regex_match(clause, part, std::regex(pattern));
  };
  if (matches("all|all rows|as described|target = .*")) return true;
  if (matches("finite loss")) return ApplyClause("loss not NaN", columns, rows);
  if (matches("train C<=(.*)")) {
    rows.train_max_flops = std::stod(part[1]);
    return true;
  }
  if (matches("test C>(.*)")) {
    rows.test_above_flops = std::stod(part[1]);
    return true;
  }
  if (matches("(min loss over lr|least smooth loss) per \\(.*\\)")) {
    KeepLeast(rows.table, columns);
    return true;
  }
  if (matches("(\\w+) not NaN")) {
    const std::string column =
        part[1] == "loss" ? columns.at("L").get<std::string>() : part[1].str();
    Keep(rows.table, [&](const Row& row) { return std::isfinite(CsvTable::Number(row, column)); });
    return true;
  }
  if (matches("(\\w+) does not contain '(.*)'")) {
    Keep(rows.table,
         [&](const Row& row) { return row.at(part[1]).find(part[2].str()) == std::string::npos; });
    return true;
  }
  if (matches("(\\w+) in \\{(.*)\\}")) {
    const std::vector<std::string> values = Split(part[2], ',');
    Keep(rows.table, [&](const Row& row) {
      for (const std::string& value : values) {
        if (SameValue(row.at(part[1]), value)) return true;
      }
      return false;
    });
    return true;
  }
  // "N=params_nonemb" restates the columns of the entry.
  if (matches("([NDL])=(\\w+)")) return columns.at(part[1].str()) == part[2].str();
  if (matches("(\\w+)(==|=|!=)'?([^']*)'?")) {
    const bool is_equal = part[2] != "!=";
    Keep(rows.table,
         [&](const Row& row) { return SameValue(row.at(part[1]), part[3]) == is_equal; });
    return true;
  }
  return false;
}

}  // namespace

const Json& GoldenFile() {
  static const Json file = [] {
    std::ifstream stream(std::string(RHUMB_SHARED_DIR) + "/fit/golden.json");
    return stream ? Json::parse(stream) : Json();
  }();
  return file;
}

double CsvTable::Number(const Row& row, const std::string& column) {
  const std::string& cell = row.at(column);
  return cell.empty() ? std::numeric_limits<double>::quiet_NaN()
                      : std::strtod(cell.c_str(), nullptr);
}

CsvTable ReadTable(const std::string& file) {
  std::ifstream stream(std::string(RHUMB_SHARED_DIR) + "/fit/" + file);
  EXPECT_TRUE(stream.good()) << file;
  CsvTable table;
  std::string line;
  std::getline(stream, line);
  const std::vector<std::string> header = Split(line, ',');
  while (std::getline(stream, line)) {
    if (line.empty()) continue;
    const std::vector<std::string> cells = Split(line, ',');
    Row row;
    for (size_t i = 0; i < header.size(); ++i) row[header[i]] = i < cells.size() ? cells[i] : "";
    table.rows.push_back(std::move(row));
  }
  return table;
}

GoldenRows FilteredRows(const Json& entry) {
  const Json& inputs = entry.at("inputs");
  GoldenRows rows{.table = ReadTable(inputs.at("file").get<std::string>()),
                  .train_max_flops = {},
                  .test_above_flops = {}};
  for (const std::string& clause : Clauses(inputs.at("filter").get<std::string>())) {
    EXPECT_TRUE(ApplyClause(clause, inputs.at("columns"), rows)) << "filter clause: " << clause;
  }
  return rows;
}

std::vector<Observation> Observations(const Json& entry, const CsvTable& table) {
  const Json& columns = entry.at("inputs").at("columns");
  const auto number = [&columns](const Row& row, const char* name) {
    return CsvTable::Number(row, columns.at(name).get<std::string>());
  };
  std::vector<Observation> observations;
  for (const Row& row : table.rows) {
    Observation observation;
    if (columns.contains("C")) observation.training_flops = number(row, "C");
    // Where an entry has no N or D of its own, the table's serve: the fit does not use them.
    observation.param_count =
        columns.contains("N") ? number(row, "N") : CsvTable::Number(row, "params");
    observation.token_count =
        columns.contains("D") ? number(row, "D") : CsvTable::Number(row, "tokens");
    if (columns.contains("U")) observation.unique_token_count = number(row, "U");
    if (columns.contains("B")) observation.global_batch_tokens = number(row, "B");
    observation.loss_nats = number(row, "L");
    observations.push_back(std::move(observation));
  }
  return observations;
}

}  // namespace rhumb

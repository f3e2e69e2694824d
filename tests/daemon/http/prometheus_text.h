// SPDX-License-Identifier: Apache-2.0
// Reads Prometheus' text format 0.0.4 as strictly as a scraper does.
#ifndef RHUMB_TESTS_DAEMON_HTTP_PROMETHEUS_TEXT_H_
#define RHUMB_TESTS_DAEMON_HTTP_PROMETHEUS_TEXT_H_

#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace rhumb::testing_support {

struct PrometheusText {
  std::map<std::string, std::string> types;  // by family
  // By series as written: name{label="value"}.
  std::map<std::string, double> values;
};

// Refuses a line that is none, a sample without a type, a family that is split, a series that is
// given twice, and a counter that does not end in _total.
inline absl::StatusOr<PrometheusText> ParsePrometheusText(const std::string& text) {
  static const std::regex kSample(
      R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*"(,|(?=\})))*\})? (\S+))re");
  PrometheusText parsed;
  std::set<std::string> ended;
  std::string family;
  if (!absl::EndsWith(text, "\n")) return absl::InvalidArgumentError("no line feed at the end");
  for (const std::string& line :
       std::vector<std::string>(absl::StrSplit(text.substr(0, text.size() - 1), '\n'))) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (absl::StartsWith(line, "# HELP ")) {
      if (words[2] != family && !ended.insert(family).second)
        return absl::InvalidArgumentError("family is split: " + family);
      if (ended.count(words[2]) > 0) return absl::InvalidArgumentError("family is split: " + line);
      family = words[2];
    } else if (absl::StartsWith(line, "# TYPE ")) {
      if (words.size() != 4 || words[2] != family)
        return absl::InvalidArgumentError("TYPE without its HELP: " + line);
      parsed.types[family] = words[3];
      if (words[3] == "counter" && !absl::EndsWith(family, "_total"))
        return absl::InvalidArgumentError("counter without _total: " + line);
    } else {
      std::smatch match;
      double value = 0;
      if (!std::regex_match(line, match, kSample) || !absl::SimpleAtod(match[6].str(), &value))
        return absl::InvalidArgumentError("no sample: " + line);
      if (!absl::StartsWith(match[1].str(), family) || parsed.types.count(family) == 0)
        return absl::InvalidArgumentError("sample outside of its family: " + line);
      if (!parsed.values.emplace(match[1].str() + match[2].str(), value).second)
        return absl::InvalidArgumentError("series is given twice: " + line);
    }
  }
  return parsed;
}

}  // namespace rhumb::testing_support

#endif  // RHUMB_TESTS_DAEMON_HTTP_PROMETHEUS_TEXT_H_

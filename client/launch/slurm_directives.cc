// SPDX-License-Identifier: Apache-2.0
#include "client/launch/slurm_directives.h"

#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/launch/slurm_time.h"

namespace rhumb::launch {
namespace {

constexpr int64_t kMostCount = 10'000'000;

// Options that matter here, by both names. sbatch(1), srun(1).
const std::map<std::string, std::string>& ShortOptions() {
  static const auto& options = *new std::map<std::string, std::string>{
      {"-N", "--nodes"},     {"-n", "--ntasks"},        {"-t", "--time"},     {"-G", "--gpus"},
      {"-p", "--partition"}, {"-C", "--constraint"},    {"-J", "--job-name"}, {"-a", "--array"},
      {"-A", "--account"},   {"-c", "--cpus-per-task"}, {"-o", "--output"},   {"-e", "--error"},
      {"-q", "--qos"},       {"-w", "--nodelist"},      {"-x", "--exclude"},  {"-D", "--chdir"}};
  return options;
}

bool Matters(absl::string_view option) {
  return option == "--nodes" || option == "--ntasks" || option == "--time" || option == "--gpus" ||
         option == "--constraint" || option == "--array" || option == "--gres" ||
         option == "--gpus-per-node" || option == "--gpus-per-task" ||
         option == "--ntasks-per-node" || option == "--gpus-per-socket" ||
         option == "--tres-per-task" || option == "--tres-per-node";
}

// A whole number above 0, with Slurm's suffix k (1024) or m.
std::optional<int64_t> Count(absl::string_view text) {
  int64_t factor = 1;
  if (absl::ConsumeSuffix(&text, "k") || absl::ConsumeSuffix(&text, "K")) {
    factor = 1024;
  } else if (absl::ConsumeSuffix(&text, "m") || absl::ConsumeSuffix(&text, "M")) {
    factor = 1024 * 1024;
  }
  int64_t value = 0;
  if (text.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(text[0])) ||
      !absl::SimpleAtoi(text, &value) || value < 1 || value > kMostCount / factor) {
    return std::nullopt;
  }
  return value * factor;
}

class OptionReader {
 public:
  OptionReader(absl::string_view shown_before, SlurmRequest& request,
               std::vector<NotRead>& not_read)
      : shown_before_(shown_before), request_(request), not_read_(not_read) {}

  void Read(const std::string& option, const std::string& written, const std::string& value,
            int line) {
    line_ = line;
    text_ = absl::StrCat(shown_before_, ShownText(written));
    if (absl::StrContains(value, kUnknownPart)) {
      return Refuse("its value is not known from the script");
    }
    if (option == "--nodes") {
      ReadCount(value, "\"minimum-maximum\" and lists leave the number open", request_.nodes);
    } else if (option == "--ntasks") {
      ReadCount(value, "", request_.tasks);
    } else if (option == "--ntasks-per-node") {
      ReadCount(value, "", request_.tasks_per_node);
    } else if (option == "--gpus") {
      ReadGpus(value, request_.gpus);
    } else if (option == "--gpus-per-node") {
      ReadGpus(value, request_.gpus_per_node);
    } else if (option == "--gpus-per-task") {
      ReadGpus(value, request_.gpus_per_task);
    } else if (option == "--gres" || option == "--tres-per-node") {
      ReadGres(value, request_.gpus_per_node);
    } else if (option == "--tres-per-task") {
      ReadGres(value, request_.gpus_per_task);
    } else if (option == "--time") {
      ReadTime(value);
    } else if (option == "--constraint") {
      for (const absl::string_view feature :
           absl::StrSplit(value, absl::ByAnyChar("&|,[]()*"), absl::SkipWhitespace())) {
        request_.constraints.push_back({std::string(feature), line_, text_});
      }
    } else if (option == "--array") {
      not_read_.push_back(
          {line_, text_, "each task of an array is a job of its own: one is checked"});
    } else if (option == "--gpus-per-socket") {
      Refuse("the number of sockets is the nodes'");
    }
  }

  void Refuse(absl::string_view reason) {
    request_.incomplete = true;
    not_read_.push_back({line_, text_, std::string(reason), {kSayGpus}});
  }

 private:
  void ReadCount(absl::string_view value, absl::string_view hint,
                 std::optional<Fact<int64_t>>& target) {
    // "4-4" is 4.
    const std::vector<absl::string_view> ends = absl::StrSplit(value, absl::MaxSplits('-', 1));
    std::optional<int64_t> count = Count(ends[0]);
    if (ends.size() == 2 && Count(ends[1]) != count) count = std::nullopt;
    if (!count.has_value()) {
      return Refuse(absl::StrCat("no single whole number above 0", hint.empty() ? "" : ": ", hint));
    }
    target = Fact<int64_t>{*count, line_, text_};
  }

  // "[type:]number".
  void ReadGpus(absl::string_view value, std::optional<Fact<int64_t>>& target) {
    const std::vector<absl::string_view> parts = absl::StrSplit(value, ':');
    const std::optional<int64_t> count = Count(parts.back());
    if (parts.size() > 2 || !count.has_value() || (parts.size() == 2 && parts[0].empty())) {
      return Refuse("must be NUMBER or TYPE:NUMBER");
    }
    target = Fact<int64_t>{*count, line_, text_};
    if (parts.size() == 2)
      request_.gpu_type = Fact<std::string>{std::string(parts[0]), line_, text_};
  }

  // "gpu[:type][:number],...", where other resources stand beside.
  void ReadGres(absl::string_view value, std::optional<Fact<int64_t>>& target) {
    for (absl::string_view item : absl::StrSplit(value, ',', absl::SkipWhitespace())) {
      absl::ConsumePrefix(&item, "gres/");
      absl::ConsumePrefix(&item, "gres:");
      if (item != "gpu" && !absl::ConsumePrefix(&item, "gpu:") &&
          !absl::ConsumePrefix(&item, "gpu=")) {
        continue;
      }
      if (item == "gpu") {
        target = Fact<int64_t>{1, line_, text_};
        continue;
      }
      // A count may carry the places that it is bound to: "8(S:0-1)".
      item = item.substr(0, item.find('('));
      if (const std::optional<int64_t> count = Count(item)) {
        target = Fact<int64_t>{*count, line_, text_};
      } else if (absl::StrContains(item, ':') || absl::StrContains(item, '=')) {
        std::string typed(item);
        for (char& c : typed) c = c == '=' ? ':' : c;
        ReadGpus(typed, target);
      } else {
        target = Fact<int64_t>{1, line_, text_};
        request_.gpu_type = Fact<std::string>{std::string(item), line_, text_};
      }
    }
  }

  void ReadTime(absl::string_view value) {
    const absl::StatusOr<std::optional<double>> seconds = ParseSlurmTime(value);
    if (!seconds.ok()) {
      not_read_.push_back({line_, text_, std::string(seconds.status().message()), {kSayDeadline}});
      return;
    }
    request_.time_seconds = std::nullopt;
    if (seconds->has_value()) request_.time_seconds = Fact<double>{**seconds, line_, text_};
  }

  absl::string_view shown_before_;
  SlurmRequest& request_;
  std::vector<NotRead>& not_read_;
  int line_ = 0;
  std::string text_;
};

// The words of a directive: quotes group, a # begins a comment.
std::vector<ShellWord> DirectiveWords(absl::string_view text, int line) {
  std::vector<ShellWord> words;
  std::string word;
  bool has_word = false;
  char quote = 0;
  for (const char c : text) {
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      has_word = true;
    } else if (c == '#') {
      break;
    } else if (absl::ascii_isspace(static_cast<unsigned char>(c))) {
      if (has_word) words.push_back({word, line});
      word.clear();
      has_word = false;
    } else {
      word += c == kUnknownPart ? '?' : c;
      has_word = true;
    }
  }
  if (has_word) words.push_back({word, line});
  return words;
}

}  // namespace

void ReadSlurmOptions(const std::vector<ShellWord>& words, absl::string_view shown_before,
                      SlurmRequest& request, std::vector<NotRead>& not_read) {
  OptionReader reader(shown_before, request, not_read);
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i].text;
    if (absl::StartsWith(word, "--")) {
      const size_t equals = word.find('=');
      const std::string option = word.substr(0, equals);
      if (!Matters(option)) continue;
      if (equals != std::string::npos) {
        reader.Read(option, word, word.substr(equals + 1), words[i].line);
      } else if (i + 1 < words.size()) {
        reader.Read(option, absl::StrCat(word, " ", words[i + 1].text), words[i + 1].text,
                    words[i].line);
        ++i;
      } else {
        not_read.push_back({words[i].line, absl::StrCat(shown_before, word), "has no value"});
      }
    } else if (word.size() >= 2 && word[0] == '-') {
      const auto option = ShortOptions().find(word.substr(0, 2));
      if (option == ShortOptions().end()) continue;
      const bool attached = word.size() > 2;
      if (!attached && i + 1 == words.size()) {
        not_read.push_back({words[i].line, absl::StrCat(shown_before, word), "has no value"});
        continue;
      }
      const std::string value = attached ? word.substr(2) : words[i + 1].text;
      const std::string written = attached ? word : absl::StrCat(word, " ", value);
      if (Matters(option->second)) reader.Read(option->second, written, value, words[i].line);
      if (!attached) ++i;
    }
  }
}

SlurmRequest ReadSlurmDirectives(absl::string_view script, std::vector<NotRead>& not_read) {
  SlurmRequest request;
  bool commands_began = false;
  int line_number = 0;
  for (absl::string_view line : absl::StrSplit(script, '\n')) {
    ++line_number;
    absl::ConsumeSuffix(&line, "\r");
    if (absl::StartsWith(line, "#SBATCH")) {
      const absl::string_view rest = line.substr(7);
      if (!rest.empty() && !absl::ascii_isspace(static_cast<unsigned char>(rest[0]))) {
        if (absl::StartsWith(rest, "-")) {
          not_read.push_back(
              {line_number, std::string(line), "Slurm wants a blank behind #SBATCH"});
        }
        continue;
      }
      const std::vector<ShellWord> words = DirectiveWords(rest, line_number);
      if (commands_began) {
        not_read.push_back({line_number, std::string(line),
                            "Slurm ignores it: it stands behind the first command"});
      } else if (!words.empty() && (words[0].text == "hetjob" || words[0].text == "packjob")) {
        not_read.push_back({line_number,
                            std::string(line),
                            "a heterogeneous job: only its first part is read",
                            {kSayGpus}});
        commands_began = true;
      } else {
        ReadSlurmOptions(words, "#SBATCH ", request, not_read);
      }
    } else if (!absl::StartsWith(line, "#") && !absl::StripAsciiWhitespace(line).empty()) {
      commands_began = true;
    }
  }
  return request;
}

}  // namespace rhumb::launch

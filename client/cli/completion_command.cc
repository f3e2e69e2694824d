// SPDX-License-Identifier: Apache-2.0
#include "client/cli/completion_command.h"

#include <ostream>

#include "client/cli/completion_scripts.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"

namespace rhumb::cli {
namespace {

int RunCompletion(const Invocation& invocation, Context& context) {
  const std::string& shell = invocation.arguments[0];
  *context.out << (shell == "bash"  ? BashCompletion()
                   : shell == "zsh" ? ZshCompletion()
                                    : FishCompletion());
  return kExitOk;
}

}  // namespace

Command CompletionCommand() {
  return {.words = {"completion"},
          .summary = "Print a completion script for a shell.",
          .description =
              "bash: rhumb completion bash > ~/.local/share/bash-completion/completions/rhumb\n"
              "zsh:  rhumb completion zsh > a folder of $fpath, as _rhumb\n"
              "fish: rhumb completion fish > ~/.config/fish/completions/rhumb.fish",
          .arguments = {{.name = "SHELL",
                         .help = "bash, zsh or fish",
                         .choices = {"bash", "zsh", "fish"}}},
          .examples = {{"completion bash", "for this session: source <(rhumb completion bash)"}},
          .run = RunCompletion};
}

}  // namespace rhumb::cli

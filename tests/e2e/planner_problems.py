# SPDX-License-Identifier: Apache-2.0
"""Published planning problems with their answers.

usage: planner_problems.py --list          prints "id:arguments of rhumb", one a line
       planner_problems.py ID CODE FILE    checks exit code and JSON of that question

Answers were made by brute force on refined grids over the raw loss formulas with the constants of Besiroglu et al. 2024
(arXiv:2404.10102) and Muennighoff et al. 2023 (arXiv:2305.16264, C4); no closed form and nothing of this project took
part. N, D, C of a plan are those of law_optimum, the continuous optimum.
"""
import json
import sys

C4 = "plan --law muennighoff2023-c4 --compute 1e22 --unique-tokens 25e9"
PROBLEMS = {
    # id: (arguments, exit code, relative tolerance, {path: expected})
    "P01": ("plan --compute 1e21", 0, 1e-4,
            {"law_optimum.param_count": 2778459161.5034037, "law_optimum.token_count": 59985285720.91179,
             "law_optimum.tokens_per_param": 21.589407018116543, "law_optimum.loss_nats": 2.305528571261457}),
    "P02": ("plan --compute 1e23", 0, 1e-4,
            {"law_optimum.param_count": 29446131180.063377, "law_optimum.token_count": 566005312030.6311,
             "law_optimum.loss_nats": 2.032051877317934}),
    "P04": ("plan --gpu H100-SXM5-80GB --price 2 --budget 100k --mfu 0.4", 0, 1e-4,
            {"law_optimum.gpu_hours": 50000.0, "law_optimum.training_flops": 7.1208e22,
             "law_optimum.param_count": 24741880442.96818, "law_optimum.token_count": 479672514276.21265,
             "law_optimum.loss_nats": 2.0454607698645333}),
    "P05": ("plan --gpus 512xH100-SXM5-80GB --deadline 30d --mfu 0.38", 0, 1e-4,
            {"law_optimum.training_flops": 4.9875222528e23, "law_optimum.param_count": 67107716320.37152,
             "law_optimum.token_count": 1238685734486.335, "law_optimum.loss_nats": 1.9785302149260755,
             "law_optimum.gpu_hours": 368640}),
    "P06": ("plan --gpus 64xA100-SXM4-80GB@1.5 --deadline 14d --budget 50k --mfu 0.45", 0, 1e-4,
            {"law_optimum.training_flops": 1.086898176e22, "law_optimum.param_count": 9439891768.660177,
             "law_optimum.token_count": 191898064553.4572, "law_optimum.loss_nats": 2.136334428629594,
             "law_optimum.cost_usd": 32256.0}),
    "P07": (C4 + " --max-epochs 1000", 0, 1e-3,
            {"law_optimum.param_count": 7026158377.12118, "law_optimum.token_count": 237208809880.19348,
             "law_optimum.loss_nats": 2.22212927487097}),
    "P09": (C4 + " --max-epochs 4", 0, 1e-3,
            {"law_optimum.param_count": 16666666666.66676, "law_optimum.token_count": 99999999999.99945,
             "law_optimum.loss_nats": 2.2432963593385082}),
    "P10": ("plan --target-loss 2 --inference-tokens 1T --objective lifetime-cost", 0, 1e-3,
            {"law_optimum.param_count": 34319688726.150215, "law_optimum.token_count": 1249642133497.3635,
             "law_optimum.training_flops": 2.5732397424427064e23, "law_optimum.lifetime_flops": 3.2596335169657104e23}),
    "P13a": ("plan --target-loss 2.1", 0, 1e-3,
             {"law_optimum.training_flops": 2.1410484787089427e22, "law_optimum.param_count": 13362856762.213112,
              "law_optimum.token_count": 267039765125.08707}),
    "P13b": ("plan --target-loss 1.80", 3, 1e-3, {}),
    "P13c": ("plan --target-loss 2.0 --max-param-count 1e9", 3, 1e-3, {}),
    "P14": ("plan --target-loss 2.05 --max-param-count 8e9", 0, 1e-3,
            {"law_optimum.param_count": 8e9, "law_optimum.token_count": 2652452305013.581,
             "law_optimum.training_flops": 1.2731771064065189e23, "law_optimum.tokens_per_param": 331.55653812669766}),
    "P17a": ("predict --params 7B --tokens 2T", 0, 1e-3, {"loss.mean_nats": 2.064712811887997}),
    "P17b": ("predict --params 7B --tokens 140B", 0, 1e-3, {"loss.mean_nats": 2.173281596999229}),
}


def main():
    if sys.argv[1:] == ["--list"]:
        for name, problem in PROBLEMS.items():
            print(f"{name}:{problem[0]}")
        return
    name, code, path = sys.argv[1:]
    _, wanted_code, tolerance, answers = PROBLEMS[name]
    with open(path) as file:
        text = file.read()
    if int(code) != wanted_code:
        sys.exit(f"exit {code} instead of {wanted_code}")
    answer = json.loads(text)
    for key, expected in answers.items():
        value = answer
        for part in key.split("."):
            value = value[part]
        if abs(value - expected) > tolerance * abs(expected):
            sys.exit(f"{key} is {value!r} instead of {expected!r}, off by {value / expected - 1:.2e}")


main()

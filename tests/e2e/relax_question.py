# SPDX-License-Identifier: Apache-2.0
"""Applies every relaxation of an infeasible plan to its question.

usage: relax_question.py PLAN.json QUESTION.toml CONFLICT PREFIX

Checks that CONFLICT is among the conflicts, that there are relaxations, and writes one PREFIX.n.toml for each that
changes the question. One that changes the hardware itself (gpu_memory) has no question to write.
"""
import json
import re
import sys


def main():
    plan_path, question_path, conflict, prefix = sys.argv[1:]
    with open(plan_path) as file:
        plan = json.load(file)
    with open(question_path) as file:
        question = file.read()
    infeasibility = plan["infeasibility"]
    print(infeasibility)
    if plan["state"] != "INFEASIBLE" or conflict not in infeasibility["conflict"]:
        sys.exit(f"{conflict} is not among the conflicts")
    if {"model", "allocation", "layout", "memory", "time", "cost"} & set(plan):
        sys.exit("an infeasible plan holds parts of a plan")
    for n, relaxation in enumerate(infeasibility["relaxations"]):
        constraint, value = relaxation["constraint"], relaxation["to"]
        if relaxation["from"] == value or not relaxation["text"]:
            sys.exit(f"no change: {relaxation}")
        key = "count" if constraint == "gpu_count" else constraint
        relaxed, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value!r}", question)
        if count == 1:
            with open(f"{prefix}.{n}.toml", "w") as file:
                file.write(relaxed)
        elif constraint != "gpu_memory":
            sys.exit(f"{constraint} is not in the question")


main()

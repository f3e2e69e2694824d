# SPDX-License-Identifier: Apache-2.0
"""Compares the answers in two folders: usage: compare_answers.py FOLDER FOLDER.

create_time and search.seconds are the only values of an answer that are not a function of the question.
"""
import glob
import json
import os
import sys


def read(path):
    with open(path) as file:
        answer = json.load(file)
    answer.pop("create_time", None)
    answer.get("search", {}).pop("seconds", None)
    return answer


def main():
    first, second = sys.argv[1:]
    names = sorted(os.path.basename(path) for path in glob.glob(f"{first}/*.json"))
    if not names or names != sorted(os.path.basename(path) for path in glob.glob(f"{second}/*.json")):
        sys.exit(f"not the same questions: {names}")
    different = []
    for name in names:
        a, b = read(f"{first}/{name}"), read(f"{second}/{name}")
        code = name.replace(".json", ".code")
        with open(f"{first}/{code}") as x, open(f"{second}/{code}") as y:
            codes = x.read(), y.read()
        if codes[0] != codes[1]:
            different.append(f"{name}: exit {codes}")
        keys = [key for key in sorted(set(a) | set(b)) if a.get(key) != b.get(key)]
        if keys:
            different.append(f"{name}: {[(key, a.get(key), b.get(key)) for key in keys]}")
    sys.exit("\n".join(different) if different else 0)


main()

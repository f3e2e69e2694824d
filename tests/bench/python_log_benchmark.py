#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What Run.log of the Python package costs the training thread.

    tests/bench/python_log_benchmark.py [CALLS]

A step is a millisecond of arithmetic in Python, which wants the interpreter's lock as the reporting thread does: the
worst kind of training loop. Each way of reporting runs the same steps; a call's time is measured around run.log. The
CPU time of a step is that of both threads, against steps that report nothing. Then calls between which 64 MiB are read.
"""

import os
import pathlib
import platform
import shutil
import statistics
import sys
import tempfile
import time

_ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_ROOT / "client" / "python"), str(_ROOT / "tests" / "client" / "python")]

import rhumb  # noqa: E402  pylint: disable=wrong-import-position
from fake_daemon import FakeDaemon  # noqa: E402  pylint: disable=wrong-import-position

_CALLS = 20000
_BLOCK = 1000
_CACHE_BYTES = 64 << 20
_COLD_CALLS = 300


def busy(iterations):
    total = 0
    for number in range(iterations):
        total += number * number
    return total


def iterations_of_a_millisecond():
    count = 1000
    while True:
        began = time.perf_counter()
        busy(count)
        seconds = time.perf_counter() - began
        if seconds > 1e-3:
            return max(1, int(count * 1e-3 / seconds))
        count *= 2


def measure(run, first_step, count, iterations):
    """Seconds of each run.log, and the process's own, both threads together, of all steps."""
    times = []
    began = time.process_time()
    for step in range(first_step, first_step + count):
        busy(iterations)
        before = time.perf_counter()
        run.log(step=step, tokens=step * 524288, loss=2.5, step_time=0.5, mem=1 << 36, lr=3e-4)
        times.append(time.perf_counter() - before)
    return times, time.process_time() - began


def measure_cold(run, count):
    """Seconds of each run.log when nothing of it is in the processor's caches, as after a real step."""
    large = bytearray(_CACHE_BYTES)
    times = []
    for step in range(1, count + 1):
        bytes(large)
        before = time.perf_counter()
        run.log(step=step, tokens=step * 524288, loss=2.5, step_time=0.5, mem=1 << 36, lr=3e-4)
        times.append(time.perf_counter() - before)
    return sorted(times)


def show(title, times, step_seconds, reference):
    times = sorted(times)
    count = len(times)
    shown = (sum(times) / count, times[count // 2], times[count * 99 // 100], times[count * 999 // 1000])
    print("%-34s log: mean %6.2f us, median %5.2f us, p99 %6.2f us, p99.9 %7.2f us;" % ((title,) + tuple(each * 1e6 for each in shown)), end="")
    print("  CPU of a step %+7.2f us" % ((step_seconds - reference) * 1e6))


def fake_daemon(path):
    """The id of a process of its own: it must not share the interpreter with what is measured."""
    child = os.fork()
    if child == 0:
        FakeDaemon(path)
        time.sleep(3600)
        os._exit(0)
    while not os.path.exists(path):
        time.sleep(0.01)
    return child


def main():
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else _CALLS
    directory = tempfile.mkdtemp(prefix="rhumb-bench-")
    path = os.path.join(directory, "http.sock")
    child = fake_daemon(path)

    def start(address, interval):
        return rhumb.start(environment={"RHUMB_HTTP_ADDR": address, "RHUMB_SPOOL_DIR": directory}, interval_seconds=interval)

    ways = {
        "disabled (RHUMB_DISABLED=1)": rhumb.Run(),
        "as by default": start(path, 10.0),
        "every step a sample": start(path, 0.0),
        "daemon away, every step a sample": start(path + "-absent", 0.0),
    }
    try:
        print("Python %s, %s, %d calls each, load %.1f" % (platform.python_version(), platform.machine(), calls, os.getloadavg()[0]))
        iterations = iterations_of_a_millisecond()
        times, blocks = {title: [] for title in ways}, {title: [] for title in ways}
        # In turns, and the median over them: other programs of the machine then slow all alike.
        for block in range(max(1, calls // _BLOCK)):
            for title, run in ways.items():
                block_times, seconds = measure(run, block * _BLOCK + 1, _BLOCK, iterations)
                times[title] += block_times
                blocks[title].append(seconds / _BLOCK)
        cold = {title: measure_cold(run, _COLD_CALLS) for title, run in list(ways.items())[:2]}
        reference = statistics.median(blocks["disabled (RHUMB_DISABLED=1)"])
        for title, run in ways.items():
            run.finish()
            assert not run.stats.get("dropped_count"), run.stats
            show(title, times[title], statistics.median(blocks[title]), reference)
        for title, sorted_times in cold.items():
            print(
                "%-34s log, caches cold: median %5.2f us, p90 %6.2f us"
                % (title, sorted_times[_COLD_CALLS // 2] * 1e6, sorted_times[_COLD_CALLS * 9 // 10] * 1e6)
            )
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()

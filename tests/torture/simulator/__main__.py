"""One history again: `python -m tests.torture.simulator --seed N [--steps N | --only 3,17,18]`."""

import argparse
import time

from tests.torture.simulator.histories import run, shrink, steps_of, told

parser = argparse.ArgumentParser(prog="simulator")
parser.add_argument("--seed", type=int, required=True)
parser.add_argument("--seeds", type=int, default=1, help="so many, one after the other")
parser.add_argument("--steps", type=int, default=1000)
parser.add_argument("--only", default="", help="numbers of the steps that are left")
parser.add_argument("--shrink", type=float, default=60, metavar="SECONDS")
asked = parser.parse_args()
numbers = {int(number) for number in asked.only.split(",") if number}
count = max([asked.steps, *(number + 1 for number in numbers)])
begun, failed = time.monotonic(), 0
for seed in range(asked.seed, asked.seed + asked.seeds):
    steps = [step for step in steps_of(seed, count) if not numbers or step.number in numbers]
    failure = run(seed, steps)
    if failure is not None:
        failed += 1
        print(told(seed, count, shrink(seed, failure, asked.shrink), failure))
print(f"{asked.seeds} seeds of {count} steps, {failed} failed, {time.monotonic() - begun:.1f} s")

"""Run one command and write down what it cost: `python -I -S timed.py REPORT COMMAND...`

A process of its own, because Linux lets a child begin with the peak of memory of whoever started it, and
this one is small: about 10 MB, the least that can be told of any command. The report is one line: exit
code, wall seconds, user and system seconds and the peak in KiB of the command and all that it waited for.
"""

import os
import sys
import time


def main(report: str, *command: str) -> None:
    started = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - started
    code = os.waitstatus_to_exitcode(status)
    with open(report, "w") as file:
        file.write(f"{code} {wall} {usage.ru_utime} {usage.ru_stime} {usage.ru_maxrss}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

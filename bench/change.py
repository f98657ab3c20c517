"""What one new file costs while the daemon runs, in trees of different sizes: `python -m bench.change`.

For each size: files of 100 bytes, 50 in a folder, and a vault with one copy in --where and one in --second,
on another file system. When all of it is older than a minute: a whole `vaultd snapshot` with nothing new; the
daemon's start until it has looked at everything; ten times one new file, and the time from when it was quiet
(two seconds after it was written) until the daemon says that it is saved on both, and its CPU seconds for it;
and doing nothing. Beside each, `restic backup` of the same tree into --where, where restic can be had.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.peers import fetched
from vaultd.daemon.settler import QUIET
from vaultd.tree.look import GRAIN_NS

_TIMES = 10
_IN_A_FOLDER = 50
# The others open the vault with the key that this computer keeps, as the daemon does.
_ASKED = ("init", "key")
# What was written within a minute before a snapshot is read once more by the next.
_YOUNG = GRAIN_NS / 1e9 + 1
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds, CPU seconds of it and its children, and MB at its largest."""

    seconds: float
    cpu: float
    peak: int

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s ({self.cpu:.2f} s CPU, {self.peak} MB)"


def cost_of(command: list[str], work: Path, environment: dict[str, str]) -> Cost:
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=work, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in (0, 3), command
    return Cost(time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss // 1000)


def _ours(work: Path, *words: str) -> tuple[list[str], dict[str, str]]:
    command = [sys.executable, "-P", "-m", "vaultd_cli", *words]
    if words[0] in _ASKED:
        command += ["--passphrase-file", "passphrase"]
    return command, {"VAULTD_HOME": str(work / "home"), "VAULTD_LANG": "en"}


def vaultd(work: Path, *words: str) -> Cost:
    command, environment = _ours(work, *words)
    return cost_of(command, work, environment)


class Restic:
    """The same tree, saved by restic into a repository beside it."""

    def __init__(self, work: Path, program: Path) -> None:
        self._work, self._program = work, program
        self.run("init")

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "RESTIC_REPOSITORY": str(self._work / "restic"),
            "RESTIC_PASSWORD_FILE": str(self._work / "passphrase"),
            "RESTIC_CACHE_DIR": str(self._work / "restic-cache"),
        }

    def run(self, *words: str) -> Cost:
        return cost_of([str(self._program), *words], self._work, self._environment)

    def backup(self) -> Cost:
        return self.run("backup", str(self._work / "tree"))

    def ids(self) -> list[str]:
        """Of all snapshots, the oldest first."""
        listed = subprocess.run(
            [str(self._program), "snapshots", "--json"],
            env=os.environ | self._environment,
            capture_output=True,
            check=True,
        )
        found = json.loads(listed.stdout)
        return [each["id"] for each in sorted(found, key=lambda each: each["time"])]


def make(work: Path, second: Path, files: int) -> None:
    (work / "passphrase").write_text("nothing that matters here")
    (work / "passphrase").chmod(0o600)
    for number in range(files // _IN_A_FOLDER):
        folder = work / "tree" / f"{number // 100:03}" / f"{number % 100:02}"
        folder.mkdir(parents=True)
        for each in range(_IN_A_FOLDER):
            (folder / f"{each}.jpg").write_bytes(b"%099d\n" % (number * _IN_A_FOLDER + each))
    ready = time.monotonic() + _YOUNG
    vaultd(work, "init", "one", "--second", str(second / "two"), "--yes")
    vaultd(work, "key", "unlock")
    vaultd(work, "source", "add", "tree")
    print(f"{files:>9,} files: first snapshot {vaultd(work, 'snapshot')}", flush=True)
    time.sleep(max(0.0, ready - time.monotonic()))
    vaultd(work, "snapshot")


def log(work: Path) -> str:
    return (work / "home/daemon.log").read_text()


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def resident(pid: int, field: str = "VmRSS") -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) // 1000


def one_more(work: Path, pid: int, number: int) -> tuple[float, float]:
    """Seconds from quiet to saved, and CPU seconds."""
    before, used = log(work).count("Saved tree"), cpu(pid)
    (work / "tree/000/07" / f"new-{number}.jpg").write_bytes(os.urandom(2000))
    written = time.monotonic()
    while log(work).count("Saved tree") == before:
        time.sleep(0.01)
    return time.monotonic() - written - QUIET, cpu(pid) - used


def started(work: Path, files: int) -> int:
    """The process, once it watches and has looked at everything: from then on it does nothing."""
    began = time.monotonic()
    vaultd(work, "daemon", "start")
    pid = int((work / "home/daemon.lock").read_text())
    last, quiet = cpu(pid), time.monotonic()
    while "Watching" not in log(work) or time.monotonic() - quiet < 2 * QUIET:
        time.sleep(0.1)
        if cpu(pid) - last > 0.05:
            last, quiet = cpu(pid), time.monotonic()
    print(
        f"{files:>9,} files: the daemon has looked at everything after {quiet - began:.2f} s"
        f" ({last:.2f} s CPU), {resident(pid, 'VmHWM')} MB at most",
        flush=True,
    )
    return pid


def measure(files: int, where: str, second: str, idle: float, program: Path | None) -> None:
    with tempfile.TemporaryDirectory(dir=where) as folder, tempfile.TemporaryDirectory(dir=second) as other:
        work = Path(folder)
        make(work, Path(other), files)
        print(f"{files:>9,} files: nothing new, vaultd snapshot {vaultd(work, 'snapshot')}", flush=True)
        restic = None if program is None else Restic(work, program)
        if restic is not None:
            first, same = restic.backup(), restic.backup()
            print(f"{files:>9,} files: restic first {first}, nothing new {same}", flush=True)
        pid = started(work, files)
        one_more(work, pid, -1)
        times, used = zip(*(one_more(work, pid, number) for number in range(_TIMES)), strict=True)
        if restic is not None:
            print(f"{files:>9,} files: one new, restic {restic.backup()}", flush=True)
        time.sleep(1)
        before = cpu(pid)
        time.sleep(idle)
        print(
            f"{files:>9,} files: quiet to saved {min(times):.2f} s (median {statistics.median(times):.2f}), "
            f"CPU {statistics.median(used):.2f} s; doing nothing for {idle:.0f} s: "
            f"{cpu(pid) - before:.2f} s CPU; {resident(pid)} MB resident",
            flush=True,
        )
        vaultd(work, "daemon", "stop")


def peer() -> Path | None:
    try:
        return fetched.restic(Path(".cache/bench").absolute())
    except (fetched.CannotBeHad, OSError) as error:
        print(f"without restic: {error}")
        return None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--where", default="/dev/shm")
    parser.add_argument("--second", default=tempfile.gettempdir())
    parser.add_argument("--idle", type=float, default=60)
    asked = parser.parse_args()
    program = peer()
    for files in asked.files:
        measure(files, asked.where, asked.second, asked.idle, program)


if __name__ == "__main__":
    main()

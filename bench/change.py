"""What one new file costs while the daemon runs, in trees of different sizes: `python -m bench.change`.

For each size: files of 100 bytes, 50 in a folder, a vault with two copies, all in the folder of --where. Then
ten times one new file, and the time from when it was quiet (two seconds after it was written) until the
daemon says that it is saved on both; the CPU seconds of the daemon for it; a minute of doing nothing; and,
beside that, a whole `vaultd snapshot` of the same tree.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from vaultd.daemon.settler import QUIET

_TIMES = 10
_IN_A_FOLDER = 50
_TICKS = os.sysconf("SC_CLK_TCK")


def vaultd(work: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "vaultd_cli", *words, "--passphrase-file", "passphrase"]
    environment = os.environ | {"VAULTD_HOME": str(work / "home"), "VAULTD_LANG": "en"}
    return subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)


def make(work: Path, files: int) -> None:
    (work / "passphrase").write_text("nothing that matters here")
    (work / "passphrase").chmod(0o600)
    for number in range(files // _IN_A_FOLDER):
        folder = work / "tree" / f"{number // 100:03}" / f"{number % 100:02}"
        folder.mkdir(parents=True)
        for each in range(_IN_A_FOLDER):
            (folder / f"{each}.jpg").write_bytes(b"%099d\n" % (number * _IN_A_FOLDER + each))
    vaultd(work, "init", "one", "--second", "two", "--yes")
    vaultd(work, "key", "unlock")
    vaultd(work, "source", "add", "tree")
    vaultd(work, "snapshot")


def saved(work: Path) -> int:
    return (work / "home/daemon.log").read_text().count("Saved tree")


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def resident(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) // 1000


def one_more(work: Path, pid: int, number: int) -> tuple[float, float]:
    """Seconds from quiet to saved, and CPU seconds."""
    before, used = saved(work), cpu(pid)
    (work / "tree/000/07" / f"new-{number}.jpg").write_bytes(os.urandom(2000))
    written = time.monotonic()
    while saved(work) == before:
        time.sleep(0.01)
    return time.monotonic() - written - QUIET, cpu(pid) - used


def measure(files: int, where: str, idle: float) -> None:
    with tempfile.TemporaryDirectory(dir=where) as folder:
        work = Path(folder)
        make(work, files)
        began = time.monotonic()
        whole = vaultd(work, "snapshot")
        seconds = time.monotonic() - began
        assert whole.returncode in (0, 3), whole.stderr
        vaultd(work, "daemon", "start")
        pid = int((work / "home/daemon.lock").read_text())
        time.sleep(5 + files / 20_000)  # it looks at everything first
        one_more(work, pid, -1)
        times, used = zip(*(one_more(work, pid, number) for number in range(_TIMES)), strict=True)
        before = cpu(pid)
        time.sleep(idle)
        print(
            f"{files:>9,} files: quiet to saved {min(times):.2f} s (median {statistics.median(times):.2f}), "
            f"CPU {statistics.median(used):.2f} s; a whole snapshot {seconds:.2f} s; "
            f"doing nothing for {idle:.0f} s: {cpu(pid) - before:.2f} s CPU; {resident(pid)} MB resident"
        )
        vaultd(work, "daemon", "stop")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--where", default="/dev/shm")
    parser.add_argument("--idle", type=float, default=60)
    asked = parser.parse_args()
    for files in asked.files:
        measure(files, asked.where, asked.idle)


if __name__ == "__main__":
    main()

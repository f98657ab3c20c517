"""Mounts by the real program, on the real kernel."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.jobs.vaults import Computer
from tests.waiting import until

ROOT = Path(__file__).parents[2]


@dataclass
class Mounted:
    """What is seen at `path`, shown by `process`."""

    path: Path
    process: "subprocess.Popen[str]"

    def at(self, *parts: str) -> Path:
        return self.path.joinpath(*parts)

    def snapshots(self, source: str) -> list[Path]:
        """Oldest first."""
        return sorted(self.at(source, "at").iterdir(), key=lambda each: (len(each.name), each.name))

    def ends(self) -> str:
        """What it said, once it has ended well by itself."""
        _, said = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, said
        return said


def command(computer: Computer, *words: str | Path) -> tuple[list[str], dict[str, str]]:
    """How vaultd is run for this computer."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'cli'}",
        "VAULTD_HOME": str(computer.home.config),
        "VAULTD_LANG": "en",
    }
    return [sys.executable, "-P", "-m", "vaultd_cli", *map(str, words)], environment


def vaultd(computer: Computer, *words: str | Path) -> "subprocess.CompletedProcess[str]":
    line, environment = command(computer, *words)
    return subprocess.run(line, env=environment, capture_output=True, text=True, check=False, timeout=60)


@contextmanager
def mounted(computer: Computer, path: Path, *words: str, **environment: str) -> Iterator[Mounted]:
    """Until the end of the `with`, or until it is ended some other way."""
    line, known = command(computer, "mount", "--foreground", path, *words)
    process = subprocess.Popen(
        line, env=known | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    found = Mounted(path, process)
    try:
        assert until(lambda: is_mounted(path) or process.poll() is not None)
        if process.poll() is not None:
            raise AssertionError(process.communicate()[1])
        yield found
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
        # Of one that ended by itself nobody may have read what it said.
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()
        if is_mounted(path):
            subprocess.run(["fusermount3", "-u", "-z", path], check=False)


def is_mounted(path: Path) -> bool:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return any(line.split()[4] == str(path) and " fuse.vaultd " in line for line in lines)

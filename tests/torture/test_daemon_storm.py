"""A storm of changes while the daemon watches and is killed at random: in the end the newest snapshot is the
folder, and everything is as it should be in the vault.
"""

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest

from tests.daemon.at_work import is_as_the_folder
from tests.jobs.vaults import Computer, new_vault
from tests.torture.stormed import EVENTS
from tests.torture.sweep import Extent
from tests.waiting import until

HERE = Path(__file__)
STORM = HERE.parents[1] / "daemon" / "storm.py"
TOP = HERE.parents[2]
# So few events fit into the queue that most bursts overflow it.
FEW = 64


@pytest.fixture
def computer(scratch: Path) -> Computer:
    made = new_vault(scratch)
    (scratch / "source" / "a").mkdir(parents=True)
    (scratch / "source" / "a" / "file").write_bytes(b"1")
    (scratch / "outside").mkdir()
    (scratch / "outside" / "shared").write_bytes(b"shared")
    made.add(scratch / "source", "source")
    return made


@contextmanager
def storm(scratch: Path, seed: int, seconds: float) -> Iterator["subprocess.Popen[bytes]"]:
    places = [scratch / "source", scratch / "outside"]
    raging = subprocess.Popen([sys.executable, "-I", STORM, *places, str(seed), str(seconds)])
    try:
        yield raging
    finally:
        raging.kill()
        raging.wait()


class Daemon:
    """One process of it, and what it said."""

    def __init__(self, computer: Computer, events: int = 0) -> None:
        work = computer.copy.parent
        self._log = work / "log"
        self._log.unlink(missing_ok=True)
        words: list[str | Path] = [HERE.with_name("stormed.py"), work / "home", computer.key, str(events)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TOP), str(TOP / "cli")])}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *words], stdout=log, stderr=log, env=environment, cwd=TOP
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def said(self) -> str:
        return self._log.read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """As systemd does; it has five seconds."""
        self.process.terminate()
        return self.process.wait(5)

    def is_quiet(self, seconds: float) -> bool:
        """Whether nothing is said for so long, and nothing done: to save 100,000 files takes a while."""
        before, worked = self.said(), self._worked()
        time.sleep(seconds)
        return self.process.poll() is None and self.said() == before and self._worked() - worked < 0.1

    def _worked(self) -> float:
        """Seconds of the processor."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def settle(daemon: Daemon) -> None:
    """Until all that happened is saved."""
    assert until(lambda: "state Watching" in daemon.said()), daemon.said()
    assert until(lambda: daemon.is_quiet(2.5), 120), daemon.said()


def assert_all_is_well(daemon: Daemon, computer: Computer) -> None:
    assert daemon.stop() == 0, daemon.said()
    said = daemon.said()
    assert not any(word in said for word in ("failed", "Traceback", "untold")), said
    assert is_as_the_folder(computer, "source")
    report = computer.checked()
    assert report.sound, report


@pytest.mark.parametrize("events", [0, FEW], ids=["usual", "short-queue"])
def test_killed_at_random_in_a_storm(
    extent: Extent, scratch: Path, computer: Computer, rng: random.Random, events: int
) -> None:
    if events and not os.access(EVENTS, os.W_OK):
        pytest.skip(f"{EVENTS} cannot be written here: run as root")
    seconds = extent.seconds / 2 if extent.whole else 4.0
    kills, said = 0, ""
    with storm(scratch, rng.getrandbits(32), seconds) as raging:
        while raging.poll() is None:
            with Daemon(computer, events) as daemon:
                time.sleep(rng.uniform(0.4, 2.5))
                assert daemon.process.poll() is None, daemon.said()
            said += daemon.said()
            kills += 1
    assert "Traceback" not in said, said
    if events:
        # Who loses events watches everything anew.
        assert said.count("Scanning(reason=Beginning") > 0, said
    extent.note(f"storm of {seconds:.0f} s, queue of {events or 'the usual'} events: {kills} kills")
    with Daemon(computer, events) as daemon:
        settle(daemon)
        assert_all_is_well(daemon, computer)


def create(source: Path, number: int) -> None:
    """As fast as may be, in folders of a thousand."""
    for each in range(number):
        if each % 1000 == 0:
            folder = source / f"made-{each}"
            folder.mkdir()
        os.close(os.open(folder / str(each), os.O_CREAT | os.O_WRONLY))


def check_out(source: Path, number: int) -> None:
    """Two branches that share no file, back and forth."""

    def git(*words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "gc.auto=0"]
        subprocess.run(["git", *who, *words], cwd=source / "work", check=True, capture_output=True)

    (source / "work").mkdir()
    git("init", "-b", "one")
    for branch in ("one", "other"):
        if branch == "other":
            git("checkout", "--orphan", "other")
            git("rm", "-rfq", ".")
        for each in range(number // 100):
            folder = source / "work" / f"{branch}-{each % 20}"
            folder.mkdir(exist_ok=True)
            (folder / str(each)).write_text(branch * each)
        git("add", ".")
        git("commit", "-qm", branch)
    for _ in range(4):
        git("checkout", "-q", "one")
        git("checkout", "-q", "other")


def append(source: Path, number: int) -> None:
    """Every 100 ms, never quiet for long."""
    for each in range(number // 250):
        with (source / "log").open("a") as file:
            file.write(f"line {each}\n")
        time.sleep(0.1)


def move(source: Path, number: int) -> None:
    """Whole trees in, across, and out again."""
    outside = source.with_name("outside") / "tree"
    for each in range(number // 40):
        (outside / f"{each % 50}" / f"{each}").mkdir(parents=True)
    for _ in range(5):
        outside.rename(source / "in")
        (source / "in").rename(source / "a" / "across")
        (source / "a" / "across" / "1").rename(source / "a" / "one")
        (source / "a" / "one").rename(source / "a" / "across" / "1")
        (source / "a" / "across").rename(outside)
    outside.rename(source / "stays")


@pytest.mark.parametrize("act", [create, check_out, append, move])
def test_what_programs_do_at_once(
    extent: Extent, scratch: Path, computer: Computer, act: Callable[[Path, int], None]
) -> None:
    if act is check_out and shutil.which("git") is None:
        pytest.skip("no git here: apt-get install git")
    with Daemon(computer) as daemon:
        assert until(lambda: "saved" in daemon.said()), daemon.said()
        act(scratch / "source", 100_000 if extent.whole else 10_000)
        settle(daemon)
        assert_all_is_well(daemon, computer)


@pytest.mark.torture
def test_a_long_storm_costs_no_memory_and_no_descriptors(
    scratch: Path, computer: Computer, rng: random.Random, seconds: int
) -> None:
    """For TIME seconds. What it holds is compared with what it held when a tenth of that was over."""
    seen: list[tuple[int, int]] = []
    with Daemon(computer) as daemon:
        with storm(scratch, rng.getrandbits(32), seconds) as raging:
            while raging.poll() is None:
                time.sleep(seconds / 20)
                seen.append(held(daemon.process.pid))
        settle(daemon)
        files, memory = held(daemon.process.pid)
        assert files <= min(each for each, _ in seen), seen
        assert memory <= 1.2 * max(each for _, each in seen[:4]), seen
        assert_all_is_well(daemon, computer)


def held(pid: int) -> tuple[int, int]:
    """Descriptors, and resident kB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return len(os.listdir(f"/proc/{pid}/fd")), int(status.split("VmRSS:")[1].split()[0])

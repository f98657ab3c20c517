"""What whole commands cost: the time, and the memory that they take.

The figures are printed (`pytest -s`). Limits are three times what was promised for a quiet machine, since
tests run beside each other; memory has no such excuse.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.runner import environment
from tests.jobs.vaults import Computer, new_vault

MARGIN = 3
RUNS = 5
MOST_MEMORY = 250 * 1000 * 1000
MIB = 1 << 20
_MEMORY = "/dev/shm"
# A small process in between: what a child inherits of a large parent at its start counts as its own.
_MEASURE = (
    "import resource, subprocess, sys; code = subprocess.run(sys.argv[1:], stdout=2).returncode; "
    "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


@pytest.fixture
def work() -> Iterator[Path]:
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="vaultd-cost-", dir=place) as folder:
        yield Path(folder)


@pytest.fixture
def computer(work: Path) -> Computer:
    (work / "source").mkdir()
    computer = new_vault(work)
    computer.add(work / "source")
    return computer


def known(work: Path) -> dict[str, str]:
    return environment(work) | {"VAULTD_HOME": str(work / "home")}


def shortest(work: Path, *words: str) -> float:
    """Seconds of processor time of the quickest of several runs: a clock would measure the neighbours."""
    times = []
    for _ in range(RUNS):
        began = _spent()
        subprocess.run(["vaultd", *words], env=known(work), stdout=subprocess.DEVNULL, check=True)
        times.append(_spent() - began)
    return min(times)


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def memory(work: Path, *words: str) -> int:
    """The most memory that a command that succeeds had resident, in bytes."""
    program = [sys.executable, "-c", _MEASURE, "vaultd", *words]
    done = subprocess.run(program, env=known(work), capture_output=True, text=True, check=True)
    code, kib = map(int, done.stdout.split())
    assert code == 0, done.stderr
    print(f"{words[0]}: {kib / 1000:.0f} MB")
    return kib * 1024


def test_help_comes_at_once(work: Path) -> None:
    taken = shortest(work, "--help")
    print(f"--help: {taken * 1000:.0f} ms")
    assert taken < MARGIN * 0.150


def test_a_cached_vault_answers_at_once(computer: Computer, work: Path) -> None:
    (work / "source" / "file").write_bytes(b"content")
    computer.save("source")
    for words in (("ls", "latest"), ("snapshots",), ("status",)):
        taken = shortest(work, *words)
        print(f"{words[0]}: {taken * 1000:.0f} ms")
        assert taken < MARGIN * 0.300


def fill_with_many(source: Path, count: int) -> None:
    for number in range(count):
        folder = source / f"{number // 1000:03}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.txt").write_bytes(b"file number %d" % number)


def fill_with_one(source: Path, mebibytes: int) -> None:
    with (source / "film").open("wb") as file:
        for _ in range(mebibytes):
            file.write(os.urandom(MIB))


def assert_all_stays_small(work: Path, files: int) -> None:
    assert memory(work, "snapshot", "--json") < MOST_MEMORY
    assert memory(work, "snapshot", "--json") < MOST_MEMORY
    assert memory(work, "check", "--read-data") < MOST_MEMORY
    assert memory(work, "restore", "latest", "--target", str(work / "back"), "--verify") < MOST_MEMORY
    told = subprocess.run(["vaultd", "status", "--json"], env=known(work), capture_output=True, check=True)
    assert json.loads(told.stdout)["sources"][0]["counts"]["files"] == files


@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=pytest.mark.torture)])
def test_memory_does_not_follow_the_number_of_files(computer: Computer, work: Path, count: int) -> None:
    fill_with_many(work / "source", count)
    assert_all_stays_small(work, count)


@pytest.mark.parametrize("mebibytes", [300, pytest.param(2048, marks=pytest.mark.torture)])
def test_memory_does_not_follow_the_size_of_a_file(computer: Computer, work: Path, mebibytes: int) -> None:
    fill_with_one(work / "source", mebibytes)
    assert_all_stays_small(work, 1)

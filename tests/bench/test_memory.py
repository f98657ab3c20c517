"""Memory is touched before anything is measured, as much as there is to spare, and let go of."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as bench
from bench import memory, suites
from bench.measure import Command, measure
from bench.sources import Sources
from bench.tasks import Place
from tests.compare_trees import allocated

MIB = 1 << 20
GIB = 1 << 30


def test_every_page_is_touched_by_a_process_that_lets_go_of_it() -> None:
    touch = Path(memory.__file__).with_name("touch.py")
    cost = measure(Command((sys.executable, "-I", "-S", str(touch), str(100 * MIB + 1))))
    assert 100 * MIB < cost.peak < 160 * MIB


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes were touched, each time."""
    lengths: list[int] = []

    def run(words: list[Any], **_: object) -> subprocess.CompletedProcess[bytes]:
        lengths.append(int(words[-1]))
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.setattr(subprocess, "run", run)
    return lengths


def test_what_others_may_need_is_left(touched: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 5 * GIB)
    assert memory.touch(1 * GIB).startswith("1.0 GiB of memory")
    assert memory.touch(4 * GIB).startswith("3.0 GiB of memory")
    monkeypatch.setattr(memory, "available", lambda: 1 * GIB)
    memory.touch(1 * GIB)
    assert touched == [1 * GIB, 3 * GIB, 0]


def test_a_machine_says_what_it_has() -> None:
    assert memory.available() > 0


def test_a_round_needs_what_each_stores_and_one_restores(tmp_path: Path) -> None:
    for name, count in (("one", 3), ("two", 1)):
        (tmp_path / name).mkdir()
        for number in range(count):
            (tmp_path / name / str(number)).write_bytes(b"x" * 10_000)
    needed = memory.needed([tmp_path / "one", tmp_path / "two"], 4)
    assert needed - 1 * GIB >= 5 * sum(map(allocated, (tmp_path / "one").iterdir()))
    assert needed - 1 * GIB < 10 * 3 * 10_000


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Runs of nothing: when memory is touched, and when a round is played."""
    happened: list[str] = []
    work = tmp_path / "work"
    work.mkdir()

    def touch(wanted: int) -> str:
        happened.append(f"touch {wanted // MIB}")
        return "touched"

    monkeypatch.setattr(memory, "touch", touch)
    monkeypatch.setattr(bench, "_play", lambda _, task, *rest: happened.append(f"play {task.place.name}"))
    monkeypatch.setattr(bench, "_end", lambda *_: None)
    monkeypatch.setattr(bench, "_CORPORA", tmp_path / "corpora")
    monkeypatch.setattr(bench, "Sources", lambda cache: Sources(cache, age=0))
    monkeypatch.setattr(suites, "places", lambda names: {name: Place(name, work) for name in names})
    monkeypatch.setattr(suites, "QUICK", suites.Limits(0.001, 1, ("memory",)))
    return happened


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--peers", "vaultd", *words])
    bench.main()


def test_memory_is_touched_before_the_first_command(
    events: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "--quick", "--only", "small/first")
    assert events[:2] == ["touch 1024", "play memory"]
    assert sum(event.startswith("touch") for event in events) == 1
    assert capsys.readouterr().err == "touched\n"


def test_so_it_is_for_a_part_of_the_large_run(events: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, "--scale", "0.001", "--only", "blobs/*")
    assert events == ["touch 5", "play memory"]


def test_a_disk_needs_no_memory_touched(events: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, "--quick", "--only", "small/first", "--where", "disk")
    assert set(events) == {"play disk"}


class Unhurried(Sources):
    """Leaves every tree alone for a minute, without anybody waiting for it."""

    def wait(self, _task: object) -> float:
        return 61


def test_no_round_begins_that_would_have_to_wait_for_its_files_until_the_end(
    events: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "Sources", lambda cache: Unhurried(cache, age=0))
    run(monkeypatch, "--quick", "--only", "small/first")
    assert events.count("play memory") == 1

"""The order of writes, read off a trace: what a power cut needs and no kill can show (row 2)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.torture.strace import Call, needs_strace, record
from tests.torture.vault import Scene, make_reference, scratch_folder

pytestmark = needs_strace
# renameat2(5</copy/packs/1f>, "tmp", 5</copy/packs/1f>, "final", ...) = 0
_RENAME = re.compile(r'\d+<(.*?)>, "([^"]*)"\.*, \d+<(.*?)>, "([^"]*)"')
_FILE = re.compile(r"\d+<(.*?)>")


@pytest.fixture(scope="module")
def calls() -> Iterator[tuple[Scene, list[Call]]]:
    with scratch_folder() as folder:
        scene = make_reference(folder / "scene")
        (scene.source / "one more").write_bytes(b"one more " * 300)
        yield scene, list(record(scene, ("snapshot",)))


def renames(calls: list[Call], copy: Path) -> list[tuple[int, str, str]]:
    """Where in the trace a file of the copy got its name; its temporary path, and its folder."""
    found = []
    for number, call in enumerate(calls):
        match = _RENAME.match(call.line) if call.name.startswith("rename") else None
        if match and match[1].startswith(str(copy)):
            found.append((number, f"{match[1]}/{match[2]}", match[3]))
    return found


def synced(calls: list[Call], start: int, end: int, folder: str) -> bool:
    """Whether an fsync of exactly this folder stands between two places of the trace."""
    return any(
        call.name == "fsync" and (match := _FILE.match(call.line)) and match[1] == folder
        for call in calls[start:end]
    )


def test_every_file_is_flushed_before_it_gets_its_name(calls: tuple[Scene, list[Call]]) -> None:
    scene, trace = calls
    found = renames(trace, scene.copy)
    assert len(found) == 3, "two packs and a record"
    for number, temporary, _ in found:
        assert any(
            call.name == "fsync" and (match := _FILE.match(call.line)) and match[1].startswith(temporary)
            for call in trace[:number]
        ), temporary


def test_every_name_is_flushed_before_the_next_step(calls: tuple[Scene, list[Call]]) -> None:
    scene, trace = calls
    found = renames(trace, scene.copy)
    ends = [number for number, _, _ in found[1:]] + [len(trace)]
    for (number, _, folder), end in zip(found, ends, strict=True):
        assert synced(trace, number, end, folder), folder


def test_a_new_folder_is_flushed_into_the_one_above(calls: tuple[Scene, list[Call]]) -> None:
    scene, trace = calls
    made = [
        n
        for n, c in enumerate(trace)
        if c.name == "mkdirat" and str(scene.copy) in c.line and "= 0" in c.line
    ]
    assert made
    for number in made:
        match = _FILE.match(trace[number].line)
        assert match
        after = next(n for n, _, _ in renames(trace, scene.copy) if n > number)
        assert synced(trace, number, after, match[1]), match[1]


def test_the_record_comes_after_everything_that_it_names(calls: tuple[Scene, list[Call]]) -> None:
    scene, trace = calls
    folders = [Path(folder).relative_to(scene.copy).parts[0] for _, _, folder in renames(trace, scene.copy)]
    assert folders == ["packs", "packs", "log"]


def test_nothing_is_ever_written_into_a_file_that_has_its_name(calls: tuple[Scene, list[Call]]) -> None:
    scene, trace = calls
    written = [
        match[1]
        for call in trace
        if call.name in ("write", "pwrite64", "ftruncate")
        and (match := _FILE.match(call.line))
        and match[1].startswith(str(scene.copy))
    ]
    assert len(written) == 3
    assert all(path.endswith(".tmp") for path in written)

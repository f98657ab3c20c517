"""What was saved comes back as it was, and what stands in the target is safe."""

import os
import stat
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.compare_trees import allocated, differences
from tests.fakes import KEYS, FakeSink
from tests.jobs.restores import give_back, plan, root_of
from tests.tree.sources import Watched
from tests.tree.trees import build, file, folder
from vaultd.errors import NoSuchPath, NotAFolder, TargetTooSmall
from vaultd.format.entry import FOLDER, Entry
from vaultd.jobs.existing import Overwrite
from vaultd.jobs.restore import restore
from vaultd.progress import Silent
from vaultd.tree.attic import update_attic

KIB, MIB = 1 << 10, 1 << 20


def fill_with_everything(top: Path) -> None:
    (top / "empty folder").mkdir(parents=True)
    (top / "deep" / "er").mkdir(parents=True)
    (top / "deep" / "er" / "文件.txt").write_text("内容")
    (top / "large").write_bytes(os.urandom(9 * MIB + 17))
    (top / "none").write_bytes(b"")
    (top / "zeros").write_bytes(bytes(3 * MIB))
    every = bytes(n for n in range(1, 256) if n != ord("/"))
    for start in range(0, len(every), 200):
        Path(os.fsdecode(os.fsencode(top) + b"/" + every[start : start + 200])).write_bytes(b"x")
    (top / "link").symlink_to("/nowhere/at all")
    (top / "one name").write_bytes(b"linked")
    os.link(top / "one name", top / "deep" / "other name")
    os.mkfifo(top / "fifo", 0o640)
    with (top / "sparse").open("wb") as sparse:
        sparse.truncate(40 * MIB)
        sparse.seek(20 * MIB + 5)
        sparse.write(b"island")
    (top / "read only").write_bytes(b"r")
    os.setxattr(top / "read only", "user.colour", b"blue")
    os.setxattr(top / "read only", "user.long", b"l" * 3000)
    (top / "read only").chmod(0o400)
    (top / "deep").chmod(0o555)
    for number, path in enumerate(sorted(top.rglob("*"), reverse=True)):
        os.utime(path, ns=(0, -(10**18) + number * 1_000_000_007), follow_symlinks=False)
    os.utime(top, ns=(0, 12345))


@pytest.fixture
def source(tmp_path: Path) -> Watched:
    (tmp_path / "source").mkdir()
    return Watched(tmp_path / "source")


def test_everything_comes_back(source: Watched, tmp_path: Path) -> None:
    fill_with_everything(source.path)
    if os.geteuid() == 0:
        os.chown(source.path / "large", 12345, 54321)
    restored = give_back(source.sink, source.scan().root, tmp_path / "back", verify=True)
    assert differences(source.path, tmp_path / "back", root=True) == []
    assert allocated(tmp_path / "back" / "sparse") < MIB
    assert allocated(tmp_path / "back" / "zeros") >= 3 * MIB
    assert restored.complete
    assert restored.troubles.notes == []
    assert restored.verified == restored.tally.files - 1  # two names are one file


def test_a_second_restore_finds_everything_done(source: Watched, tmp_path: Path) -> None:
    fill_with_everything(source.path)
    root = source.scan().root
    give_back(source.sink, root, tmp_path / "back")
    before = {path: path.lstat().st_ino for path in (tmp_path / "back").rglob("*")}
    assert plan(source.sink, root, tmp_path / "back").needed == 0
    restored = give_back(source.sink, root, tmp_path / "back")
    assert restored.tally.files == restored.tally.others == 0
    assert restored.complete
    assert before == {path: path.lstat().st_ino for path in (tmp_path / "back").rglob("*")}
    assert differences(source.path, tmp_path / "back") == []


def test_hard_links_are_joined_again_after_an_interruption(source: Watched, tmp_path: Path) -> None:
    (source.path / "a").write_bytes(b"linked")
    os.link(source.path / "a", source.path / "b")
    root = source.scan().root
    give_back(source.sink, root, tmp_path / "back")
    (tmp_path / "back" / "b").unlink()
    give_back(source.sink, root, tmp_path / "back")
    assert (tmp_path / "back" / "a").stat().st_ino == (tmp_path / "back" / "b").stat().st_ino


class Counted(Silent):
    """What is told to the line of progress."""

    def __init__(self) -> None:
        self.all: dict[str, int | None] = {}
        self.done = {"files": 0, "bytes": 0}

    def total(self, *, files: int | None = None, bytes: int | None = None) -> None:  # noqa: A002
        self.all = {"files": files, "bytes": bytes}

    def add(self, *, files: int = 0, bytes: int = 0, stored: int = 0) -> None:  # noqa: A002
        self.done["files"] += files
        self.done["bytes"] += bytes


@pytest.mark.parametrize("there", [[], ["a"], ["b"], ["a", "c"]])
def test_the_progress_ends_where_it_said_it_would(tmp_path: Path, there: list[str]) -> None:
    """Names of a file that is there, or was just written, bring no bytes."""
    sink = FakeSink()
    linked = [file(sink, name, b"linked", hard=bytes(16)) for name in (b"a", b"b", b"c")]
    root = root_of(sink, [*linked, file(sink, b"d", b"alone")])
    give_back(sink, root, tmp_path / "back")
    for path in [*(tmp_path / "back").iterdir()]:
        if path.name not in there:
            path.unlink()
    progress = Counted()
    restore(plan(sink, root, tmp_path / "back"), KEYS, progress, lambda: False)
    assert progress.done == progress.all
    assert progress.done["files"] == 4 - len(there)


def test_links_are_not_made_to_a_file_that_only_looks_the_same(source: Watched, tmp_path: Path) -> None:
    (source.path / "a").write_bytes(b"linked")
    os.link(source.path / "a", source.path / "b")
    root = source.scan().root
    give_back(source.sink, root, tmp_path / "back")
    (tmp_path / "back" / "b").unlink()
    times = (tmp_path / "back" / "a").stat()
    (tmp_path / "back" / "a").write_bytes(b"LINKED")
    os.utime(tmp_path / "back" / "a", ns=(0, times.st_mtime_ns))
    give_back(source.sink, root, tmp_path / "back")
    assert (tmp_path / "back" / "b").read_bytes() == b"linked"
    assert (tmp_path / "back" / "a").read_bytes() == b"LINKED"


def test_a_path_comes_back_under_its_last_name(tmp_path: Path) -> None:
    sink = FakeSink()
    root = build(sink, {b"a": {b"b": {b"c": b"1", b"d": {b"e": b"2"}}}, b"x": b"3"})
    give_back(sink, root, tmp_path / "one", b"a/b")
    assert (tmp_path / "one" / "b" / "d" / "e").read_bytes() == b"2"
    give_back(sink, root, tmp_path / "two", b"/a/b/c/")
    assert os.listdir(tmp_path / "two") == ["c"]
    with pytest.raises(NoSuchPath):
        plan(sink, root, tmp_path / "three", b"a/nothing")
    with pytest.raises(NotAFolder):
        plan(sink, root, tmp_path / "no" / "such" / "parent")
    assert not (tmp_path / "three").exists()


@pytest.mark.parametrize(
    ("overwrite", "same", "other"),
    [
        (Overwrite.NEVER, "already", "left"),
        (Overwrite.IF_CHANGED, "already", "replaced"),
        (Overwrite.ALWAYS, "replaced", "replaced"),
    ],
)
def test_what_is_there_already(tmp_path: Path, overwrite: Overwrite, same: str, other: str) -> None:
    sink = FakeSink()
    root = build(sink, {b"other": b"vault", b"same": b"vault"}, mtime=5)
    back = tmp_path / "back"
    back.mkdir()
    for name in ("same", "other"):
        (back / name).write_bytes(b"thing")
        os.utime(back / name, ns=(5, 5 if name == "same" else 6))
    planned = plan(sink, root, back, overwrite=overwrite)
    restored = give_back(sink, root, back, overwrite=overwrite)
    for name, expected in (("same", same), ("other", other)):
        assert (back / name).read_bytes() == (b"vault" if expected == "replaced" else b"thing")
    assert restored.left_alone == ([b"other"] if other == "left" else [])
    assert restored.tally.already == (same == "already")
    assert (planned.tally.files, planned.tally.already, planned.tally.left_alone) == (
        restored.tally.files,
        restored.tally.already,
        restored.tally.left_alone,
    )


def test_a_folder_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    sink = FakeSink()
    (tmp_path / "back" / "a").mkdir(parents=True)
    restored = give_back(sink, build(sink, {b"a": b"1"}), tmp_path / "back", overwrite=Overwrite.ALWAYS)
    assert (tmp_path / "back" / "a").is_dir()
    assert restored.left_alone == [b"a"]


def test_a_link_where_a_folder_must_be_is_not_followed(tmp_path: Path) -> None:
    sink = FakeSink()
    root = build(sink, {b"a": {b"b": b"1"}, b"c": b"2"})
    (tmp_path / "outside").mkdir()
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / "a").symlink_to(tmp_path / "outside")
    restored = give_back(sink, root, tmp_path / "back", overwrite=Overwrite.IF_CHANGED)
    assert os.listdir(tmp_path / "outside") == []
    assert restored.left_alone == [b"a"]
    assert (tmp_path / "back" / "c").read_bytes() == b"2"
    give_back(sink, root, tmp_path / "back", overwrite=Overwrite.ALWAYS)
    assert os.listdir(tmp_path / "outside") == []
    assert (tmp_path / "back" / "a" / "b").read_bytes() == b"1"
    assert not (tmp_path / "back" / "a").is_symlink()


def test_an_attribute_of_somebody_elses_folder_stays(tmp_path: Path) -> None:
    sink = FakeSink()
    back = tmp_path / "back"
    back.mkdir(mode=0o700)
    (back / "mine").write_bytes(b"")
    give_back(sink, build(sink, {b"a": b"1"}), back)
    assert stat.S_IMODE(back.stat().st_mode) == 0o700


def test_include_and_exclude(tmp_path: Path) -> None:
    sink = FakeSink()
    tree = {b"2024": {b"a.jpg": b"1", b"a.txt": b"2", b"raw": {b"b.jpg": b"3"}}, b"empty": {}, b"c.jpg": b"4"}
    give_back(sink, build(sink, tree), tmp_path / "back", include=["*.jpg"], exclude=["raw/"])
    found = sorted(str(path.relative_to(tmp_path / "back")) for path in (tmp_path / "back").rglob("*"))
    assert found == ["2024", "2024/a.jpg", "c.jpg"]
    give_back(sink, build(sink, tree), tmp_path / "folder", include=["/2024/raw"])
    found = sorted(str(path.relative_to(tmp_path / "folder")) for path in (tmp_path / "folder").rglob("*"))
    assert found == ["2024", "2024/raw", "2024/raw/b.jpg"]


def test_too_small_is_told_before_anything_is_written(tmp_path: Path) -> None:
    sink = FakeSink()
    size = (os.statvfs(tmp_path).f_blocks + 1) * os.statvfs(tmp_path).f_frsize
    huge = Entry(b"huge", 1, 0o600, 0, 0, 1, size, ((bytes(32), size),), {})
    root = Entry(b"", FOLDER, 0o755, 0, 0, 1, 0, folder(sink, [huge]), {})
    with pytest.raises(TargetTooSmall) as told:
        plan(sink, root, tmp_path / "back")
    assert told.value.needed >= size > told.value.free
    assert not (tmp_path / "back").exists()


def test_deleted_gives_the_last_version_back(tmp_path: Path) -> None:
    sink = FakeSink()
    states = [
        {b"d": {b"a": b"old", b"b": b"stays"}, b"gone": {b"x": b"1"}},
        {b"d": {b"b": b"stays"}, b"gone": {b"x": b"2"}},
        {b"d": {b"a": b"new", b"b": b"stays"}},
        {b"d": {b"b": b"stays"}},
    ]
    roots = [build(sink, state) for state in states]
    attic = None
    for now, (before, root) in enumerate(pairwise(roots)):
        attic = update_attic(sink, KEYS, [(before, attic)], root, now)
    give_back(sink, roots[-1], tmp_path / "back", attic=attic, deleted=True)
    assert (tmp_path / "back" / "d" / "a").read_bytes() == b"new"
    assert os.listdir(tmp_path / "back" / "d") == ["a"]
    assert (tmp_path / "back" / "gone" / "x").read_bytes() == b"2"
    give_back(sink, roots[-1], tmp_path / "part", b"gone", attic=attic, deleted=True)
    assert (tmp_path / "part" / "gone" / "x").read_bytes() == b"2"


def test_dry_run_is_planning(tmp_path: Path) -> None:
    sink = FakeSink()
    planned = plan(sink, build(sink, {b"a": {b"b": b"12345"}, b"l": "x"}), tmp_path / "back")
    tally = planned.tally
    assert (tally.folders, tally.files, tally.others, tally.bytes) == (1, 1, 1, 5)
    assert not (tmp_path / "back").exists()


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A target that is gone afterwards, however the test ends: pytest would recurse."""
    yield tmp_path / "back"
    subprocess.run(["rm", "-rf", tmp_path / "back"], check=True)


def test_ten_thousand_folders_deep(deep: Path) -> None:
    sink = FakeSink()
    entry = build(sink, {b"f": b"deepest"})
    for _ in range(10_000):
        entry = build(sink, {b"d": Entry(b"d", FOLDER, 0o755, 0, 0, 1, 0, entry.content, {})})
    restored = give_back(sink, entry, deep)
    assert restored.complete
    assert (restored.tally.folders, restored.tally.files) == (10_000, 1)
    fd = os.open(deep, os.O_RDONLY)
    for _ in range(10_000):
        assert os.stat("d", dir_fd=fd).st_mtime_ns == 1
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    assert os.listdir(fd) == ["f"]
    os.close(fd)

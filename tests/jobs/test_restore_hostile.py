"""A restore stays inside its target and gives all that can be had, whatever the vault says and whoever
interferes.
"""

import multiprocessing
import os
import shutil
import stat
import time
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes import KEYS, FakeSink
from tests.jobs.restores import give_back, names, plan, root_of
from tests.tree.trees import build, file, folder
from vaultd.format.entry import FOLDER, LINK, Entry
from vaultd.jobs.existing import Overwrite
from vaultd.jobs.restore import restore
from vaultd.progress import Silent
from vaultd.tree.view import View

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

# A child that is a copy of this process, and so has the sink in its memory.
_fork = multiprocessing.get_context("fork")


# Seconds for which the link stands, and the folder: about what one of these restores takes.
_STANDS = 0.002


def chunk_of(entry: Entry, number: int) -> bytes:
    assert isinstance(entry.content, tuple)
    return entry.content[number][0]


def swap(place: Path, outside: Path, swaps: "Synchronized[int]", done: Event) -> None:
    """Until it is done, put a link to the outside where a folder of the target was; count the links."""
    away = place.parent.parent / "away"
    while not done.is_set():
        try:
            os.rename(place, away)
            os.symlink(outside, place)
            swaps.value += 1
            time.sleep(_STANDS)
            os.unlink(place)
            os.rename(away, place)
            time.sleep(_STANDS)
        except OSError:  # the restore was there first, and has made the folder again
            shutil.rmtree(away, ignore_errors=True)


def test_nothing_goes_through_a_link_that_somebody_swaps_in(tmp_path: Path) -> None:
    sink = FakeSink()
    root = build(sink, {b"d": {b"e": {b"%d" % n: b"payload" for n in range(20)}, b"l": "x"}})
    outside = tmp_path / "outside"
    (outside / "e").mkdir(parents=True)
    for path in (outside, outside / "e"):
        os.utime(path, ns=(1, 1))
    give_back(sink, root, tmp_path / "back")
    swaps, done = _fork.Value("q", 0), _fork.Event()
    racer = _fork.Process(target=swap, args=(tmp_path / "back" / "d", outside, swaps, done))
    racer.start()
    runs = 0
    try:
        # However fast either is: so many restores, and so many links in their way.
        while runs < 100 or swaps.value < 100:
            assert racer.is_alive()
            give_back(sink, root, tmp_path / "back", overwrite=Overwrite.ALWAYS)
            runs += 1
    finally:
        done.set()
        racer.join()
    assert racer.exitcode == 0
    assert give_back(sink, root, tmp_path / "back", overwrite=Overwrite.ALWAYS).complete
    assert len(names(tmp_path / "back" / "d" / "e")) == 20
    assert names(outside) == ["e"]
    assert {path.stat().st_mtime_ns for path in (outside, outside / "e")} == {1}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (outside, outside / "e")} == {0o755}


def test_a_link_of_the_vault_and_a_folder_of_the_same_name_stay_apart(tmp_path: Path) -> None:
    """No page may hold both, but a page and the attic can: the link is restored first, then what was
    below.
    """
    sink = FakeSink()
    (tmp_path / "outside").mkdir()
    target = os.fsencode(tmp_path / "outside")
    link = Entry(b"d", LINK, 0o777, 0, 0, 1, len(target), None, {"link": target, "missed": 2})
    inner = build(sink, {b"f": b"1"})
    gone = Entry(b"d", FOLDER, 0o755, 0, 0, 1, 0, inner.content, {"missed": 1})
    entries = sorted([link, gone], key=lambda entry: entry.kind != FOLDER)
    try:
        attic = folder(sink, entries, attic=True)
    except Exception:  # noqa: BLE001 - the other order is the right one
        attic = folder(sink, entries[::-1], attic=True)
    restored = give_back(sink, build(sink, {}), tmp_path / "back", attic=attic, deleted=True)
    assert names(tmp_path / "outside") == []
    assert (tmp_path / "back" / "d").is_symlink()
    assert (tmp_path / "back" / "d~2" / "f").read_bytes() == b"1"
    assert restored.renamed[0].name == b"d~2"


def test_a_hard_link_is_never_made_to_what_was_swapped_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = FakeSink()
    (tmp_path / "secret").write_bytes(b"secret")
    entries = [file(sink, name, b"data", hard=bytes(16)) for name in (b"a", b"b")]

    def stop() -> bool:
        first = tmp_path / "back" / "a"
        if first.exists():
            first.unlink()
            os.link(tmp_path / "secret", first)
        return False

    restore(plan(sink, root_of(sink, entries), tmp_path / "back"), KEYS, Silent(), stop)
    assert (tmp_path / "back" / "b").read_bytes() == b"data"
    assert (tmp_path / "secret").stat().st_nlink == 2


def test_names_that_say_they_are_one_file_and_differ_are_two(tmp_path: Path) -> None:
    sink = FakeSink()
    entries = [file(sink, b"a", b"one", hard=bytes(16)), file(sink, b"b", b"two", hard=bytes(16))]
    give_back(sink, root_of(sink, entries), tmp_path / "back")
    assert (tmp_path / "back" / "a").read_bytes() == b"one"
    assert (tmp_path / "back" / "b").read_bytes() == b"two"


def test_a_file_that_claims_more_than_there_is(tmp_path: Path) -> None:
    sink = FakeSink()
    entries = [
        file(sink, b"a", b"1", size=1 << 62, sparse=((0, 1),)),
        file(sink, b"b", b"fine"),
        Entry(b"c", 1, 0o600, 0, 0, 1, 1 << 40, file(sink, b"", b"x" * 400).content, {}),
    ]
    restored = give_back(sink, root_of(sink, entries), tmp_path / "back")
    assert (tmp_path / "back" / "b").read_bytes() == b"fine"
    assert names(tmp_path / "back") == ["b", "c.vaultd-damaged"]
    assert {trouble.path for trouble in restored.troubles.kept} == {b"a", b"c"}


def test_a_damaged_vault_gives_all_that_can_be_had(tmp_path: Path) -> None:
    sink = FakeSink()
    good, lost = file(sink, b"good", b"good"), file(sink, b"lost", b"lost")
    torn = file(sink, b"torn", b"1234torn5678tail", cut=4)
    inner = build(sink, {b"x": b"1"})
    root = root_of(sink, [Entry(b"folder", FOLDER, 0o755, 0, 0, 1, 0, inner.content, {}), good, lost, torn])
    for blob_id in (chunk_of(torn, 1), chunk_of(torn, 3), chunk_of(lost, 0), inner.content):
        del sink.blobs[blob_id]  # type: ignore[arg-type]
    restored = give_back(sink, root, tmp_path / "back")
    assert names(tmp_path / "back") == ["folder", "good", "torn.vaultd-damaged"]
    assert (tmp_path / "back" / "torn.vaultd-damaged").read_bytes() == b"1234\0\0\0\0" + b"5678\0\0\0\0"
    assert {trouble.path for trouble in restored.troubles.kept} == {b"folder", b"lost", b"torn"}
    assert restored.damage
    again = give_back(sink, root, tmp_path / "back")
    assert names(tmp_path / "back") == ["folder", "good", "torn.vaultd-damaged"]
    assert again.damage


@pytest.mark.parametrize("overwrite", Overwrite)
def test_part_of_a_file_takes_the_place_of_nothing(tmp_path: Path, overwrite: Overwrite) -> None:
    """What stands under such a name may be more of the file than the vault has by now."""
    sink = FakeSink()
    torn = file(sink, b"torn", b"1234torn", cut=4)
    del sink.blobs[chunk_of(torn, 1)]
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / "torn.vaultd-damaged").write_bytes(b"salvaged")
    give_back(sink, root_of(sink, [torn]), tmp_path / "back", overwrite=overwrite)
    assert (tmp_path / "back" / "torn.vaultd-damaged").read_bytes() == b"salvaged"
    assert (tmp_path / "back" / "torn~2.vaultd-damaged").read_bytes() == b"1234\0\0\0\0"


def test_names_that_the_target_cannot_tell_apart(tmp_path: Path) -> None:
    """A target that folds case says that `a` is taken once `A` was written."""
    sink = FakeSink()
    root = build(sink, {b"A": b"upper", b"a": b"lower"})

    def stop() -> bool:
        if (tmp_path / "back" / "A").exists() and not (tmp_path / "back" / "a").exists():
            os.link(tmp_path / "back" / "A", tmp_path / "back" / "a")
        return False

    restored = restore(plan(sink, root, tmp_path / "back"), KEYS, Silent(), stop)
    assert (tmp_path / "back" / "A").read_bytes() == b"upper"
    assert (tmp_path / "back" / "a~2").read_bytes() == b"lower"
    assert [(each.path, each.name) for each in restored.renamed] == [(b"a", b"a~2")]


def test_the_view_is_asked_for_each_chunk_once(tmp_path: Path) -> None:
    sink = FakeSink()
    root = root_of(sink, [file(sink, b"a", bytes(range(200)), cut=1)])
    View(sink, root)
    planned = plan(sink, root, tmp_path / "back")
    sink.reads.clear()
    restore(planned, KEYS, Silent(), lambda: False)
    assert max(sink.reads.count(each) for each in set(sink.reads)) == 1

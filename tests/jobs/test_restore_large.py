"""Large files are filled by several threads, and restored as if they were filled one after another."""

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.compare_trees import differences
from tests.fakes import KEYS, FakeSink
from tests.jobs.restores import give_back, names, plan, root_of
from tests.tree.trees import file
from vaultd.errors import Unreachable
from vaultd.format.entry import Entry
from vaultd.jobs.drafts import Draft, new_draft
from vaultd.jobs.restore import restore
from vaultd.progress import Silent
from vaultd.store.contract import Buffer, Room

SIZE, CUT = 600_000, 100_000
# A child that is a copy of this process, and so has the sink in its memory.
_fork = multiprocessing.get_context("fork")


class Watched(FakeSink):
    """Calls `at` before each chunk that comes to lie in a thread's room."""

    at: Callable[[bytes], None] = staticmethod(lambda _: None)

    def read_into(self, blob_id: bytes, blob_type: int, room: Room) -> Buffer:
        self.at(blob_id)
        return self.read(blob_id, blob_type)


def large(sink: FakeSink, name: bytes) -> Entry:
    data = b"".join(b"%-10d" % number for number in range(SIZE // 10 - 1)) + name.ljust(10)
    return file(sink, name, data[-10:] + data[:-10], cut=CUT)


def first_chunk(entry: Entry) -> bytes:
    assert isinstance(entry.content, tuple)
    return entry.content[0][0]


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The names that are given, in order."""
    given: list[bytes] = []
    keep = Draft.keep

    def noted(draft: Draft, name: bytes, *, replace: bool) -> bool:
        given.append(name)
        return keep(draft, name, replace=replace)

    monkeypatch.setattr(Draft, "keep", noted)
    return given


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor fills one file at a time")
def test_files_are_filled_at_once_and_named_in_order(tmp_path: Path, kept: list[bytes]) -> None:
    sink = Watched()
    entries = [large(sink, b"a"), file(sink, b"b", b"small"), large(sink, b"c")]
    later = threading.Event()

    def at(blob_id: bytes) -> None:
        if blob_id == first_chunk(entries[0]):
            assert later.wait(30)  # the first file waits for the last to be under way
        elif blob_id == first_chunk(entries[2]):
            later.set()

    sink.at = at
    restored = give_back(sink, root_of(sink, entries), tmp_path / "back")
    assert restored.complete
    assert kept == [b"a", b"b", b"c"]
    assert (restored.tally.files, restored.tally.bytes) == (3, 2 * SIZE + 5)
    for entry in entries:
        assert (tmp_path / "back" / entry.name.decode()).stat().st_size == entry.size
    assert (tmp_path / "back" / "c").read_bytes()[:10] == b"c".ljust(10)


def test_few_are_under_way_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = FakeSink()
    root = root_of(sink, [large(sink, b"%02d" % number) for number in range(30)])
    most = 0

    def counted(*given: object) -> Draft:
        nonlocal most
        most = max(most, sum(".tmp" in name for name in names(tmp_path / "back")) + 1)
        return new_draft(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("vaultd.jobs.placing.new_draft", counted)
    assert give_back(sink, root, tmp_path / "back").tally.files == 30
    assert 1 < most <= 10


@pytest.mark.parametrize("after", [3, 20, 61])
def test_asked_to_stop_it_leaves_whole_files_only(tmp_path: Path, after: int) -> None:
    sink, before = FakeSink(), set(threading.enumerate())
    root = root_of(sink, [large(sink, b"%02d" % number) for number in range(20)])
    asked = iter([False] * after)
    with pytest.raises(KeyboardInterrupt):
        restore(plan(sink, root, tmp_path / "back"), KEYS, Silent(), lambda: next(asked, True))
    for name in names(tmp_path / "back"):
        assert (tmp_path / "back" / name).read_bytes()[:10] == name.encode().ljust(10)
    assert not [name for name in names(tmp_path / "back") if ".tmp" in name]
    again = give_back(sink, root, tmp_path / "back")
    assert again.tally.files + again.tally.already == 20
    assert set(threading.enumerate()) <= before


def test_a_vault_that_goes_away_ends_it_and_nothing_is_left(tmp_path: Path) -> None:
    sink = Watched()
    entries = [large(sink, b"a"), large(sink, b"b"), large(sink, b"c")]

    def at(blob_id: bytes) -> None:
        if blob_id == first_chunk(entries[1]):
            raise Unreachable("copy", "EIO")

    sink.at = at
    with pytest.raises(Unreachable):
        give_back(sink, root_of(sink, entries), tmp_path / "back")
    assert names(tmp_path / "back") == ["a"]


def test_what_is_lost_of_one_is_a_hole_and_the_others_are_whole(tmp_path: Path) -> None:
    sink = FakeSink()
    entries = [large(sink, b"a"), large(sink, b"b"), large(sink, b"c")]
    del sink.blobs[first_chunk(entries[1])]
    restored = give_back(sink, root_of(sink, entries), tmp_path / "back")
    assert names(tmp_path / "back") == ["a", "b.vaultd-damaged", "c"]
    assert (tmp_path / "back" / "b.vaultd-damaged").stat().st_size == SIZE
    assert restored.damage
    assert restored.troubles.count == 1


def test_a_file_of_many_parts_comes_back_whole(tmp_path: Path) -> None:
    sink = FakeSink()
    data = b"".join(b"%-100d" % number for number in range(5000))
    entry = file(sink, b"video", data, cut=1000)
    assert give_back(sink, root_of(sink, [entry]), tmp_path / "back").complete
    assert (tmp_path / "back" / "video").read_bytes() == data


def test_what_is_there_already_is_left_alone(tmp_path: Path, kept: list[bytes]) -> None:
    sink = FakeSink()
    entries = [large(sink, b"a"), large(sink, b"b")]
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / "b").write_bytes(b"newer")
    restored = give_back(sink, root_of(sink, entries), tmp_path / "back")
    assert (tmp_path / "back" / "b").read_bytes() == b"newer"
    assert kept == [b"a"]
    assert restored.left_alone == [b"b"]


def restore_and_die(sink: FakeSink, root: Entry, back: Path, steps: int) -> None:
    """Restore, and be gone at the step of that number, whichever thread takes it and whatever others do."""
    left = iter(range(steps))

    def stop() -> bool:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return False

    restore(plan(sink, root, back), KEYS, Silent(), stop)


def test_killed_while_threads_fill_it_leaves_whole_files_and_goes_on(
    tmp_path: Path, rng: random.Random
) -> None:
    sink = Watched()
    entries = [large(sink, b"%02d" % number) for number in range(10)]
    entries += [file(sink, b"%02d.txt" % number, b"small" * number) for number in range(10)]
    entries.append(file(sink, b"video", rng.randbytes(4_000_000), cut=CUT))
    root = root_of(sink, sorted(entries, key=lambda entry: entry.name))
    give_back(sink, root, tmp_path / "reference")
    contents = [entry.content for entry in entries if isinstance(entry.content, tuple)]
    last = {content[-1][0] for content in contents if content}
    # The end of each is late, so that whoever gives a name too soon is seen.
    sink.at = lambda blob_id: time.sleep(0.003 * (blob_id in last))
    left_over = 0
    for chain in range(6):
        back = tmp_path / f"back{chain}"
        for steps in rng.sample(range(2, 110), 4):
            child = _fork.Process(target=restore_and_die, args=(sink, root, back, steps))
            child.start()
            child.join(60)
            assert child.exitcode in (-signal.SIGKILL, 0)
            drafts = [name for name in names(back) if ".tmp" in name]
            left_over += len(drafts)
            for name in set(names(back)) - set(drafts):
                assert (back / name).read_bytes() == (tmp_path / "reference" / name).read_bytes(), steps
        assert give_back(sink, root, back).complete
        assert differences(tmp_path / "reference", back, root=True) == []
    assert left_over > 6, "it was killed in the middle"

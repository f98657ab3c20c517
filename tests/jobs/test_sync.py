"""One copy brought up to another: what is lacking is added, in an order that is safe at every instant, and
absence is no instruction.
"""

from collections.abc import Iterator

import pytest

from tests.jobs.synced import ALL, FOLDERS, KEYS, ONE, Noting, log, named, pair, run
from vaultd.copies.contract import Stored
from vaultd.copies.memory import MemoryCopy
from vaultd.errors import SamePlace, Unreachable, WrongPlace
from vaultd.ids import pack_name
from vaultd.jobs.sync import catch_up, lacking
from vaultd.progress import Silent


def test_everything_comes_in_an_order_that_is_safe_at_every_instant() -> None:
    source, target = pair()
    done = run(source, target)
    assert target.held == ALL == source.held
    assert sorted(done.names) == sorted(ALL)
    assert (done.bytes, done.behind) == (sum(map(len, ALL.values())), 0)
    folders = [name.partition("/")[0] for name in target.order]
    assert folders == sorted(folders, key=FOLDERS.index)
    logs = [name[:31] for name in target.order if name.startswith("log/")]
    assert logs == sorted(logs)
    assert {"README.txt", "FORMAT.md"} <= target.files.keys()


def test_a_second_pass_has_nothing_to_do() -> None:
    source, target = pair()
    run(source, target)
    target.order.clear()
    assert run(source, target).names == []
    assert target.order == []
    assert lacking(source, target) == 0


def test_nothing_is_ever_removed() -> None:
    source, target = pair()
    run(source, target)
    stranger = dict([log(b"device-3", 1), named(pack_name, b"of another computer")])
    target.files |= stranger
    for name in ALL:
        del source.files[name]
    assert run(source, target).names == []
    assert target.held == ALL | stranger


def test_an_emptied_target_is_filled_and_empties_nothing() -> None:
    source, target = pair()
    run(source, target)
    for name in ALL:
        del target.files[name]
    assert lacking(source, target) == len(ALL)
    run(source, target)
    assert source.held == target.held == ALL


class Unlistable(Noting):
    """A copy whose listing breaks off after some names of one folder, as that of a disk that fails does."""

    def __init__(self, name: str, files: dict[str, bytes], folder: str, after: int) -> None:
        super().__init__(name, files)
        self.folder, self.after = folder, after

    def list(self, prefix: str = "") -> Iterator[Stored]:
        for number, file in enumerate(super().list(prefix)):
            if prefix == self.folder and number == self.after:
                raise Unreachable(self.label, "EIO")
            yield file


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("folder", [f"{folder}/" for folder in FOLDERS])
def test_a_listing_that_fails_is_not_a_short_one(folder: str, after: int) -> None:
    failing = Unlistable("failing", ALL, folder, after)
    for source, target in ((failing, Noting("target")), (Noting("source", ALL), failing)):
        with pytest.raises(Unreachable):
            run(source, target)
        assert target.order == []


class Growing(Noting):
    """A copy to which another computer writes a pack and its record while it is listed."""

    def list(self, prefix: str = "") -> Iterator[Stored]:
        yield from list(super().list(prefix))
        self.files |= dict([named(pack_name, b"new"), log(ONE, 12)])


def test_a_record_that_comes_while_the_source_is_listed_waits_for_its_packs() -> None:
    source, target = Growing("source", ALL), Noting("target")
    assert run(source, target).behind == 0
    assert log(ONE, 12)[0] not in target.files
    run(source, target)
    assert target.held == source.held


def test_names_to_leave_are_left() -> None:
    source, target = pair()
    name = min(KEYS)
    run(source, target, leave=frozenset({name}))
    assert target.held == {each: data for each, data in ALL.items() if each != name}
    assert lacking(source, target, frozenset({name})) == 0


def test_a_copy_is_not_caught_up_with_itself_or_with_another_vault() -> None:
    source, other = Noting("source", ALL), MemoryCopy(bytes(16), bytes(16), "other")
    for target, error in ((Noting("source"), SamePlace), (other, WrongPlace)):
        before = dict(target.files)
        with pytest.raises(error):
            run(source, target)
        assert target.files == before


def test_stop_is_asked_before_each_file() -> None:
    source, target = pair()
    asked = iter([None, None])

    def stop() -> None:
        if next(asked, "stop"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        catch_up(source, target, Silent(), stop)
    assert len(target.order) <= 2

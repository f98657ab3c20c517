"""Numbers that the kernel knows things by, what it is told of them, and who wants how much."""

import stat

import pytest

from vaultd.browse.node import Attributes, Node, Table
from vaultd.mount.kernel import ENTRY_NAME, status
from vaultd.mount.places import TOP, Places, number_of
from vaultd.mount.wishes import Wish, Wishes


def folder(key: bytes, **nodes: Node) -> Table:
    return Table(key, {name.encode(): node for name, node in nodes.items()})


def number(above: int, name: bytes, node: Node) -> int:
    return number_of(above, name, node.kind, node.ino, is_lasting=False)


def test_what_is_below_keeps_what_is_above() -> None:
    inner = folder(b"inner")
    outer = folder(b"outer", inner=inner)
    places = Places(lambda: folder(b"top", outer=outer))
    above = number(TOP, b"outer", outer)
    below = number(above, b"inner", inner)
    places.give(TOP, [(above, b"outer")])
    places.give(above, [(below, b"inner"), (below, b"inner")])
    places.forget(above, 1)
    assert places.node(below).ino == inner.ino
    assert places.path(below) == b"/outer/inner"
    places.forget(below, 1)
    assert len(places) == 2
    places.forget(below, 1)
    assert len(places) == 0
    with pytest.raises(OSError, match="Stale"):
        places.node(below)


def test_another_of_the_same_name_is_another() -> None:
    """As where a source, or a snapshot, has the name that one had before."""
    tops = [folder(b"top", a=folder(b"first")), folder(b"top", a=folder(b"second"))]
    places = Places(lambda: tops[0])
    made = number(TOP, b"a", tops[0].child(b"a") or tops[0])
    places.give(TOP, [(made, b"a")])
    assert places.node(made).ino == folder(b"first").ino
    del tops[0]
    assert places.node(made).ino == folder(b"first").ino  # until it is told
    places.changed()
    with pytest.raises(OSError, match="Stale"):
        places.node(made)


def test_what_is_open_stays() -> None:
    top = folder(b"top", a=folder(b"first"))
    places, node = Places(lambda: top), folder(b"first")
    places.open(5, node)
    places.open(5, node)
    places.close(5)
    assert places.node(5) is node
    places.close(5)
    with pytest.raises(OSError, match="Stale"):
        places.node(5)


def test_a_file_has_the_number_of_its_content_and_a_folder_that_of_its_path() -> None:
    def file(ino: int) -> int:
        return number_of(77, b"a", stat.S_IFREG, ino, is_lasting=True)

    def place(ino: int) -> int:
        return number_of(77, b"a", stat.S_IFDIR, ino, is_lasting=True)

    assert file(1000) != file(2000)
    assert place(1000) == place(2000) != number_of(78, b"a", stat.S_IFDIR, 1000, is_lasting=True)
    assert {file(ino) for ino in (0, 1, 76, 77)}.isdisjoint({0, TOP})


@pytest.mark.parametrize("owner", [-1, -(2**63), 2**32 - 1, 2**63 - 1])
def test_an_owner_that_none_can_be_and_a_device_that_none_can_have(owner: int) -> None:
    strange = Attributes(0o100644, 9, 2**63 - 1, 8, -(2**63), owner, 0, 1, (2**63 - 1, 2**63 - 1))
    said = status(strange)
    assert (said[11], said[12], said[13]) == (65_534, 65_534, 0)
    ENTRY_NAME.pack(1, 0, 0, 0, 0, 0, *said, 9, 1, 1, 8)


def test_devices_are_said_as_the_kernel_says_them() -> None:
    def device(major: int, minor: int) -> int:
        return status(Attributes(0o20600, 9, rdev=(major, minor)))[13]

    assert device(1, 3) == 0x103
    assert device(0xABC, 0xDEF12) == 0xDEF_ABC_12


def test_who_asks_for_none_is_told_none() -> None:
    wishes = Wishes()
    assert wishes.of(1) == Wish.TRY
    wishes.answered(1, Wish.TRY)
    assert wishes.of(1) == Wish.NAMES
    wishes.looked_up(1)
    seen = []
    for _ in range(9):
        seen.append(wishes.of(1))
        wishes.answered(1, seen[-1])
    assert seen == [Wish.ALL] * 7 + [Wish.TRY, Wish.NAMES]
    assert wishes.of(2) == Wish.TRY

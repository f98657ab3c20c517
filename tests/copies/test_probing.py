"""What a probe says of places that do all they should, and of one that does not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from tests.copies.places import COPY, VAULT, Directory, Memory, Place, held
from vaultd.copies.contract import Abilities, Buffer, Stored
from vaultd.copies.memory import MemoryCopy
from vaultd.copies.probing import probe
from vaultd.errors import Missing
from vaultd.ids import index_name

DATA = bytes(range(256)) * 8
NAME = index_name(blake3(DATA).digest())


def test_a_sound_place_is_called_so_and_left_as_it_was(place: Place) -> None:
    before = sorted(place.names())
    facts = probe(place.copy, NAME, DATA)
    assert facts.sound
    assert sorted(place.names()) == before
    assert not list(place.copy.quarantined())


def test_a_folder_says_what_it_can(tmp_path: Path) -> None:
    expected = Abilities(exclusive=True, keeps=True, syncs=True, past_cache=True)
    assert probe(Directory(tmp_path).copy, NAME, DATA).abilities == expected
    assert probe(Memory(tmp_path).copy, NAME, DATA).abilities == Abilities()


class _Late(MemoryCopy):
    """A store whose listings are behind."""

    def list(self, prefix: str = "") -> Iterator[Stored]:
        return iter(())


class _Short(MemoryCopy):
    """A server that answers ranges from the start of the file."""

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        return super().get(name, 0, length)


class _Forgetful(MemoryCopy):
    def put(self, name: str, data: Buffer) -> None:
        pass


class _Keeping(MemoryCopy):
    def remove(self, name: str) -> None:
        pass


@pytest.mark.parametrize(
    ("kind", "fault"),
    [(_Late, "lists"), (_Short, "ranges"), (_Forgetful, "reads_back"), (_Keeping, "removes")],
)
def test_each_fault_is_told_from_the_others(kind: type[MemoryCopy], fault: str) -> None:
    copy = kind(VAULT, COPY, "odd")
    facts = probe(copy, NAME, DATA)
    assert not facts.sound
    assert not getattr(facts, fault)
    if kind in (_Late, _Short):
        assert facts.reads_back
        assert not held(copy)
    if kind is _Forgetful:
        with pytest.raises(Missing):
            copy.get("index/" + "0" * 64)

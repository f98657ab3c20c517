"""What a place really does, seen rather than believed, before a vault relies on it.

It is meant for a copy that was just made: a file that belongs to nothing stands in it for a moment.
"""

from dataclasses import dataclass

from vaultd.copies.contract import Abilities, Copy, is_right
from vaultd.errors import Damaged, Missing


@dataclass(frozen=True, slots=True)
class Facts:
    """`reads_back`: what was put came back whole. `ranges`: so did parts of it. `lists`: the listing after
    the write had it. `removes`: after it was removed it was neither listed nor read. A place where one of
    these is false cannot hold a copy; what is false in `abilities` is done in another way.
    """

    reads_back: bool
    ranges: bool
    lists: bool
    removes: bool
    abilities: Abilities

    @property
    def lacking(self) -> list[str]:
        """Which of the four are false, by name."""
        return [name for name in ("reads_back", "ranges", "lists", "removes") if not getattr(self, name)]

    @property
    def sound(self) -> bool:
        return not self.lacking


def probe(copy: Copy, name: str, data: bytes) -> Facts:
    """Write `data` under its name, look at it in every way, remove it. Raises what `put` and `remove` raise.

    Killed meanwhile this leaves the file behind, and it may get into other copies: it must be one that does
    no harm there.
    """
    try:
        copy.put(name, data)
        reads_back, ranges = is_right(copy, name), _ranges(copy, name, data)
        lists = _lists(copy, name, data)
    finally:
        copy.remove(name)
    removes = not (_lists(copy, name, data) or is_right(copy, name))
    return Facts(reads_back, ranges, lists, removes, copy.abilities())


def _ranges(copy: Copy, name: str, data: bytes) -> bool:
    """The start, the middle, the end from either side, past it, and nothing."""
    end = len(data)
    parts = ((0, 1), (end // 3, end // 2), (-end // 10, None), (end - 10, 100), (end, 1))
    try:
        return all(copy.get(name, *part) == _part(data, *part) for part in parts)
    except (Missing, Damaged):
        return False


def _part(data: bytes, offset: int, length: int | None) -> bytes:
    part = data[offset:]
    return part if length is None else part[:length]


def _lists(copy: Copy, name: str, data: bytes) -> bool:
    folder = name.partition("/")[0]
    return any(stored.name == name and stored.size == len(data) for stored in copy.list(f"{folder}/"))

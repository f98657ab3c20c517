"""G7: files keep their names and lose what is in them, as where a cloud leaves thumbnails for the
originals.
"""

from collections.abc import Sequence

from vaultd.guard.kinds import is_media
from vaultd.guard.trips import SHRUNK, Trip, some_of
from vaultd.tree.losses import Rewritten

# 200 are more than anybody edits in a day. Of a small collection a tenth, and 20 at least.
FILES, LEAST, PART = 200, 20, 10
# A picture saved anew at a lower quality keeps half of its bytes; a thumbnail has a tenth. Six tenths lost
# lies between.
KEEPS_PART, KEEPS_OF = 4, 10
# Of so many the beginnings are read, to see that they are still pictures.
SAMPLED = 24


def candidates(rewritten: Sequence[Rewritten]) -> list[Rewritten]:
    """Media files that lost six tenths of their bytes or more."""
    return [
        each
        for each in rewritten
        if is_media(each.path) and each.b.size * KEEPS_OF <= each.a.size * KEEPS_PART and not each.before
    ]


def is_enough(files: int, had: int) -> bool:
    """Whether so many, of `had` files, are too many for a day."""
    return files >= FILES or files >= max(LEAST, had / PART)


def shrunk(found: Sequence[Rewritten], had: int, same_kind: float) -> Trip | None:
    """Too many have shrunk; `same_kind` is the part of them that are still of their kind, by a sample."""
    count = round(len(found) * same_kind)
    if not is_enough(count, had):
        return None
    lost = sum(each.a.size - each.b.size for each in found)
    facts = {"shrunk": count, "shrunk_bytes": round(lost * same_kind), "of": had}
    return Trip(SHRUNK, facts, some_of([each.path for each in found]))

"""G1 and G2: files are gone, and their content is nowhere new."""

from collections.abc import Iterable
from dataclasses import dataclass

from vaultd.guard.trips import DELETED, DRIPPED, EMPTIED, Trip, some_of
from vaultd.tree.losses import Losses

# Within a day. Joplin asked at nine tenths, and one of its users lost 2,500 notes, which were 59 %: so a
# share and a number. Fewer than 20 files are looked through by hand; 500 are more than anybody deletes one
# by one.
DAY_LEAST, DAY_PART, DAY_FILES = 20, 10, 500  # a tenth, and 20 at least; or 500
DAY_BYTES, DAY_BYTES_PART = 1 << 30, 5  # a fifth of all bytes, and 1 GiB at least
# Within 30 days: one in a hundred of what there was, each day, makes three in ten. Nobody calls that
# tidying up.
MONTH_DAYS, MONTH_PART, MONTH_OF = 30, 3, 10
# A folder of an album has 30 files or more; four fifths of it are not what a person picks out.
FOLDER_LEAST, FOLDER_PART, FOLDER_OF = 30, 4, 5
# A folder of chat media: nobody deletes messages by the half.
CHAT_PART, CHAT_OF = 1, 2


@dataclass(frozen=True, slots=True)
class Emptied:
    """A folder that held so many files itself, of which these are gone."""

    path: bytes
    had: int
    gone: tuple[bytes, ...]


def is_enough(files: int, size: int, had: int, had_bytes: int) -> bool:
    """Whether so much is too much for a day."""
    return (
        files >= max(DAY_LEAST, had / DAY_PART)
        or files >= DAY_FILES
        or size >= max(DAY_BYTES, had_bytes / DAY_BYTES_PART)
    )


def deleted(losses: Losses, had: int, had_bytes: int) -> Trip | None:
    """Too much is gone since a tree, a day old, that held `had` files."""
    if not is_enough(losses.gone_files, losses.gone_bytes, had, had_bytes):
        return None
    return Trip(DELETED, _facts(losses, had, had_bytes), some_of([each.path for each in losses.gone]))


def dripped(losses: Losses, had: int, had_bytes: int) -> Trip | None:
    """Too much is gone since a tree that is 30 days old."""
    if losses.gone_files < max(DAY_LEAST, had * MONTH_PART / MONTH_OF):
        return None
    facts = _facts(losses, had, had_bytes)
    return Trip(DRIPPED, facts | {"days": MONTH_DAYS}, some_of([each.path for each in losses.gone]))


def can_be_emptied(gone: int, *, chat: bool) -> bool:
    """Whether a folder that lost so many may have been emptied: then it is worth counting what it had."""
    return gone >= FOLDER_LEAST * _part(chat=chat)


def emptied(folders: Iterable[Emptied], *, chat: bool) -> Trip | None:
    """Folders lost nearly everything; in a chat source half is enough."""
    part = _part(chat=chat)
    found = [each for each in folders if each.had >= FOLDER_LEAST and len(each.gone) >= each.had * part]
    if not found:
        return None
    gone = [path for each in found for path in each.gone]
    facts = {"folders": len(found), "folder_files": len(gone)}
    return Trip(EMPTIED, facts, some_of(gone))


def _part(*, chat: bool) -> float:
    return CHAT_PART / CHAT_OF if chat else FOLDER_PART / FOLDER_OF


def _facts(losses: Losses, had: int, had_bytes: int) -> dict[str, int]:
    return {"files": losses.gone_files, "bytes": losses.gone_bytes, "of": had, "of_bytes": had_bytes}

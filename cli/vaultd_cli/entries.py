"""How one entry of a snapshot looks: as a line of `ls --long`, and in JSON."""

import stat
from typing import TYPE_CHECKING, Any

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import (
    BLOCK,
    CHAR,
    FIFO,
    FILE,
    FOLDER,
    LINK,
    SOCKET,
    Entry,
    birth,
    device_numbers,
    hard_link,
    how_read,
    owner,
    stale,
)
from vaultd_cli import show
from vaultd_cli.console import named

if TYPE_CHECKING:
    from vaultd.tree.view import View

# As the JSON calls them, and as the first letter of a long line shows them.
_KINDS = {
    FILE: ("file", stat.S_IFREG),
    FOLDER: ("folder", stat.S_IFDIR),
    LINK: ("link", stat.S_IFLNK),
    FIFO: ("fifo", stat.S_IFIFO),
    SOCKET: ("socket", stat.S_IFSOCK),
    CHAR: ("char", stat.S_IFCHR),
    BLOCK: ("block", stat.S_IFBLK),
}
_UNKNOWN = ("unknown", 0)
_NARROWEST = (10, 8, 8, 15)  # mode, user, group, size


def shown_path(path: bytes, entry: Entry) -> str:
    """A path for the eye; that of a folder ends in a slash, as no name does."""
    return (show.name(path) or ".") + ("/" if entry.kind == FOLDER else "")


class LongLines:
    """Lines like those of `ls -l`, made one by one: a column grows when something wider comes."""

    def __init__(self, view: "View") -> None:
        self._view = view
        self._widths = list(_NARROWEST)

    def line(self, entry: Entry, shown: str) -> str:
        """`shown` is the name as it is to stand in the line."""
        cells = [
            stat.filemode(_KINDS.get(entry.kind, _UNKNOWN)[1] | entry.mode),
            *_owners(entry),
            _size(entry),
        ]
        self._widths = [max(now, show.width(cell)) for now, cell in zip(self._widths, cells, strict=True)]
        *left, last = zip(cells, self._widths, strict=True)
        columns = [show.pad(cell, wide) for cell, wide in left] + [show.pad(*last, right=True)]
        target = link_target(self._view, entry)
        arrow = "" if target is None else f" -> {show.name(target)}"
        return "  ".join([*columns, show.moment(entry.mtime), shown + arrow])


def _owners(entry: Entry) -> tuple[str, str]:
    user, group = owner(entry)
    return show.text(user) or str(entry.uid), show.text(group) or str(entry.gid)


def _size(entry: Entry) -> str:
    numbers = device_numbers(entry)
    return f"{numbers[0]}, {numbers[1]}" if numbers else show.count(entry.size)


def link_target(view: "View", entry: Entry) -> bytes | None:
    """Where a symbolic link leads; None for anything else, and where that cannot be read."""
    try:
        return view.link(entry) if entry.kind == LINK else None
    except (Missing, Damaged):
        return None


def as_json(view: "View", path: bytes, entry: Entry) -> dict[str, Any]:
    """One entry; keys that it has nothing for are left out."""
    user, group = owner(entry)
    target, numbers, born, old = link_target(view, entry), device_numbers(entry), birth(entry), stale(entry)
    link = hard_link(entry)
    document = {
        **named("path", path),
        "kind": _KINDS.get(entry.kind, _UNKNOWN)[0],
        "mode": f"{entry.mode:04o}",
        "uid": entry.uid,
        "gid": entry.gid,
        "user": user,
        "group": group,
        "size": entry.size,
        "mtime": show.instant(entry.mtime),
        **(named("target", target) if target is not None else {}),
        "birth": None if born is None else show.instant(born),
        "device": list(numbers) if numbers else None,
        "hard_link": link.hex() if link else None,
        "changing": True if how_read(entry) == "changing" else None,
        "stale": None if old is None else {"error": old[0], "since": show.instant(old[1])},
    }
    return {key: value for key, value in document.items() if value not in (None, "") or key == "path"}

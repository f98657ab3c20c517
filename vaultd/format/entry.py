"""Entries of folders: what is known of one name (docs/format.md, section 7)."""

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from vaultd.errors import Refused
from vaultd.format import canon
from vaultd.format.canon import Bytes32, Int, Size
from vaultd.format.extra import ExtraMap, Pairs, Parts, check_sparse, sparse_pairs, sparse_parts, split_extra
from vaultd.format.limits import MAX_ENTRY, MAX_NAME

if TYPE_CHECKING:  # to whoever reads or makes one it is an open map: unknown keys are kept
    Extra = dict[str, Any]
else:
    Extra = ExtraMap

FILE, FOLDER, LINK, FIFO, SOCKET, CHAR, BLOCK = 1, 2, 3, 4, 5, 6, 7
KINDS = frozenset({FILE, FOLDER, LINK, FIFO, SOCKET, CHAR, BLOCK})
Content = Pairs | Bytes32 | None
"""Of a file: its chunks, or the id of a list of them. Of a folder: the id of a page or list. Else None."""


class Entry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One name of a folder. `mtime` is a time, `size` bytes; `extra` as in `ExtraMap`, with sequences as
    tuples.

    Making one checks nothing; `check_entry` does, and so do `decode_page` and `cut_pages`.
    """

    name: bytes
    kind: Int
    mode: Annotated[int, Meta(ge=0, le=0o7777)]
    uid: Int
    gid: Int
    mtime: Int
    size: Size
    content: Content
    extra: Extra


class LongEntry(Entry, array_like=True, frozen=True, gc=False):
    """An entry with positions that version 1 does not know: `more`, kept as they came."""

    more: tuple[Any, ...]


class StrangeEntry(Entry, array_like=True, frozen=True, gc=False):
    """An entry of a kind that version 1 does not know: `raw` is all of it, kept as it came.

    Only its name and kind mean anything; the other fields are zero.
    """

    raw: tuple[Any, ...]


_POSITIONS = len(Entry.__struct_fields__)


def encode_entry(entry: Entry) -> bytes:
    """Its canonical bytes. Raises Refused("shape") where there are more than 64 KiB of them."""
    encoded = canon.encode(spell(entry))
    if len(encoded) > MAX_ENTRY:
        raise Refused("shape", f"an entry of {len(encoded)} bytes")
    return encoded


def spell(entry: Entry) -> object:
    """What is encoded for an entry: itself, or all its positions in one list."""
    return spell_out(entry) if isinstance(entry, LongEntry | StrangeEntry) else entry


def spell_out(entry: Entry) -> list[Any]:
    """All positions of an entry, as `entry_from` takes them."""
    if isinstance(entry, StrangeEntry):
        return list(entry.raw)
    more = entry.more if isinstance(entry, LongEntry) else ()
    return [*(getattr(entry, field) for field in Entry.__struct_fields__), *more]


def entry_from(value: object) -> Entry:
    """An entry from a decoded array, with what is unknown in it. Raises Refused("shape")."""
    match value:
        case [bytes(name), int(kind), *_] if kind not in KINDS and type(kind) is int:
            return StrangeEntry(name, kind, 0, 0, 0, 0, 0, None, {}, raw=tuple(value))
    if not isinstance(value, list) or len(value) < _POSITIONS:
        raise Refused("shape", "entry")
    known, unknown = split_extra(value[_POSITIONS - 1])
    plain = canon.convert([*value[: _POSITIONS - 1], known], Entry)
    fields = {**msgspec.structs.asdict(plain), "extra": dict(sorted({**known, **unknown}.items()))}
    if len(value) == _POSITIONS:
        return Entry(**fields)
    return LongEntry(**fields, more=tuple(value[_POSITIONS:]))


def unknown_in(entry: Entry) -> list[str]:
    """What version 1 does not know of this entry, in words; who meets any must not delete from the vault."""
    found = [f"entry key {key}" for key in entry.extra if key not in ExtraMap.__annotations__]
    if entry.kind not in KINDS:
        found.append(f"entry kind {entry.kind}")
    if isinstance(entry, LongEntry):
        found.append(f"entry position {_POSITIONS}")
    return found


def check_name(name: bytes) -> None:
    """Raises Refused("name") for a name that no folder may hold; the empty name of a root is one."""
    if not 0 < len(name) <= MAX_NAME or b"/" in name or b"\0" in name or name in (b".", b".."):
        raise Refused("name", repr(name[:64]))


def check_entry(entry: Entry) -> None:
    """Raises Refused: "name", "shape" (content or link that its kind does not have), "size"."""
    name, content, extra = entry.name, entry.content, entry.extra
    # Nearly every entry, in one line, since it is asked for every one that is read: a file of one chunk.
    if (
        entry.kind == FILE
        and isinstance(content, tuple)
        and len(content) == 1
        and content[0][1] == entry.size
        and 2 < len(name) <= MAX_NAME  # so that it is neither "." nor ".."
        and b"/" not in name
        and b"\0" not in name
        and "sparse" not in extra
        and "link" not in extra
    ):
        return
    check_name(name)
    check_what(entry)


def decode_root(value: object) -> Entry:
    """The root of a snapshot from the decoded array in its record: a folder without a name.

    Raises Refused: "shape", "name", "size".
    """
    entry = entry_from(value)
    if isinstance(entry, StrangeEntry):
        raise Refused("shape", "a root of an unknown kind")
    check_root(entry)
    return entry


def check_root(entry: Entry) -> None:
    """Raises Refused: "name", "shape", "size" for what cannot be the root of a snapshot."""
    if entry.name:
        raise Refused("name", "a root with a name")
    if entry.kind != FOLDER:
        raise Refused("shape", "a root that is not a folder")
    check_what(entry)


def check_what(entry: Entry) -> None:
    """`check_entry`, but for the name."""
    kind = entry.kind
    _require(kind == LINK or "link" not in entry.extra, "a link's target")
    if kind == FILE:
        _check_file(entry)
    elif kind == FOLDER:
        _require(isinstance(entry.content, bytes), "a folder without its id")
        _require_size(entry, 0)
    elif kind == LINK:
        _check_link(entry)
    elif kind in KINDS:
        _require(entry.content is None, "content")
        _require_size(entry, 0)


def _check_file(entry: Entry) -> None:
    content = entry.content
    _require(content is not None, "a file without content")
    expected: int | None = entry.size
    if "sparse" in entry.extra:
        expected = check_sparse(entry.extra, entry.size)
    if not isinstance(content, tuple) or expected is None:
        return  # what it sums up to is known once its lists, or the chunks of its sparse map, are read
    total = 0
    for _, length in content:
        total += length
    if total != expected:
        raise Refused("size", f"{total} bytes of content for {expected}")


def _check_link(entry: Entry) -> None:
    target = entry.extra.get("link")
    _require(entry.content is None and target is not None, "link")
    if isinstance(target, bytes):
        _require_size(entry, len(target))
    elif target is not None:
        _require_size(entry, sum(length for _, length in target))


def _require(holds: bool, detail: str) -> None:
    if not holds:
        raise Refused("shape", detail)


def _require_size(entry: Entry, size: int) -> None:
    if entry.size != size:
        raise Refused("size", f"{entry.size} for {size}")


# Views of what may stand in `extra`, with the types that decoding made sure of. Pairs are chunks that hold
# the value.


def link_target(entry: Entry) -> bytes | Pairs | None:
    """Where a symbolic link leads."""
    return entry.extra.get("link")


def sparse_map(entry: Entry) -> Parts | None:
    """The parts that are not holes, where they stand in the entry."""
    return sparse_parts(entry.extra)


def sparse_map_chunks(entry: Entry) -> Pairs | None:
    """The chunks whose bytes `extra.decode_sparse` reads, where the map is too long for the entry."""
    return sparse_pairs(entry.extra)


def xattrs(entry: Entry) -> dict[bytes, bytes | Pairs]:
    """Extended attributes by name."""
    found: dict[bytes, bytes | Pairs] = entry.extra.get("xattr", {})
    return found


def owner(entry: Entry) -> tuple[str, str]:
    """Names of user and group, "" where unknown."""
    user, group = entry.extra.get("owner", ("", ""))
    return user, group


def device_numbers(entry: Entry) -> tuple[int, int] | None:
    """(major, minor)."""
    return entry.extra.get("rdev")


def birth(entry: Entry) -> int | None:
    """When the file was made."""
    return entry.extra.get("birth")


def hard_link(entry: Entry) -> bytes | None:
    """16 bytes that all names of one file in a snapshot share."""
    return entry.extra.get("hard")


def how_read(entry: Entry) -> str:
    """ "changing" for a file that was written to while it was read; "" for all others."""
    return str(entry.extra.get("how", ""))


def missed(entry: Entry) -> int | None:
    """In an attic: when the path was first found gone."""
    return entry.extra.get("missed")


def stale(entry: Entry) -> tuple[str, int] | None:
    """(error, since when) of a path that could not be read, and stands here as it last was."""
    return entry.extra.get("stale")

"""Add, change and remove sources. Each is a record that answers the one before."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from vaultd.copies.identity import on_disk, same_disk
from vaultd.errors import BadUsage, NameTaken, NotAFolder, Overlap
from vaultd.format.record import SourceBody
from vaultd.jobs.places import folder_of
from vaultd.jobs.session import Session
from vaultd.settings import Place
from vaultd.tree.patterns import Selection
from vaultd.tree.retention import Rules
from vaultd.tree.sources import KINDS, Source, find_source, free_name, list_sources, suggest_name

Said = TypeVar("Said")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the owner asked for. None: as it is where the folder is a source already; of a new one, `name` is
    the folder's own, `kind` files, nothing excluded, and no other disk is entered.
    """

    path: bytes
    name: str | None = None
    kind: str | None = None
    exclude: tuple[str, ...] | None = None
    cross: bool | None = None
    take_over: bool = False


def check_wanted(wanted: Wanted) -> None:
    """What can be refused before the vault is opened. Raises BadUsage, NotAFolder, BadPattern."""
    if wanted.kind is not None and wanted.kind not in KINDS:
        raise BadUsage("kind", wanted.kind)
    if wanted.take_over and wanted.name is None:
        raise BadUsage("take-over-name")
    if not os.path.isdir(wanted.path):
        raise NotAFolder(wanted.path)
    Selection(exclude=wanted.exclude or ())


def add_source(session: Session, wanted: Wanted) -> Source:
    """Save this folder from now on.

    Of a folder that is a source already, what is asked for changes, and nothing else (see `source_before`).
    With `take_over`, a source of this name that another device made is continued from this folder. Raises
    NotAFolder, Overlap, BadSourceName, NameTaken, NoSuchSource, BadUsage.
    """
    check_wanted(wanted)
    path = os.path.realpath(wanted.path)
    refuse_overlap(session, path)
    sources = list_sources(session.vault.journal)
    before = source_before(session, wanted)
    others = [source for source in sources if before is None or source.body.id != before.body.id]
    name = wanted.name
    if name is None:
        name = before.body.name if before else suggest_name(others, path)
    was = before.body if before else None
    body = SourceBody(
        answers=list(before.answers) if before else [],
        cross=_first_said(wanted.cross, was.cross if was else None, False),
        exclude=list(_first_said(wanted.exclude, was.exclude if was else None, ())),
        id=was.id if was else os.urandom(16),
        keep=was.keep if was else {},
        kind=_first_said(wanted.kind, was.kind if was else None, "files"),
        name=free_name(others, name),
        path=path,
        removed=False,
    )
    session.vault.journal.append(SourceBody.WORD, body.to_map())
    return find_source(list_sources(session.vault.journal), body.name)


def _first_said(wanted: Said | None, before: Said | None, otherwise: Said) -> Said:
    return next(each for each in (wanted, before, otherwise) if each is not None)


def source_before(session: Session, wanted: Wanted) -> Source | None:
    """The source that this definition would take the place of. Raises NoSuchSource, NameTaken."""
    sources, path = list_sources(session.vault.journal), os.path.realpath(wanted.path)
    if wanted.take_over:
        return find_source(sources, wanted.name or "")
    named = next((source for source in sources if source.body.name == wanted.name), None)
    if named is not None and not (is_mine(session, named) and named.body.path == path):
        raise NameTaken(named.body.name)
    return next((s for s in sources if s.body.path == path and is_mine(session, s)), None)


def keep_by(session: Session, words: str, rules: Rules) -> Source:
    """Thin a source by these rules from now on. Raises NoSuchSource, and what writing to the copy raises."""
    source = find_source(list_sources(session.vault.journal), words)
    body = replace(source.body, answers=list(source.answers), keep=rules.to_map())
    session.vault.journal.append(body.WORD, body.to_map())
    return find_source(list_sources(session.vault.journal), source.body.name)


def remove_source(session: Session, words: str) -> Source:
    """Stop saving a source. Every snapshot of it stays. Raises NoSuchSource."""
    source = find_source(list_sources(session.vault.journal), words)
    body = source.body.to_map() | {"answers": list(source.answers), "removed": True}
    session.vault.journal.append("source", body)
    return source


def my_sources(session: Session) -> list[Source]:
    """The sources that this device saves, those of the device ids that it had before among them."""
    return [source for source in list_sources(session.vault.journal) if is_mine(session, source)]


def is_mine(session: Session, source: Source) -> bool:
    return source.device in my_devices(session)


@dataclass(frozen=True, slots=True)
class TakenOver:
    """A source that this computer saved from `path`, and another one saves now."""

    source: Source
    path: bytes


def taken_over(session: Session) -> list[TakenOver]:
    """What other computers took over from this one."""
    mine = my_devices(session)
    records = sorted(session.vault.journal.of_kind(SourceBody.WORD), key=lambda pair: pair[1].time)
    last = {
        record.body["id"]: SourceBody.from_map(record.body) for _, record in records if record.device in mine
    }
    saved = {identity: body.path for identity, body in last.items() if not body.removed}
    sources = [source for source in list_sources(session.vault.journal) if source.device not in mine]
    return [TakenOver(each, saved[each.body.id]) for each in sources if each.body.id in saved]


def my_devices(session: Session) -> set[bytes]:
    """Every id under which this computer wrote, and all that those have replaced."""
    replaces = {
        record.device: record.body.get("replaces") for _, record in session.vault.journal.of_kind("device")
    }
    mine: set[bytes] = set()
    for begin in session.devices:
        device: bytes | None = begin
        while device and device not in mine:
            mine.add(device)
            device = replaces.get(device)
    return mine


def copies_beside(session: Session, source: Source) -> list[Place]:
    """The copies that stand on one file system with the source, so that one broken disk takes both. A copy
    that is not there now stands elsewhere.
    """
    path = Path(os.fsdecode(source.body.path))
    return [place for place in session.settings.copies if path.is_dir() and _beside(path, place)]


def _beside(path: Path, place: Place) -> bool:
    folder = folder_of(place)
    try:
        # `vault.id` is what stands on the disk, and not on the mount point without it.
        return folder is not None and same_disk(path, folder / "vault.id")
    except OSError:
        return False


def own_places(session: Session) -> list[bytes]:
    """Folders that are vaultd's own: its copies, its configuration and state."""
    home = session.home
    paths = [*_copies_here(session), home.config, home.state, home.runtime]
    return [os.fsencode(os.path.realpath(path)) for path in paths]


def _copies_here(session: Session) -> list[Path]:
    folders = map(folder_of, session.settings.copies)
    return [folder for folder in folders if folder is not None]


def refuse_overlap(session: Session, path: bytes) -> None:
    """Raises Overlap where the folder is, or lies in, one of vaultd's own. One that holds them is fine:
    they are left out.
    """
    for own in own_places(session):
        if _same_or_inside(path, own):
            raise Overlap(path, own)


def refuse_inside_copy(session: Session, path: bytes) -> None:
    """Raises Overlap where the folder is a copy, or lies in one."""
    for copy in map(os.fsencode, _copies_here(session)):
        if _same_or_inside(path, copy):
            raise Overlap(path, copy)


def _same_or_inside(path: bytes, own: bytes) -> bool:
    """By device and inode, and by the place on the disk, so that bind mounts and links do not hide it."""
    here, there = on_disk(Path(os.fsdecode(path))), on_disk(Path(os.fsdecode(own)))
    if here and there and here[0] == there[0] and here[1].is_relative_to(there[1]):
        return True
    own_identity = _identity(own)
    while own_identity is not None:
        if _identity(path) == own_identity:
            return True
        if path in (b"/", b""):
            return False
        path = os.path.dirname(path)
    return False


def _identity(path: bytes) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def own_folders(session: Session) -> frozenset[tuple[int, int]]:
    """(device, inode) of every folder of vaultd's own that is there: by them they are known, by whatever
    mount or name one gets there. Of a copy all its folders, since each of them can be mounted alone.
    """
    copies = map(os.fsencode, _copies_here(session))
    paths = itertools.chain(own_places(session), *map(_folders_in, copies))
    return frozenset(identity for path in paths if (identity := _identity(path)) is not None)


def own_tops(session: Session) -> frozenset[tuple[int, int]]:
    """As `own_folders`, but those only that all others stand in."""
    found = map(_identity, own_places(session))
    return frozenset(identity for identity in found if identity is not None)


def _folders_in(copy: bytes) -> Iterator[bytes]:
    """A copy has folders, some of which have folders; below those there are files only."""
    for path in _subfolders(copy):
        yield path
        yield from _subfolders(path)


def _subfolders(path: bytes) -> list[bytes]:
    try:
        with os.scandir(path) as entries:
            return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []

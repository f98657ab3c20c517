"""Add a copy to a vault, and retire one. Neither removes a file anywhere."""

import contextlib
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, replace

import blake3

from vaultd import ids
from vaultd.copies import locating, texts
from vaultd.copies.contract import Copy
from vaultd.copies.locating import Location
from vaultd.copies.probing import Facts, probe
from vaultd.errors import (
    BadCopyName,
    CopyNameTaken,
    LastCopy,
    NoSuchCopy,
    NoVault,
    OnlyThere,
    Overlap,
    Refused,
    SamePlace,
    UnfitPlace,
    VaultdError,
    VaultExists,
)
from vaultd.format.box import verify_box
from vaultd.format.index import encode_index
from vaultd.format.limits import INDEX, KIND_INDEX, KIND_LOG
from vaultd.jobs.beginning import begin_writing
from vaultd.jobs.elsewhere import copy_at
from vaultd.jobs.felt import felt, let_go
from vaultd.jobs.heal import accept
from vaultd.jobs.opening import open_another
from vaultd.jobs.parity import stands_in, with_parity
from vaultd.jobs.places import location, refuse_same_place
from vaultd.jobs.session import Session
from vaultd.jobs.sources import my_sources
from vaultd.jobs.spool import waiting_for
from vaultd.settings import Place, Settings, save
from vaultd.store.single import seal_alone

_LONGEST = 64


def find_copy(settings: Settings, label: str) -> Place:
    """Raises NoSuchCopy."""
    for place in settings.copies:
        if place.label == label:
            return place
    raise NoSuchCopy(label)


def check_wanted(settings: Settings, where: Location, label: str) -> None:
    """Whether a copy of this vault may be made, or stands already, at `where`: asked before anybody has to
    type a passphrase. Nothing is written.

    Raises BadCopyName, CopyNameTaken, SamePlace, Overlap, VaultExists (another vault), NotEmpty, NotAFolder,
    and what says that the place cannot be reached.
    """
    if not label or len(label) > _LONGEST or any(unicodedata.category(each)[0] == "C" for each in label):
        raise BadCopyName(label)
    if any(place.label == label for place in settings.copies):
        raise CopyNameTaken(label)
    for place in settings.copies:
        refuse_same_place(location(place), where)
    try:
        copy = locating.open_copy(where, None, label)
    except NoVault:
        locating.refuse_taken(where)
        return
    with contextlib.closing(copy):
        _refuse_foreign(settings, copy, where)


def _refuse_foreign(settings: Settings, copy: Copy, where: Location) -> None:
    if copy.vault_id != settings.vault_id:
        raise VaultExists(where.url)
    if any(place.copy_id == copy.copy_id for place in settings.copies):
        raise SamePlace(where.url)


def add_copy(session: Session, where: Location, label: str, *, parity: bool = False) -> Place:
    """Make a copy of the vault at `where`, or take up one that stands there already, and enrol it on this
    computer; with `parity`, which one that has some keeps. It is behind until it was caught up.

    What the place does is tried out first, and kept in the settings. Cut off at any moment this leaves an
    empty copy at most, which the next attempt takes up. Raises what `check_wanted` raises, UnfitPlace, and
    what `put` raises.
    """
    check_wanted(session.settings, where, label)
    _refuse_sources_in(session, where)
    with contextlib.closing(_made_or_found(session, where, label)) as copy:
        facts = probe(copy, *_harmless(session))
        if not facts.sound:
            raise UnfitPlace(where.url, facts.lacking[0])
        texts.refresh(copy)
        accept(session, copy.copy_id)  # what was read back from it when it was here before counts no more
        session.vault.journal.append("copy-added", copy_added(copy))
        place = Place(label, where.url, copy.copy_id, {**where.options, **_abilities(facts)})
        place = with_parity(place, on=parity or stands_in(copy))
    session.settings = replace(session.settings, copies=(*session.settings.copies, place))
    save(session.home, session.settings)
    return place


def _refuse_sources_in(session: Session, where: Location) -> None:
    """Of a folder of sources a copy may be part: it is left out. The other way round nothing is saved."""
    if where.folder is None:
        return
    copy = os.fsencode(os.path.realpath(where.folder))
    for source in my_sources(session):
        path = os.path.realpath(source.body.path)
        if os.path.commonpath([copy, path]) == copy:
            raise Overlap(source.body.path, copy)


def _made_or_found(session: Session, where: Location, label: str) -> Copy:
    try:
        copy = locating.open_copy(where, None, label)
    except NoVault:
        return locating.create_copy(where, session.settings.vault_id, os.urandom(16), label)
    try:
        _refuse_foreign(session.settings, copy, where)
        _refuse_other_keys(session, copy, where)
    except BaseException:
        copy.close()
        raise
    return copy


def _refuse_other_keys(session: Session, copy: Copy, where: Location) -> None:
    """What `vault.id` says can be written by anybody; a record of the log cannot."""
    for file in copy.list("log/"):
        try:
            verify_box(copy.fetch(file.name), session.vault.keys, KIND_LOG)
        except Refused:
            raise VaultExists(where.url) from None
        return


def _harmless(session: Session) -> tuple[str, bytes]:
    """A sound index of no packs, under its name: who meets it learns nothing from it."""
    (plain,) = encode_index(())
    digest, data = seal_alone(session.vault.keys, KIND_INDEX, INDEX, plain)
    return ids.index_name(digest), data


def _abilities(facts: Facts) -> dict[str, bool]:
    return {name: value for name, value in asdict(facts.abilities).items() if value is not None}


def copy_added(copy: Copy) -> dict[str, object]:
    """The body of the record that enrols a copy."""
    identity = blake3.blake3(copy.get("vault.id")).digest()
    return {"copy": copy.copy_id, "label": copy.label, "vault_id": identity}


def retire_copy(session: Session, place: Place, *, force: bool = False) -> None:
    """Use a copy no more. Its files stay where they are, and `add_copy` takes it up again.

    The caller brought the copies up before, and does so after. Raises LastCopy; OnlyThere where the copy
    answers and holds what no other one does, or something waits for it on this computer (`force` leaves it
    behind); and why no other one can be used.
    """
    rest = tuple(each for each in session.settings.copies if each != place)
    if not rest:
        raise LastCopy(place.label)
    only = _only_there(session, place, rest) + waiting_for(session.home, place)
    if only and not force:
        raise OnlyThere(place.label, only)
    settings = replace(session.settings, copies=rest)
    if place == session.place:
        vault = open_another(session, settings)
        session.vault.close()
        session.vault = vault
        begin_writing(session)
    session.settings = settings
    session.vault.journal.append("copy-retired", _retired(session, place))
    save(session.home, settings)


def _only_there(session: Session, place: Place, rest: Sequence[Place]) -> int:
    """How many files this copy holds, and no other one that answers; of a copy that does not, nothing is
    known.
    """
    leave = let_go(session.vault.journal)
    held = [_held(session, each, leave) for each in (place, *rest)]
    return len(held[0] - set().union(*held[1:]))


def _held(session: Session, place: Place, leave: frozenset[str]) -> set[bytes]:
    try:
        with copy_at(session, place) as copy:
            return set(felt(copy, leave))
    except VaultdError:
        if place == session.place:
            raise
        return set()


def _retired(session: Session, place: Place) -> dict[str, object]:
    added = session.vault.journal.of_kind("copy-added")
    answers = sorted(identity for identity, record in added if record.body["copy"] == place.copy_id)
    return {"answers": answers, "copy": place.copy_id}

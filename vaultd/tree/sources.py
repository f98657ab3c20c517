"""The sources of a vault: what is saved, from where, without what. Their definitions are records, so that
a machine that lost everything still knows them.
"""

import os
import re
import unicodedata
from dataclasses import dataclass

from vaultd.errors import BadSourceName, NameTaken, NoSuchSource
from vaultd.format.record import SourceBody
from vaultd.store.journal import Journal

KINDS = ("photos", "chat", "files")
# ":" "@" "~" and "/" belong to selectors; a name of hex digits alone would be taken for a snapshot's id.
_FORBIDDEN = re.compile(r"[:@~/\x00-\x1f\x7f]|^latest$|^[0-9a-fA-F]+$|^[-.]|^\s|\s$|^$")


@dataclass(frozen=True, slots=True)
class Source:
    """A source as it stands now. `device` is the one that last said so; `answers` are the records that
    say it.
    """

    body: SourceBody
    device: bytes
    answers: tuple[bytes, ...]


def list_sources(journal: Journal, removed: bool = False) -> list[Source]:
    """Sources by name, those that were removed only when asked for.

    A definition counts until another one answers it; where two devices changed one source without knowing
    of each other, the later one by (time, id) is shown and the next change answers both.
    """
    records = journal.of_kind("source")
    bodies = [(identity, record, SourceBody.from_map(record.body)) for identity, record in records]
    answered = {old for _, _, body in bodies for old in body.answers}
    current: dict[bytes, Source] = {}
    for identity, record, body in bodies:
        if identity not in answered:
            before = current.get(body.id)
            current[body.id] = Source(body, record.device, (*(before.answers if before else ()), identity))
    return sorted((s for s in current.values() if removed or not s.body.removed), key=lambda s: s.body.name)


def find_source(sources: list[Source], words: str) -> Source:
    """The source of this name, or whose folder this path is. Raises NoSuchSource."""
    path = os.path.realpath(os.fsencode(words))
    for source in sources:
        if source.body.name == unicodedata.normalize("NFC", words):
            return source
    for source in sources:
        if source.body.path == path:
            return source
    raise NoSuchSource(words)


def free_name(sources: list[Source], wanted: str) -> str:
    """`wanted` in normal form NFC. Raises BadSourceName, NameTaken."""
    name = unicodedata.normalize("NFC", wanted)
    if _FORBIDDEN.search(name) or len(name) > 255:
        raise BadSourceName(name)
    if any(source.body.name == name for source in sources):
        raise NameTaken(name)
    return name


def suggest_name(sources: list[Source], path: bytes) -> str:
    """A free name made of the folder's own."""
    base = os.path.basename(path).decode("utf-8", "replace")
    base = re.sub(r"[:@~/\x00-\x1f\x7f]+", "-", base).strip("-. ") or "source"
    names = [base if not _FORBIDDEN.search(base) else f"{base}-1", *(f"{base}-{n}" for n in range(2, 10_000))]
    taken = {source.body.name for source in sources}
    return next(free_name(sources, name) for name in names if unicodedata.normalize("NFC", name) not in taken)

"""G4 and G5: files are not any more what they were, whether or not they kept their names.

What counts is that a file was something that is known, and sound, and now is neither. That it looks random
tells nothing of photos (nine of ten HEIC do): it and the chunks that are still the same only make it worse.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vaultd.guard.kinds import HEAD, TEXT, ending_of, kind_of
from vaultd.guard.structure import Read, is_sound, looks_random
from vaultd.guard.trips import DAY, ENCRYPTED, HOUR, MINUTE, RENAMED, Trip, some_of
from vaultd.tree.losses import Losses, Rewritten

# Five files within five minutes, or ten within an hour, and half of all that changed: fewer are a program
# that writes in its own way, and a disk that rots is slower.
WINDOWS = ((5 * MINUTE, 5), (HOUR, 10))
PART = 2
# A text that is nearly empty is a log that was begun anew.
SHORT = 64
# So many are looked into, from all over: half of 64 is known to within a sixth of them.
SAMPLED = 64
# G5: so many new names with an ending that this source never had.
RENAMED_LEAST = 20
# In its first 14 days a source is only learned: every ending is new.
LEARNING = 14 * DAY


class Verdict(StrEnum):
    """`UNKNOWN`: it was nothing that is known, or not sound before, or cannot be read."""

    FINE = "fine"
    NO_TYPE = "no-type"
    BROKEN = "broken"
    UNKNOWN = "unknown"


LOST = (Verdict.NO_TYPE, Verdict.BROKEN)


@dataclass(frozen=True, slots=True)
class Judged:
    """One rewritten file; `severe`: it looks random, or shares no chunk with what it was."""

    path: bytes
    verdict: Verdict
    severe: bool = False


def judge(read_a: Read, size_a: int, read_b: Read, size_b: int) -> Verdict:
    """Whether a file is still what it was. The old one is only read where the new one is in doubt."""
    now = kind_of(read_b(0, HEAD))
    if now not in (None, TEXT) and is_sound(now, size_b, read_b):
        return Verdict.FINE
    was = kind_of(read_a(0, HEAD))
    if was is None or not is_sound(was, size_a, read_a):
        return Verdict.UNKNOWN
    if was == TEXT and (now == TEXT or size_b < SHORT):
        return Verdict.FINE
    if now in (None, TEXT):
        return Verdict.NO_TYPE
    return Verdict.BROKEN if now == was else Verdict.UNKNOWN


def is_severe(each: Rewritten, block: bytes) -> bool:
    """Whether it looks the worse, too: `block` is from its middle."""
    a, b = each.a.content, each.b.content
    shared = (
        isinstance(a, tuple) and isinstance(b, tuple) and not {i for i, _ in a}.isdisjoint(i for i, _ in b)
    )
    return looks_random(block) or not shared


def rewritten_in(losses: Losses) -> list[Rewritten]:
    """What was rewritten, under its own name or under one that begins with it (`a.jpg`, `a.jpg.locked`)."""
    return [*losses.rewritten, *pairs_in(losses)]


def pairs_in(losses: Losses) -> list[Rewritten]:
    """New files that stand for ones that are gone: `a.jpg` became `a.jpg.x`, or `a.x`."""
    gone = {each.path: each.entry for each in losses.gone}
    stems = {path.removesuffix(b"." + _ending(path)): path for path in gone if _ending(path)}
    pairs = []
    for come in losses.come:
        ending = _ending(come.path)
        stem = come.path.removesuffix(b"." + ending) if ending else b""
        before = stem if stem in gone else stems.get(stem)
        if before is not None and ending != _ending(before):
            pairs.append(Rewritten(come.path, gone[before], come.entry, before))
    return pairs


def _ending(path: bytes) -> bytes:
    name = path.rpartition(b"/")[2]
    return name.rpartition(b".")[2] if b"." in name[1:] else b""


def sample(found: Sequence[Rewritten]) -> list[Rewritten]:
    """At most `SAMPLED`, from all over."""
    step = max(1, -(-len(found) // SAMPLED))
    return list(found[::step])


def encrypted(judged: Sequence[Judged], changed: int, least: int) -> Trip | None:
    """Half of what changed in a window, and `least` files at least, are lost; `judged` is a sample of the
    `changed` files. Of what cannot be judged nothing is known, so it is not among those that are fine.
    """
    lost = [each for each in judged if each.verdict in LOST]
    known = [each for each in judged if each.verdict is not Verdict.UNKNOWN]
    if not lost or len(lost) * PART < len(known):
        return None
    files = len(lost) * changed // len(judged)
    if files < least:
        return None
    severe = sum(each.severe for each in lost)
    facts = {"broken": files, "changed": changed, "judged": len(judged), "severe": severe}
    return Trip(ENCRYPTED, facts, some_of([each.path for each in lost]))


def renamed(pairs: Iterable[Rewritten], is_known: Callable[[bytes], bool]) -> Trip | None:
    """Many files came back under an ending that the source never had; `is_known` says of one whether it did,
    and is asked only of those that many have.
    """
    by_ending: dict[bytes, list[bytes]] = {}
    for pair in pairs:
        by_ending.setdefault(ending_of(pair.path), []).append(pair.path)
    for ending, paths in by_ending.items():
        if len(paths) >= RENAMED_LEAST and not is_known(ending):
            return Trip(RENAMED, {"renamed": len(paths)}, some_of(paths))
    return None

"""Each rule at its limit, on numbers and light trees: one less is nothing."""

import pytest

from tests.guarded import png
from vaultd.format.entry import FILE, Entry
from vaultd.format.keeping import MAX_EXAMPLES
from vaultd.guard import chat, clock, deletion, encryption, shrinking
from vaultd.guard.clock import Moment
from vaultd.guard.encryption import Judged, Verdict
from vaultd.guard.structure import Read
from vaultd.guard.timeline import base, last_good
from vaultd.guard.trips import DAY, HOUR, Trip, facts_of, rules_of, some_of
from vaultd.guard.volatile import is_volatile
from vaultd.tree.losses import Losses, Rewritten
from vaultd.tree.view import Found

GIB = 1 << 30
MIB = 1 << 20


def entry(path: bytes, size: int = 100, content: bytes = b"c") -> Entry:
    name = path.rpartition(b"/")[2]
    return Entry(name, FILE, 0o644, 0, 0, 1, size, ((content.ljust(32, b"."), size),), {})


def lost(files: int, size: int = 100) -> Losses:
    gone = [Found(b"%d" % number, entry(b"%d" % number, size)) for number in range(min(files, 600))]
    return Losses(gone=gone, gone_files=files, gone_bytes=files * size)


@pytest.mark.parametrize(
    ("files", "size", "had", "had_bytes", "expected"),
    [
        (19, 1, 30, 30, False),
        (20, 1, 30, 30, True),
        (20, 1, 201, 201, False),
        (300, 1, 10_000, 10_000, False),
        (499, 1, 10_000, 10_000, False),
        (500, 1, 1_000_000, 1_000_000, True),
        (1, GIB, 10_000, 4 * GIB, True),
        (1, GIB - 1, 10_000, 4 * GIB, False),
        (1, GIB, 10_000, 6 * GIB, False),
    ],
)
def test_too_much_for_a_day(files: int, size: int, had: int, had_bytes: int, expected: bool) -> None:
    assert (deletion.deleted(lost(files, size), had, had_bytes) is not None) == expected


def test_too_much_for_a_month() -> None:
    assert deletion.dripped(lost(299), 1000, 100_000) is None
    trip = deletion.dripped(lost(300), 1000, 100_000)
    assert trip is not None
    assert (trip.facts["files"], trip.facts["days"], len(trip.examples)) == (300, 30, MAX_EXAMPLES)
    assert deletion.dripped(lost(19), 20, 2000) is None


def test_a_folder_that_was_emptied() -> None:
    def trip(had: int, gone: int, *, chat: bool = False) -> Trip | None:
        folder = deletion.Emptied(b"a", had, tuple(b"%d" % number for number in range(gone)))
        return deletion.emptied([folder], chat=chat)

    assert trip(29, 29) is None
    assert trip(30, 23) is None
    assert trip(30, 24) is not None
    assert trip(30, 15) is None
    assert trip(30, 15, chat=True) is not None
    assert deletion.can_be_emptied(24, chat=False)
    assert not deletion.can_be_emptied(23, chat=False)


def test_stores_of_messages() -> None:
    salt, other = b"s" * 16, b"o" * 16

    def is_lost(**facts: object) -> bool:
        return chat.lost([chat.Store(b"m.db", **facts)]) is not None  # type: ignore[arg-type]

    assert is_lost(most=64 << 10, now=None)
    assert not is_lost(most=(64 << 10) - 1, now=None)
    assert is_lost(most=8 * MIB, now=4 * MIB - 1)
    assert not is_lost(most=8 * MIB, now=4 * MIB)
    assert not is_lost(most=8 * MIB - 1, now=1)
    new = {"most": 10 * MIB, "now": 7 * MIB, "head": salt, "head_now": other, "total": 10 * MIB}
    assert is_lost(**new, total_now=6 * MIB)
    assert not is_lost(**new, total_now=8 * MIB)
    assert not is_lost(**{**new, "head_now": salt}, total_now=6 * MIB)
    store = chat.Store(b"m.db", 10 * MIB, 10 * MIB, salt, other, 10 * MIB, 10 * MIB)
    assert chat.rekeyed([store]) == [b"m.db"]
    assert chat.is_database(b"Msg/Multi/MSG0.db")
    assert not chat.is_database(b"Msg/FTSMSG0.db")
    assert not chat.is_database(b"msgstore.db.crypt15")


def judged(lost: int, fine: int, unknown: int) -> list[Judged]:
    verdicts = [Verdict.NO_TYPE] * lost + [Verdict.FINE] * fine + [Verdict.UNKNOWN] * unknown
    return [Judged(b"%d" % number, verdict) for number, verdict in enumerate(verdicts)]


def test_half_of_what_changed_and_a_few_at_least() -> None:
    assert encryption.encrypted(judged(4, 0, 0), 4, 5) is None
    assert encryption.encrypted(judged(5, 0, 0), 5, 5) is not None
    assert encryption.encrypted(judged(5, 6, 0), 11, 5) is None
    assert encryption.encrypted(judged(5, 5, 50), 60, 5) is not None
    assert encryption.encrypted(judged(0, 0, 9), 9, 5) is None


def test_only_what_was_sound_can_be_lost() -> None:
    noise, text = bytes(range(256)) * 20, b"a letter home, long enough to be one " * 9
    jpeg = b"\xff\xd8\xff" + bytes(5000)

    def verdict(before: bytes, after: bytes) -> Verdict:
        def reads(data: bytes) -> Read:
            return lambda at, length: data[at : at + length]

        return encryption.judge(reads(before), len(before), reads(after), len(after))

    assert verdict(jpeg, noise) is Verdict.NO_TYPE
    assert verdict(jpeg, text) is Verdict.NO_TYPE  # a pointer, or Base64, in the place of a picture
    assert verdict(text, noise) is Verdict.NO_TYPE
    assert verdict(text, b"") is Verdict.FINE  # a log that was begun anew
    assert verdict(text, text[::-1]) is Verdict.FINE
    assert verdict(noise, noise[::-1]) is Verdict.UNKNOWN
    assert verdict(jpeg, png(1)) is Verdict.FINE
    assert verdict(jpeg, b"") is Verdict.NO_TYPE


def test_names_that_stand_for_what_is_gone() -> None:
    gone = [Found(b"a/%d.jpg" % number, entry(b"%d.jpg" % number)) for number in range(20)]
    for form in (b"a/%d.jpg.locked", b"a/%d.locked"):
        come = [Found(form % number, entry(form % number)) for number in range(20)]
        pairs = encryption.pairs_in(Losses(gone=gone, come=come))
        assert len(pairs) == 20
        trip = encryption.renamed(pairs, lambda ending: ending != b"locked")
        assert trip is not None
        assert trip.facts == {"renamed": 20}
        assert encryption.renamed(pairs, lambda _: True) is None
        assert encryption.renamed(pairs[1:], lambda _: False) is None
    others = [Found(b"a/x%d.locked" % number, entry(b"x")) for number in range(20)]
    assert encryption.pairs_in(Losses(gone=gone, come=others)) == []


def test_media_that_shrank() -> None:
    def rewritten(path: bytes, before: int, after: int) -> Rewritten:
        return Rewritten(path, entry(path, before), entry(path, after))

    found = shrinking.candidates([rewritten(b"%d.jpg" % n, 1000, 400) for n in range(30)])
    assert len(found) == 30
    assert shrinking.candidates([rewritten(b"a.jpg", 1000, 401), rewritten(b"a.txt", 1000, 1)]) == []
    assert shrinking.shrunk(found, 300, 1.0) is not None
    assert shrinking.shrunk(found, 301, 1.0) is None
    assert shrinking.shrunk(found, 100, 0.5) is None
    assert shrinking.is_enough(200, 1_000_000)


def test_clocks() -> None:
    at = Moment(1000 * DAY, 10 * DAY, "boot")

    def jumps(wall: int, passed: int, start: str = "boot") -> bool:
        return clock.jumped(at, Moment(at.wall + wall, at.since_start + passed, start)) is not None

    assert not jumps(30 * DAY, 30 * DAY)
    assert not jumps(7 * DAY, 0)
    assert jumps(7 * DAY + 1, 0)
    assert jumps(-7 * DAY - 1, 0)
    assert not jumps(100 * DAY, -9 * DAY, "other")
    assert jumps(200 * DAY, -9 * DAY, "other")
    assert jumps(-8 * DAY, -9 * DAY, "other")
    assert not jumps(30 * DAY, -9 * DAY)  # a start that the system does not name
    assert clock.dated_ahead(2 * DAY + 1, DAY) is not None
    assert clock.dated_ahead(2 * DAY, DAY) is None


def test_what_a_trip_adds_up_to() -> None:
    trips = [Trip("shrunk", {"of": 1}), Trip("deleted", {"of": 3, "files": 2})]
    assert (rules_of(trips), facts_of(trips)) == (["deleted", "shrunk"], {"of": 3, "files": 2})
    paths = [b"%d" % number for number in range(1001)]
    assert len(some_of(paths)) <= MAX_EXAMPLES
    assert some_of(paths)[0] == b"0"


def test_folders_of_caches_by_their_exact_names() -> None:
    for path in (b"a/Cache/x", b"Photos Previews.lrdata/0/1.lrprev", b"immich/thumbs", b".thumbnails/a.png"):
        assert is_volatile(path)
    for path in (b"a/cache.jpg", b"Cached/x", b".Trash-1000/files/a.jpg", b"thumbs.db"):
        assert not is_volatile(path)


class At:
    """A snapshot, as far as time goes."""

    def __init__(self, started: int) -> None:
        self.body = self
        self.started = started


def line(*times: int) -> list[At]:
    return [At(time) for time in times]


def test_which_snapshot_is_compared_with() -> None:
    def chosen(times: list[At], window: int, floor: int = 0) -> int:
        return base(times, len(times) - 1, window, floor)  # type: ignore[arg-type]

    hourly = line(*(hour * HOUR for hour in range(50)))
    assert chosen(hourly, DAY) == 49 - 24
    assert chosen(hourly, DAY, floor=40) == 40
    assert chosen(line(0, 10 * DAY, 20 * DAY), DAY) == 1
    assert chosen(line(5 * DAY, 5 * DAY + 1), DAY) == 0
    # A clock that was set back: the one before is the only one of which anything is known.
    assert chosen(line(0, DAY, 9 * DAY, 2 * DAY), DAY) == 2


def test_where_a_loss_began() -> None:
    def good(times: list[At], hits: set[int]) -> int:
        return last_good(times, len(times) - 1, 0, hits.__contains__)  # type: ignore[arg-type]

    every_half_hour = line(*(number * HOUR // 2 for number in range(20)))
    assert good(every_half_hour, {19}) == 18
    assert good(every_half_hour, {16, 17, 18, 19}) == 15
    assert good(every_half_hour, {5, 17, 18, 19}) == 16
    assert good(line(0, 6 * HOUR, 12 * HOUR), {1, 2}) == 1

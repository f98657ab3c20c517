"""What a copy makes of a store that refuses, lies, stalls or forgets: typed, and nothing lost."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.copies.badstore import PORTAL, WHEN, Answer, BadStore, bad_store, listing, on, raised, refusal
from tests.copies.places import COPY, KEYS, VAULT, StrictStore, held, one_of_each, pack_of, set_aside
from vaultd.copies import refusals
from vaultd.copies.bucket import Address
from vaultd.copies.identity import VaultId
from vaultd.copies.objectplace import create_objects, open_objects
from vaultd.copies.objects import ObjectCopy
from vaultd.errors import Full, Missing, ReadOnly, Unreachable, VaultExists

DATA = bytes(range(256)) * 40
NAME = pack_of(DATA)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "_PAUSES", (0.01, 0.01))
    monkeypatch.setattr(refusals, "_SLOWER", (0.01, 0.01))


@pytest.fixture
def place(tmp_path: Path) -> StrictStore:
    return StrictStore(tmp_path)


@pytest.fixture
def bad(place: StrictStore) -> Iterator[BadStore]:
    """In front of the strict store."""
    with bad_store(place.address.endpoint) as store:
        yield store


@pytest.fixture
def copy(place: StrictStore, bad: BadStore) -> ObjectCopy:
    address = Address(place.address.bucket, place.prefix, bad.endpoint)
    return open_objects(address, KEYS, COPY, "cloud", limit=2)


REFUSALS = {
    "AccessDenied": refusal(403, "AccessDenied"),
    "RequestTimeTooSkewed": refusal(403, "RequestTimeTooSkewed"),
    "SlowDown": refusal(503, "SlowDown"),
    "InternalError": refusal(500, "InternalError"),
    "AuthorizationHeaderMalformed": refusal(400, "AuthorizationHeaderMalformed"),
    "NoSuchBucket": refusal(404, "NoSuchBucket"),
    "HTTP 502": Answer(502, b"<html>bad gateway</html>"),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_is_unreachable_with_its_cause(copy: ObjectCopy, bad: BadStore, code: str) -> None:
    bad.answers = lambda method, path, _: None if method == "HEAD" else REFUSALS[code]
    for use in (
        lambda: copy.get(NAME, 0, 10),
        lambda: list(copy.list()),
        lambda: copy.put(NAME, DATA),
        lambda: copy.remove(NAME),
        lambda: copy.quarantine(NAME),
    ):
        error = raised(use)
        assert isinstance(error, Unreachable)
        assert (error.copy, error.reason) == ("cloud", code)


@pytest.mark.parametrize("answer", [Answer(403), Answer(404), Answer(400), Answer(301), Answer(503)], ids=str)
def test_a_head_that_says_nothing_is_not_an_absence(copy: ObjectCopy, bad: BadStore, answer: Answer) -> None:
    bad.answers = lambda *_: answer
    for use in (lambda: copy.fetch(NAME), lambda: copy.get(NAME)):
        assert isinstance(raised(use), Unreachable)


def test_no_room_is_full_and_no_permission_to_write_is_read_only(copy: ObjectCopy, bad: BadStore) -> None:
    for answer, kind in (
        (Answer(507), Full),
        (refusal(507, "InsufficientStorage"), Full),
        (refusal(403, "QuotaExceeded"), Full),
        (refusal(403, "AccessDenied"), ReadOnly),
        (refusal(503, "SlowDown"), Unreachable),
    ):
        bad.answers = on("PUT", "/packs/", answer)
        assert isinstance(raised(lambda: copy.put(NAME, DATA)), kind)
        bad.answers = lambda *_: None
        with pytest.raises(Missing):
            copy.get(NAME)
    bad.answers = on("HEAD", "/packs/", Answer(403))
    assert isinstance(raised(lambda: copy.put(NAME, DATA)), Unreachable)


def test_what_passes_is_asked_for_again(copy: ObjectCopy, bad: BadStore, place: StrictStore) -> None:
    once = [refusal(503, "SlowDown"), refusal(500, "InternalError")]
    bad.answers = lambda method, *_: once.pop() if once and method == "GET" else None
    copy.put(NAME, DATA)
    once += [refusal(503, "SlowDown"), Answer(200, DATA, cut=5)]
    assert copy.fetch(NAME) == DATA
    once += [refusal(500, "InternalError")]
    assert held(copy) == {NAME: len(DATA)}


def test_a_byte_a_second_is_no_answer(copy: ObjectCopy, bad: BadStore, place: StrictStore) -> None:
    place.copy.put(NAME, DATA)
    bad.answers = on("GET", "/packs/", Answer(200, DATA, slowly=0.2))
    begun = time.monotonic()
    error = raised(lambda: copy.fetch(NAME))
    assert isinstance(error, Unreachable)
    assert error.reason == "timeout"
    assert time.monotonic() - begun < 10


def test_a_portal_that_answers_everything_damages_nothing(
    copy: ObjectCopy, bad: BadStore, place: StrictStore
) -> None:
    place.copy.put(NAME, DATA)
    bad.answers = lambda *_: PORTAL
    for use in (
        lambda: copy.fetch(NAME),
        lambda: copy.read_back(NAME),
        lambda: list(copy.list()),
        lambda: list(copy.list("log/")),
        lambda: list(copy.strangers()),
        lambda: list(copy.quarantined()),
    ):
        assert isinstance(raised(use), Unreachable)
    asked = len(bad.asked)
    for change in (lambda: copy.put(NAME, DATA), lambda: copy.quarantine(NAME), lambda: copy.remove(NAME)):
        raised(change)
    assert {method for method, _ in bad.asked[asked:]} == {"GET"}
    assert place.copy.fetch(NAME) == DATA


def test_a_listing_that_ends_early_is_no_list(copy: ObjectCopy, bad: BadStore, place: StrictStore) -> None:
    names = sorted(one_of_each(DATA))
    keys = [f"{place.prefix}/{name}" for name in names]
    identity = f"{place.prefix}/vault.id"
    for answer in (listing(), listing(*keys), listing(*keys[:1], more="again"), listing(identity, *keys)):
        bad.answers = on("GET", "list-type", answer)
        for prefix in ("", "parity/"):  # what stands beyond "packs/" proves that its end was met
            assert isinstance(raised(lambda prefix=prefix: list(copy.list(prefix))), Unreachable)  # type: ignore[misc]
    bad.answers = on("GET", "list-type", listing(*keys, identity))
    assert [stored.name for stored in copy.list()] == names
    bad.answers = on("GET", "list-type", listing(*keys[:1], identity))
    assert [stored.name for stored in copy.list("index/")] == names[:1]


def test_a_page_that_comes_late_gives_no_name_twice(
    copy: ObjectCopy, bad: BadStore, place: StrictStore
) -> None:
    names = sorted(one_of_each(DATA))
    keys = [f"{place.prefix}/{name}" for name in (*names, "vault.id")]
    pages = iter([listing(*keys[:2], more="token"), refusal(503, "SlowDown"), listing(*keys)])
    bad.answers = lambda _, path, __: next(pages) if "list-type" in path else None
    assert [stored.name for stored in copy.list()] == names


def test_a_second_page_that_does_not_come_is_no_end(
    copy: ObjectCopy, bad: BadStore, place: StrictStore
) -> None:
    key = f"{place.prefix}/{min(one_of_each(DATA))}"
    for second in (refusal(503, "SlowDown"), refusal(404, "NoSuchBucket"), PORTAL, Answer(200, b"<Li")):
        pages = iter([listing(key, more="token")])
        bad.answers = lambda _, path, __, pages=pages, then=second: (  # type: ignore[misc]
            next(pages, then) if "list-type" in path else None
        )
        assert isinstance(raised(lambda: list(copy.list())), Unreachable)


def test_a_store_without_ranges_is_read_whole(copy: ObjectCopy, bad: BadStore, place: StrictStore) -> None:
    place.copy.put(NAME, DATA)
    bad.answers = lambda method, path, _: (
        Answer(200, DATA) if (method, "/packs/" in path) == ("GET", True) else None
    )
    for offset, length in ((0, 10), (100, 1000), (len(DATA) - 5, 100), (-7, 3), (5, None)):
        assert copy.get(NAME, offset, length) == DATA[offset:][:length]
    assert copy.fetch(NAME) == DATA


def test_bytes_changed_on_the_way_are_not_left_there(
    bad: BadStore, copy: ObjectCopy, place: StrictStore
) -> None:
    """A PUT that the store took for something else, and one that it said it took, and did not."""

    def flipped(method: str, path: str, headers: dict[str, str]) -> Answer | None:
        if method == "PUT" and "/packs/" in path:
            place.plant(NAME, DATA[:-1] + b"!")
            return Answer(200)
        return None

    bad.answers = flipped
    assert isinstance(raised(lambda: copy.put(NAME, DATA)), Unreachable)
    assert NAME not in set(place.names())
    bad.answers = on("PUT", "/packs/", Answer(200))
    assert isinstance(raised(lambda: copy.put(NAME, DATA)), Unreachable)
    bad.answers = lambda *_: None
    copy.put(NAME, DATA)
    assert place.copy.fetch(NAME) == DATA


@pytest.mark.parametrize("etag", ['"d41d8cd98f00b204e9800998ecf8427e"', '"abc-2"', ""])
def test_where_the_mark_is_no_md5_the_bytes_are_read(
    copy: ObjectCopy, bad: BadStore, place: StrictStore, etag: str
) -> None:
    def marked(method: str, path: str, headers: dict[str, str]) -> Answer | None:
        if method == "HEAD" and NAME in set(place.names()):
            return Answer(200, DATA, {"etag": etag} if etag else {})
        return None

    bad.answers = marked
    copy.put(NAME, DATA)
    assert ("GET", f"/{place.address.bucket}/{place.prefix}/{NAME}") in bad.asked


def test_what_is_there_is_not_written_again(copy: ObjectCopy, bad: BadStore, place: StrictStore) -> None:
    copy.put(NAME, DATA)
    asked = len(bad.asked)
    copy.put(NAME, DATA)
    assert {method for method, _ in bad.asked[asked:]} == {"GET", "HEAD"}
    assert not any(method in ("DELETE", "POST") for method, _ in bad.asked)


def test_nothing_damaged_goes_before_it_stands_in_quarantine(
    copy: ObjectCopy, bad: BadStore, place: StrictStore
) -> None:
    place.plant(NAME, b"wrong")
    for answer in (
        refusal(403, "AccessDenied"),
        refusal(507, "QuotaExceeded"),
        refusal(500, "InternalError"),
    ):
        bad.answers = on("PUT", "/quarantine/", answer)
        raised(lambda: copy.put(NAME, DATA))
        raised(lambda: copy.quarantine(NAME))
        assert place.copy.get(NAME) == b"wrong"
    # A copy that was answered, and is not there.
    done = Answer(200, b"<CopyObjectResult><ETag>x</ETag>" + WHEN.encode() + b"</CopyObjectResult>")
    bad.answers = on("PUT", "/quarantine/", done)
    raised(lambda: copy.put(NAME, DATA))
    raised(lambda: copy.quarantine(NAME))
    assert place.copy.get(NAME) == b"wrong"
    bad.answers = lambda *_: None
    copy.put(NAME, DATA)
    assert set_aside(place.copy) == [b"wrong"]


def test_who_put_it_right_meanwhile_is_not_undone(
    copy: ObjectCopy, bad: BadStore, place: StrictStore
) -> None:
    """Another process puts the file while ours, which found it damaged, is about to remove it."""
    place.plant(NAME, b"wrong")

    def meanwhile(method: str, path: str, headers: dict[str, str]) -> Answer | None:
        if method == "HEAD" and "/quarantine/" in path:
            place.plant(NAME, DATA)
        return None

    bad.answers = meanwhile
    copy.quarantine(NAME)
    assert place.copy.fetch(NAME) == DATA
    assert set_aside(place.copy) == [b"wrong"]


@pytest.mark.parametrize("answer", [refusal(501, "NotImplemented"), Answer(501)], ids=["code", "status"])
def test_a_store_that_knows_no_conditions_takes_a_copy(
    bad: BadStore, place: StrictStore, answer: Answer
) -> None:
    bad.answers = lambda method, path, headers: answer if "If-None-Match" in _titles(headers) else None
    address = Address(place.address.bucket, place.prefix + "/second", bad.endpoint)
    create_objects(address, KEYS, VAULT, bytes(16), "cloud").put(NAME, DATA)
    with pytest.raises(VaultExists):
        create_objects(address, KEYS, VAULT, COPY, "cloud")


def test_an_id_that_somebody_else_wrote_at_the_same_time_is_theirs(bad: BadStore, place: StrictStore) -> None:
    other = VaultId(VAULT, bytes(16)).encode()

    def overtaken(method: str, path: str, headers: dict[str, str]) -> Answer | None:
        if method == "PUT":
            place.plant("third/vault.id", other)
            return Answer(200)
        return None

    bad.answers = overtaken
    with pytest.raises(VaultExists):
        create_objects(
            Address(place.address.bucket, place.prefix + "/third", bad.endpoint), KEYS, VAULT, COPY, "cloud"
        )


def _titles(headers: dict[str, str]) -> set[str]:
    return {name.title() for name in headers}

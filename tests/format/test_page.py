"""Pages: every folder survives, and every wrong page is refused."""

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.format.values import ID, KEYS, entries, folders, mutated, names, page_of, plain, refused, taken
from vaultd.format import canon
from vaultd.format.entry import (
    Entry,
    LongEntry,
    check_name,
    encode_entry,
    spell,
    spell_out,
)
from vaultd.format.limits import MAX_NAME, MAX_PAGE_ENTRIES, PAGE_TARGET
from vaultd.format.page import cut_pages, decode_page, encode_page


@given(folders)
def test_a_folder_survives(folder: list[Entry]) -> None:
    page = decode_page(encode_page(folder))
    assert page.entries == folder
    assert page.unknown == []
    assert all(type(found) is Entry for found in page.entries)


@given(folders.filter(bool), st.data())
def test_a_mutated_page_is_refused_or_another_one(folder: list[Entry], data: st.DataObject) -> None:
    changed = data.draw(mutated(encode_page(folder)))
    for found in taken(decode_page, changed, "canonical", "shape", "depth", "name", "order", "size"):
        assert encode_page(found.entries) == changed


@given(
    entries(),
    st.dictionaries(st.text(min_size=4, max_size=6), st.integers(0, 99), max_size=2),
)
def test_what_is_unknown_survives_and_is_reported(known: Entry, added: dict[str, int]) -> None:
    added = {f"x-{key}": item for key, item in added.items()}
    strange = msgspec.structs.replace(known, extra={**known.extra, **added})
    for more in ((), (1, [b"x", {"k": None}])):
        data = page_of([*spell_out(strange), *more])
        found = decode_page(data)
        assert encode_page(found.entries) == data
        assert len(found.unknown) == len(added) + bool(more)
        assert isinstance(found.entries[0], LongEntry) == bool(more)
        if added or more:
            assert found.entries[0].extra.keys() == strange.extra.keys()
            assert found.entries[0].content == known.content


def test_an_unknown_kind_is_read_past() -> None:
    for content in (None, ID, ((ID, 99),)):
        strange = plain(kind=9, content=content, size=7)
        found = decode_page(encode_page([strange]))
        assert found == ([strange], ["entry kind 9"])


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"/", b"a\0", b"x" * (MAX_NAME + 1)])
def test_a_wrong_name(name: bytes) -> None:
    with refused("name"):
        decode_page(encode_page([plain(name)]))
    with refused("name"):
        list(cut_pages([plain(name)], KEYS))


@pytest.mark.parametrize(
    "name", [b"...", b".a", b" ", b"\n", b"\xff\xfe", b"x" * MAX_NAME, "\u5bb6".encode(), b"\\"]
)
def test_any_other_name(name: bytes) -> None:
    check_name(name)
    assert decode_page(encode_page([plain(name)])).entries[0].name == name


@pytest.mark.parametrize("second", [b"a", b"A", b"", b"9"])
def test_names_ascend(second: bytes) -> None:
    data = encode_page([plain(b"a"), plain(second)])
    with refused("order", "name"):
        decode_page(data)
    with refused("order", "name"):
        list(cut_pages([plain(b"a"), plain(second)], KEYS))


def test_in_an_attic_a_name_may_stand_again() -> None:
    versions = sorted((plain(mtime=time, extra={"missed": 5}) for time in (300, 2, 70_000)), key=encode_entry)
    data = encode_page(versions)
    assert decode_page(data, attic=True).entries == versions
    assert [page for _, page in cut_pages(versions, KEYS, attic=True)] == [data]
    for wrong in (versions[::-1], [versions[0], versions[0]]):
        with refused("order"):
            decode_page(encode_page(wrong), attic=True)
    with refused("order"):
        decode_page(data)


def test_wrong_pages() -> None:
    for data, word in (
        (page_of(spell_out(plain())[:-1]), "shape"),
        (canon.encode({}), "shape"),
        (page_of(1), "shape"),
        (encode_page([plain(b"%05d" % i) for i in range(MAX_PAGE_ENTRIES + 1)]), "shape"),
        (b"\x91" * 100_000, "depth"),
        (encode_page([plain()]) + b"\0", "canonical"),
        (encode_page([plain()]).replace(b"\x05\x80", b"\xcc\x05\x80"), "canonical"),
        (b"", "canonical"),
    ):
        with refused(word):
            decode_page(data)


def many(count: int) -> list[Entry]:
    return [plain(b"IMG_%06d.jpg" % i) for i in range(count)]


def cut(folder: list[Entry]) -> list[tuple[bytes, bytes]]:
    return list(cut_pages(iter(folder), KEYS))


def test_pages_hold_the_whole_folder() -> None:
    folder = many(5000)
    pages = cut(folder)
    assert 15 < len(pages) < 100
    found = [decode_page(page).entries for _, page in pages]
    assert [one for page in found for one in page] == folder
    assert [first for first, _ in pages] == [page[0].name for page in found]
    assert all(data == encode_page(page) for (_, data), page in zip(pages, found, strict=True))


def test_one_photo_more_rewrites_one_page_or_two() -> None:
    folder = many(5000)
    before = {page for _, page in cut(folder)}
    folder.insert(2500, plain(b"IMG_002499a.jpg"))
    assert len({page for _, page in cut(folder)} - before) <= 2


def test_an_empty_folder_is_one_page() -> None:
    assert cut([]) == [(b"", b"\x90")]
    assert decode_page(b"\x90").entries == []


def test_pages_end_where_the_vault_says(rng: random.Random) -> None:
    folder = many(3000)
    marked = [found.name for found in folder if KEYS.page_mark(found.name) % 128 == 0]
    last = [decode_page(page).entries[-1].name for _, page in cut(folder)]
    assert set(marked) <= set(last)
    assert max(len(decode_page(page).entries) for _, page in cut(folder)) <= MAX_PAGE_ENTRIES


def test_large_entries_make_pages_of_a_mebibyte() -> None:
    big = {"xattr": {b"user.a": bytes(60_000)}}
    folder = [plain(b"%03d" % i, extra=big) for i in range(60)]
    pages = cut(folder)
    assert max(len(page) for _, page in pages) <= PAGE_TARGET
    assert len(pages) >= 4
    assert [one for _, page in pages for one in decode_page(page).entries] == folder


def test_an_entry_of_more_than_64_kib() -> None:
    with refused("shape"):
        cut([plain(extra={"xattr": {b"user.a": bytes(66_000)}})])


@given(st.lists(names, unique=True, max_size=30))
def test_cutting_writes_what_is_read(found: list[bytes]) -> None:
    folder = [plain(name) for name in sorted(found)]
    assert [one for _, page in cut(folder) for one in decode_page(page).entries] == folder


def test_an_entry_of_an_unknown_kind_may_look_like_anything_and_hides_nothing() -> None:
    """A later kind must cost a reader of today that entry, and not the page that it stands on."""
    strange = [b"portal", 12, {"to": b"elsewhere"}, ["any", "shape"]]
    known = Entry(b"plain", 1, 0o644, 0, 0, 0, 0, (), {})
    data = canon.encode([spell(known), strange])
    page = decode_page(data)
    assert [entry.name for entry in page.entries] == [b"plain", b"portal"]
    assert page.unknown == ["entry kind 12"]
    assert encode_page(page.entries) == data
    for wrong in ([b"portal", "12"], [b"portal"], [b"plain", 12]):
        with refused("shape", "order"):
            decode_page(canon.encode([spell(known), wrong]))

"""Names, sizes, times and widths as a person sees them."""

import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vaultd_cli import show

NAMES = st.binary(min_size=1).map(lambda raw: raw.replace(b"\0", b"n")) | st.text(
    st.sampled_from("\\xu0a1b85中\x1b\u202e\u2028\u0085e\u0301\n"), min_size=1
).map(str.encode)


@given(NAMES)
def test_a_shown_name_can_be_typed_again(raw: bytes) -> None:
    assert raw in show.typed(show.name(raw))


@given(NAMES, NAMES)
def test_two_names_never_look_the_same(one: bytes, other: bytes) -> None:
    assert (show.name(one) == show.name(other)) == (one == other)


@given(NAMES)
def test_a_typed_name_is_tried_as_it_stands_first(raw: bytes) -> None:
    assert show.typed(os.fsdecode(raw))[0] == raw


@given(NAMES)
def test_a_shown_name_cannot_steer_the_terminal(raw: bytes) -> None:
    steering = {
        *map(chr, range(0x20)),
        *map(chr, range(0x7F, 0xA0)),
        *"\u2028\u2029",
        *map(chr, range(0x202A, 0x202F)),
    }
    steering |= set(map(chr, range(0x2066, 0x206A)))
    assert not steering & set(show.name(raw))
    show.name(raw).encode()


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"IMG_0001.jpg", "IMG_0001.jpg"),
        ("照片 2026".encode(), "照片 2026"),
        (b"C:\\Users", "C:\\Users"),
        (b"a\\x41", "a\\\\x41"),
        (b"\xff\xfe", "\\xff\\xfe"),
        ("\u0085".encode(), "\\u0085"),
        ("photo\u202egpj.exe".encode(), "photo\\u202egpj.exe"),
        (b"two\nlines", "two\\x0alines"),
    ],
)
def test_names(raw: bytes, shown: str) -> None:
    assert show.name(raw) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_951, "1.0 MB"),
        (1_400_000_000, "1.4 GB"),
    ],
)
def test_sizes(number: int, shown: str) -> None:
    assert show.size(number) == shown


def test_sizes_have_no_end() -> None:
    assert show.size(2**63) == "9.2 EB"
    assert show.size(10**24).endswith(" EB")


def test_times_are_local_and_say_their_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert show.moment(1_795_000_000_123_456_789) == "2026-11-18 16:36:40 +05:30"
        assert show.instant(1_795_000_000_123_456_789) == "2026-11-18T11:06:40.123456789Z"
        assert show.instant(-1) == "1969-12-31T23:59:59.999999999Z"
        assert show.moment(10**30).startswith("@")
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("照片", 4), ("e\u0301", 1), ("ｆｕｌｌ", 8), ("", 0), ("，。", 4)]
)
def test_widths(text: str, columns: int) -> None:
    assert show.width(text) == columns


def test_spans() -> None:
    assert [show.span(s) for s in (7, 754, 10_921)] == ["0:07", "12:34", "3:02:01"]


@given(st.text(st.sampled_from("ab 中，。（）“”x-"), max_size=80), st.integers(6, 40))
def test_wrapping_loses_nothing_and_keeps_the_width(text: str, columns: int) -> None:
    lines = show.wrap(text, columns)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(show.width(line) <= columns or len(list(show._words(line))) == 1 for line in lines)


def test_cutting_never_tears_a_wide_character() -> None:
    assert show.cut("照片abc", 3) == "照"
    assert show.cut("abc", 10) == "abc"

"""Lengths of time and parts of a whole mean what they say, and nothing else is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vaultd_cli.amounts import NotAnAmount, Subset, bytes_of, seconds_of, subset_of


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        *(("45s", 45), ("10m", 600), ("2h", 7200), ("30d", 2_592_000), ("2w", 1_209_600)),
        *(("1h30m", 5400), ("1.5h", 5400), ("10M", 600), ("0s", 0)),
    ],
)
def test_spans(words: str, seconds: float) -> None:
    assert seconds_of(words) == seconds


@pytest.mark.parametrize("words", ["", "10", "m", "-5m", "10 m", "10x", "5m3", "1e3s", "٣m", "10m\n"])
def test_what_is_no_span(words: str) -> None:
    with pytest.raises(NotAnAmount):
        seconds_of(words)


@given(st.integers(0, 999), st.integers(0, 59), st.integers(0, 59))
def test_spans_add_up(hours: int, minutes: int, seconds: int) -> None:
    assert seconds_of(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


@pytest.mark.parametrize(
    ("words", "subset"),
    [
        *(("10%", Subset(share=0.1)), ("0.5%", Subset(share=0.005)), ("100%", Subset(share=1))),
        *(("1/5", Subset(group=(1, 5))), ("5/5", Subset(group=(5, 5)))),
        *(("7", Subset(size=7)), ("500M", Subset(size=500 << 20)), ("2GiB", Subset(size=2 << 30))),
        ("1.5k", Subset(size=1536)),
    ],
)
def test_subsets(words: str, subset: Subset) -> None:
    assert subset_of(words) == subset


@pytest.mark.parametrize("words", ["", "0%", "101%", "-1%", "0/5", "6/5", "1/0", "1/", "0", "M", "5 M", "5X"])
def test_what_is_no_subset(words: str) -> None:
    with pytest.raises(NotAnAmount):
        subset_of(words)


def test_a_size_in_bytes() -> None:
    assert [bytes_of(words) for words in ("0", "1", "1B", "1K", "1KB", "1T")] == [
        0,
        1,
        1,
        1024,
        1024,
        1 << 40,
    ]

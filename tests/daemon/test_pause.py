"""A pause ends by itself, whatever the clock does."""

from pathlib import Path

import pytest

from vaultd.daemon.pause import LONGEST, Pause
from vaultd.settings import Home, find_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return find_home(str(tmp_path))


def test_it_lasts_as_long_as_asked_and_outlives_the_process(home: Home) -> None:
    assert Pause(home).until() is None
    assert Pause(home).begin(60, now=1000) == 1060
    again = Pause(home)
    assert (again.until(1000), again.until(1059), again.until(1060)) == (1060, 1060, None)


def test_a_clock_that_was_set_back_ends_it(home: Home) -> None:
    Pause(home).begin(60, now=1000)
    assert Pause(home).until(999) is None


@pytest.mark.parametrize("seconds", [0, -1, LONGEST + 1, float("nan"), float("inf")])
def test_it_cannot_last_for_ever(home: Home, seconds: float) -> None:
    with pytest.raises(ValueError, match=r"."):
        Pause(home).begin(seconds)
    assert Pause(home).until() is None


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"began": 1}', '{"began": "x", "seconds": 1}', "\xff", '{"began": 0, "seconds": 1e999}'],
)
def test_what_cannot_be_read_is_no_pause(home: Home, text: str) -> None:
    (home.state / "pause.json").write_text(text, encoding="latin-1")
    assert Pause(home).until(now=LONGEST + 1) is None


def test_ended_it_is_over_and_ending_again_is_no_error(home: Home) -> None:
    Pause(home).begin(60)
    Pause(home).end()
    Pause(home).end()
    assert Pause(home).until() is None

"""What is said of a copy is never better than what was read of it."""

import time
from collections.abc import Iterator

import pytest
from vaultd_cli import coverage
from vaultd_cli.catalogue import language

from vaultd.store.ledger import Drilled

DAY = 86_400 * 10**9


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("VAULTD_LANG", "en")
        language.cache_clear()
        yield
    language.cache_clear()


@pytest.mark.parametrize(
    ("unread", "days", "said"),
    [
        (0, 29, "every byte was read since 20"),
        (0, 31, "the oldest part was last read 20"),
        (1, 1, "1 file was never read back"),
        (7, 1, "7 files were never read back"),
        (0, None, "0 files were never read back"),
    ],
)
def test_how_far_a_copy_was_read(unread: int, days: int | None, said: str) -> None:
    since = None if days is None else time.time_ns() - days * DAY
    assert coverage.read_back(unread, since).startswith(said)


def test_how_the_last_drill_went() -> None:
    assert coverage.drill(None) == "never drilled"
    assert coverage.drill(Drilled(DAY * 20_000, 50, 0, 1)).endswith(": 50 files, all right")
    failed = coverage.drill(Drilled(DAY * 20_000, 50, 2, 1))
    assert failed.startswith("drill failed 20")
    assert failed.endswith(": 2 things wrong")


def test_what_is_not_known_is_nothing_in_json() -> None:
    assert coverage.as_json(None, None, None) == {"unread": None, "read_since": None, "drilled": None}

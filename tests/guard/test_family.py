"""A year of a family: the guard cries seldom, and a wipe on any day of it is seen."""

import random

import pytest

from tests.guard.family import Family, held
from vaultd.format.record import SourceBody
from vaultd.guard.trips import Trip
from vaultd.tree.sources import Source

YEAR = 365
# What it may cost them: one question a month.
MOST = 12


def source(kind: str) -> Source:
    body = SourceBody(
        answers=[], cross=False, exclude=[], id=bytes(16), kind=kind, name=kind, path=b"/", removed=False
    )
    return Source(body, bytes(8), ())


def year(seed: int, files: int) -> dict[str, list[tuple[int, list[Trip]]]]:
    return {
        kind: list(held(Family(seed, kind, files), source(kind), YEAR))
        for kind in ("photos", "files", "chat")
    }


def check(seed: int, files: int) -> None:
    found = year(seed, files)
    rules = {
        kind: [(day, *(trip.rule for trip in trips)) for day, trips in days] for kind, days in found.items()
    }
    assert sum(map(len, found.values())) <= MOST, rules
    # The card that was emptied, twice, is what it is there for.
    assert {100, 250} <= {day for day, _ in found["photos"]}, rules
    assert found["chat"] == [], rules


def test_at_most_one_question_a_month() -> None:
    check(1, 160)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(2, 12))
def test_many_families(seed: int) -> None:
    check(seed, 1_000)


@pytest.mark.parametrize("seed", range(4))
def test_a_wipe_on_any_day_is_seen(seed: int) -> None:
    when = random.Random(seed).randrange(40, 60)

    class Wiped(Family):
        def _photos(self, day: int) -> None:
            if day == when:
                self._delete(len(self._places()) // 2)
            else:
                super()._photos(day)

    days = [day for day, _ in held(Wiped(seed, "photos", 120), source("photos"), when + 1)]
    assert days[-1:] == [when]

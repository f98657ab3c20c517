"""Rules take intermediate snapshots and nothing else, whatever the clocks say."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.browse.snapshots import line as made_by_hand
from tests.fakes import FakeSink
from vaultd.errors import BadUsage
from vaultd.tree.retention import DAY_NS, EVERY, HELD, NEEDED, USUAL, Rules, Thinned, thin
from vaultd.tree.snapshots import Snapshot, heads, in_order

_TEMPLATE = made_by_hand(FakeSink(), {})[0]
_NOON = int(datetime(2026, 6, 15, 12, tzinfo=UTC).timestamp()) * 10**9
HOUR_NS = DAY_NS // 24


def snapshot(
    number: int, at: int, parents: Sequence[int], *, complete: bool = True, tags: Sequence[str] = ()
) -> Snapshot:
    body = msgspec.structs.replace(
        _TEMPLATE.body,
        started=at,
        ended=at,
        complete=complete,
        offset=0,
        parents=[_id(parent) for parent in parents],
        tags=list(tags),
    )
    return Snapshot(_id(number), bytes(8), number + 1, body)


def _id(number: int) -> bytes:
    return number.to_bytes(32, "big")


def line(*times: int) -> list[Snapshot]:
    return [snapshot(n, at, [n - 1] if n else []) for n, at in enumerate(times)]


def numbers(found: Thinned) -> list[int]:
    return [int.from_bytes(identity, "big") for identity in found.kept]


def test_the_usual_rules_keep_all_of_a_month_a_day_for_a_year_and_a_week_for_ever() -> None:
    found = line(*(_NOON - n * 6 * HOUR_NS for n in reversed(range(4 * 800))))
    kept = thin(found, USUAL, ()).kept
    ages = [(_NOON - each.body.started) / DAY_NS for each in found if each.id in kept]
    assert sum(age <= 30 for age in ages) == 4 * 30 + 1
    assert sum(30 < age < 365 for age in ages) == len(range(30, 365))
    weeks = sorted(age for age in ages if age >= 366)
    assert all(6.9 < other - one < 7.1 for one, other in pairwise(weeks))
    assert weeks[-1] > 790


def test_each_of_resticss_words() -> None:
    found = line(*(_NOON + n * HOUR_NS for n in range(100)))
    assert numbers(thin(found, Rules(last=3), ())) == [97, 98, 99]
    assert numbers(thin(found, Rules(hourly=2), ())) == [98, 99]
    # 12 of the first day, then 24 each: the last of each day.
    assert numbers(thin(found, Rules(daily=EVERY), ())) == [11, 35, 59, 83, 99]
    assert numbers(thin(found, Rules(daily=2), ())) == [83, 99]
    assert numbers(thin(found, Rules(weekly=EVERY), ())) == [99]
    assert numbers(thin(found, Rules(monthly=5), ())) == [99]
    assert numbers(thin(found, Rules(yearly=5), ())) == [99]
    assert numbers(thin(found, Rules(within=2 * HOUR_NS), ())) == [97, 98, 99]
    assert numbers(thin(found, Rules(last=EVERY), ())) == list(range(100))
    tagged = [*found]
    tagged[40] = snapshot(40, found[40].body.started, [39], tags=["wedding"])
    assert numbers(thin(tagged, Rules(last=1, tags=("wedding",)), ())) == [40, 99]


def test_a_day_is_one_of_the_place_where_it_was_made() -> None:
    late = int(datetime(2026, 6, 15, 23, 30, tzinfo=UTC).timestamp()) * 10**9
    found = [
        replace(each, body=msgspec.structs.replace(each.body, offset=8 * 60))
        for each in line(late - 8 * HOUR_NS, late - 7 * HOUR_NS)
    ]
    assert numbers(thin(found, Rules(daily=EVERY), ())) == [0, 1]


def test_what_is_held_stays_and_says_why() -> None:
    found = thin(line(*(_NOON + n for n in range(9))), Rules(last=1), {_id(4)})
    assert (numbers(found), found.kept[_id(4)]) == ([4, 8], (HELD,))


def test_every_head_stays_and_so_does_the_newest_complete_one() -> None:
    split = [
        snapshot(0, _NOON, []),
        snapshot(1, _NOON + 1, [0]),
        snapshot(2, _NOON + 2, [0]),
        snapshot(3, _NOON + 3, [2], complete=False),
    ]
    assert numbers(thin(split, Rules(last=1), ())) == [1, 2, 3]


def test_what_no_complete_one_follows_stays() -> None:
    found = [snapshot(n, _NOON + n, [n - 1] if n else [], complete=n in (0, 4)) for n in range(8)]
    thinned = thin(found, Rules(last=1), ())
    assert numbers(thinned) == [4, 5, 6, 7]
    assert thinned.kept[_id(5)] == (NEEDED,)


def test_a_clock_that_was_set_back_counts_as_standing_still() -> None:
    times = [_NOON, _NOON + DAY_NS, _NOON + 2 * DAY_NS, _NOON - 3650 * DAY_NS, 0, _NOON + 3 * DAY_NS]
    thinned = thin(line(*times), Rules(daily=EVERY), ())
    assert numbers(thinned) == [0, 1, 4, 5]
    assert numbers(thin(line(*times), Rules(within=DAY_NS), ())) == [2, 3, 4, 5]


@pytest.mark.parametrize("time", [-(2**63), 2**62, 2**63 - 1])
def test_no_clock_is_too_wrong(time: int) -> None:
    assert numbers(thin(line(_NOON, time), USUAL, ()))[-1] == 1


def test_more_than_a_fifth_at_once_is_too_much_but_not_of_a_few() -> None:
    many = line(*(_NOON + n for n in range(100)))
    assert thin(many, Rules(last=79), ()).is_too_much
    assert not thin(many, Rules(last=80), ()).is_too_much
    assert not thin(many[:6], Rules(last=1), ()).is_too_much


def test_no_rule_can_ask_when_somebody_last_looked() -> None:
    """The rules see what a snapshot says of itself, and the names of the rules are all there are."""
    assert set(Rules.__dataclass_fields__) == {
        *("last", "hourly", "daily", "weekly", "monthly", "yearly", "within", "tags")
    }


def test_rules_go_into_a_record_and_come_back() -> None:
    for rules in (USUAL, Rules(last=3, tags=("a", "b")), Rules(within=7, yearly=EVERY)):
        assert Rules.of(rules.to_map()) == rules
    assert Rules.of({}) == USUAL


@pytest.mark.parametrize("said", [{"looked": 3}, {"last": "many"}, {"last": 1, "newer": 2}, {"last": None}])
def test_rules_of_a_newer_version_keep_all(said: dict[str, object]) -> None:
    with pytest.raises(BadUsage):
        Rules.of(said)


counts = st.integers(0, 4) | st.just(EVERY)
rules = st.builds(
    Rules, last=counts, hourly=counts, daily=counts, weekly=counts, monthly=counts, yearly=counts
)


@st.composite
def histories(draw: st.DrawFn) -> list[Snapshot]:
    found = []
    for number in range(draw(st.integers(1, 25))):
        parents = draw(st.sets(st.integers(0, number - 1), max_size=2)) if number else set[int]()
        at = _NOON + draw(st.integers(-400, 400)) * DAY_NS
        found.append(snapshot(number, at, sorted(parents), complete=draw(st.booleans())))
    return in_order(found)


@given(histories(), rules, st.sets(st.integers(0, 24)))
def test_whatever_the_rules_a_complete_one_follows_what_goes(
    history: list[Snapshot], rules: Rules, held: set[int]
) -> None:
    thinned = thin(history, rules, {_id(number) for number in held})
    by_id = {each.id: each for each in history}
    assert {each.id for each in thinned.gone} == by_id.keys() - thinned.kept.keys()
    covered: set[bytes] = set()
    for identity in thinned.kept:
        if by_id[identity].body.complete:
            covered |= before(by_id, identity)
    assert {each.id for each in thinned.gone} <= covered
    assert {each.id for each in heads(history, history[0].body.source)} <= thinned.kept.keys()
    assert {_id(number) for number in held} & by_id.keys() <= thinned.kept.keys()
    complete = [each.id for each in history if each.body.complete]
    assert not complete or complete[-1] in thinned.kept


def before(by_id: dict[bytes, Snapshot], identity: bytes) -> set[bytes]:
    found: set[bytes] = set()
    stack = [identity]
    while stack:
        for parent in by_id[stack.pop()].parents:
            if parent not in found:
                found.add(parent)
                stack.append(parent)
    return found


@given(st.lists(st.integers(0, 400 * 24), min_size=1, max_size=25), rules)
def test_thinning_again_takes_nothing_more(hours: list[int], rules: Rules) -> None:
    history = line(*(_NOON + hour * HOUR_NS for hour in sorted(hours)))
    left = [each for each in history if each.id in thin(history, rules, ()).kept]
    assert thin(left, rules, ()).gone == ()


def test_without_end_is_without_end() -> None:
    far = [_NOON - 365 * years * DAY_NS for years in reversed(range(30))]
    assert thin(line(*far), USUAL, ()).gone == ()

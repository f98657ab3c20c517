"""Which part of a source is read anew, and when: time is an argument."""

from pathlib import Path

from vaultd.daemon.rounds import DAYS, LEAST, Rounds, share

DAY = 86_400.0
SOURCE = bytes(16)


def test_a_round_is_gone_on_with_and_then_not_begun_for_90_days(tmp_path: Path) -> None:
    file = tmp_path / "reread.json"
    rounds = Rounds(file)
    assert (rounds.is_due(SOURCE, 0.0), rounds.after(SOURCE)) == (True, None)
    rounds.reached(SOURCE, b"a/\xff", 0.0)
    assert (Rounds(file).is_due(SOURCE, DAY), Rounds(file).after(SOURCE)) == (True, b"a/\xff")
    rounds.reached(SOURCE, None, 70 * DAY)
    assert not Rounds(file).is_due(SOURCE, 89 * DAY)
    assert (Rounds(file).is_due(SOURCE, 90 * DAY), Rounds(file).after(SOURCE)) == (True, None)
    assert Rounds(file).is_due(SOURCE, -DAY), "the clock was set back"


def test_a_damaged_memory_is_as_none(tmp_path: Path) -> None:
    file = tmp_path / "reread.json"
    file.write_bytes(b"\xff{")
    assert Rounds(file).is_due(SOURCE, 0.0)


def test_a_days_share_is_enough_for_all_in_time() -> None:
    for whole in (0, 1, LEAST, 10**12, 10**12 + 1):
        assert share(whole) * DAYS >= whole
        assert share(whole) >= LEAST

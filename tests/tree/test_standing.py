"""Which snapshots must stay whole."""

from pathlib import Path

from tests.jobs.pruned import fill
from tests.jobs.vaults import new_vault
from vaultd.tree.standing import standing, undoable


def test_what_stands_is_held_or_may_be_taken_back(tmp_path: Path) -> None:
    computer = new_vault(tmp_path)
    ids = []
    computer.add(_filled(tmp_path, 0), "photos")
    for number in range(4):
        _filled(tmp_path, number)
        ids.append(computer.save("photos").snapshot.id)
    with computer.opened(writing=True) as session:
        journal = session.vault.journal
        source = journal.records[ids[0]].body["source"]

        def whole(*over: bytes) -> set[bytes]:
            found = standing(journal, over)
            assert found.partly == []
            return {each.id for each in found.whole}

        forget, _ = journal.append("forget", {"by": "owner", "snapshots": sorted(ids[:3])})
        assert undoable(journal).keys() == {forget}
        assert whole() == set(ids)
        assert whole(forget) == {ids[3]}
        again, _ = journal.append("forget", {"by": "policy", "snapshots": [ids[0]]})
        assert whole(forget) == {ids[0], ids[3]}  # the second forgetting can be taken back still
        journal.append("restore-from-trash", {"answers": [forget], "snapshots": [ids[1]]})
        assert whole(forget, again) == {ids[1], ids[3]}
        removal = {"paths": [b"x"], "snapshot": ids[0], "source": source}
        removed, _ = journal.append("attic-remove", removal)
        assert whole(forget, again) == {ids[0], ids[1], ids[3]}
        assert whole(forget, again, removed) == {ids[1], ids[3]}
        held = {"by": "owner", "pattern": "*.jpg", "snapshots": [], "source": source, "why": ""}
        hold, _ = journal.append("hold", held)
        assert whole(forget, again, removed) == set(ids)
        journal.append("unhold", {"answers": [hold]})
        assert whole(forget, again, removed) == {ids[1], ids[3]}


def _filled(top: Path, seed: int) -> Path:
    fill(top / "photos", ["a"], seed, size=100)
    return top / "photos"

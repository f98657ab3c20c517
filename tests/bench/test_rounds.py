"""A round, as small as it can be: every operation with every peer that is here."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bench import suites, trees
from bench.corpora.chats import CHATS
from bench.corpora.corpus import Corpus
from bench.corpora.photos import PHOTOS
from bench.corpora.small import SMALL
from bench.measure import Command
from bench.operations import BY_NAME
from bench.peers.borg import Borg
from bench.peers.copying import Copying
from bench.peers.peer import Ground, Peer
from bench.peers.restic import Restic
from bench.peers.vaultd import Vaultd
from bench.rounds import Wrong, play
from bench.samples import Results
from bench.sources import Sources
from bench.suites import PARTS, Limits, part_task
from bench.tasks import Place, Task
from tests.compare_trees import differences

TINY = 0.002
# Only what an earlier run has got: a test downloads nothing.
RESTIC = suites.CACHE / "restic/usr/bin/restic"
BORG = suites.CACHE / "borg/venv/bin/borg"


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[Sources]:
    with Sources(tmp_path / "cache", age=0) as made:
        yield made


def task(tmp_path: Path, *only: str) -> Task:
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    return Task(SMALL, TINY, Place("disk", work), only)


def peers() -> list[Peer]:
    here: list[Peer] = [Vaultd("this tree"), Copying("cp")]
    if RESTIC.exists():
        here.append(Restic(RESTIC, "restic"))
    if BORG.exists():
        here.append(Borg(BORG, "borg"))
    return here


def test_a_round_measures_every_operation_and_leaves_nothing(tmp_path: Path, sources: Sources) -> None:
    results = Results({})
    play(task(tmp_path), peers(), 0, sources, results)
    measured = {(sample.peer, sample.operation): sample for sample in results.samples}
    assert {name for peer, name in measured if peer == "vaultd"} == set(BY_NAME)
    assert all(sample.wall > 0 and sample.peak > 0 for sample in results.samples)
    assert measured["vaultd", "first"].stored > 10_000
    assert measured["vaultd", "edited"].stored > measured["vaultd", "first"].stored
    assert measured["vaultd", "check"].stored == 0
    assert ("cp", "check") not in measured
    assert {peer for peer, name in measured if name == "restore"} == {peer.name for peer in peers()}
    assert results.corpora["small"]["files"] == 200
    assert len(list((tmp_path / "work").iterdir())) == 1  # the source, until the sources are closed


def test_the_source_is_as_it_was_after_a_round(tmp_path: Path, sources: Sources) -> None:
    wanted = task(tmp_path, "small/edited")
    play(wanted, [Copying("cp")], 0, sources, Results({}))
    with sources.lend(wanted) as tree:
        assert differences(trees.kept(SMALL, TINY, tmp_path / "cache"), tree, root=True) == []


@pytest.mark.parametrize("corpus", [PHOTOS, CHATS, SMALL], ids=lambda corpus: corpus.name)
def test_every_edit_is_put_back(corpus: Corpus, tmp_path: Path, sources: Sources) -> None:
    wanted = Task(corpus, 0.004, Place("disk", tmp_path))
    with sources.lend(wanted) as tree:
        corpus.change(tree)
        corpus.edit(tree)
    with sources.lend(wanted) as tree:
        assert differences(trees.kept(corpus, 0.004, tmp_path / "cache"), tree, root=True) == []


def test_a_tree_is_left_alone_until_it_is_old_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    with Sources(tmp_path / "cache", age=61) as sources, sources.lend(task(tmp_path)):
        assert 55 < slept[0] <= 61


def test_the_sources_are_removed_when_they_are_closed(tmp_path: Path) -> None:
    with Sources(tmp_path / "cache", age=0) as sources:
        sources.prepare([task(tmp_path)])
    assert list((tmp_path / "work").iterdir()) == []


class Forgetful(Copying):
    """Restores nothing, and ends with 0."""

    def command(self, operation: str, ground: Ground) -> Command | None:
        if operation == "restore":
            return Command(("mkdir", str(ground.target)))
        return super().command(operation, ground)


def test_a_peer_that_does_not_restore_has_no_figures(tmp_path: Path, sources: Sources) -> None:
    results = Results({})
    with pytest.raises(Wrong, match="cp restored"):
        play(task(tmp_path, "*/restore"), [Forgetful("cp")], 0, sources, results)
    assert results.samples == []


class Listed(Copying):
    """Writes down who is asked for what."""

    def __init__(self, name: str, asked: list[str]) -> None:
        super().__init__("1")
        self.name = name
        self._asked = asked

    def command(self, operation: str, ground: Ground) -> Command | None:
        self._asked.append(f"{operation} {self.name}")
        return Command(("true",)) if operation == "ls" else super().command(operation, ground)


def test_peers_take_turns_at_each_operation(tmp_path: Path, sources: Sources) -> None:
    asked: list[str] = []
    two: Sequence[Peer] = [Listed("cp", asked), Listed("other", asked)]
    play(task(tmp_path, "small/unchanged"), two, 0, sources, Results({}))
    assert [each.partition(" ")[0] for each in asked[::2]] == ["init", "first", "unchanged"]
    assert asked[0].endswith("cp")
    assert asked[2].endswith("other")


def test_one_row_is_measured_with_what_must_come_before(tmp_path: Path) -> None:
    def done(*only: str) -> list[str]:
        return [operation.name for operation in task(tmp_path, *only).done()]

    assert done("small/init") == ["init"]
    assert done("small/first") == ["init", "first"]
    assert done("small/ls") == ["init", "first", "unchanged", "change", "edited", "ls"]
    assert done("photos/*") == []
    assert done() == list(BY_NAME)


def test_rounds_are_for_every_corpus_and_go_to_the_disk_too(tmp_path: Path) -> None:
    found = {name: Place(name, tmp_path) for name in ("memory", "disk")}
    tasks = list(suites.rounds(Limits(0.1, 1, ("memory", "disk", "memory")), found, []))
    assert {task.corpus.name for number, task in tasks if number == 0} == {"photos", "chats", "small"}
    assert {number: task.place.name for number, task in tasks if number < 3} == {
        0: "memory",
        1: "disk",
        2: "memory",
    }


# The other two differ from the round above in nothing but the size of their trees.
@pytest.mark.parametrize("part", PARTS[2:], ids=lambda part: part.corpus.name)
def test_a_part_of_the_large_run_works_at_a_thousandth(
    part: suites.Part, tmp_path: Path, sources: Sources
) -> None:
    results = Results({})
    small = part_task(part, 0.001, Place("disk", tmp_path), [])
    play(small, [Vaultd("this tree")], 0, sources, results)
    assert [sample.operation for sample in results.samples] == [
        name for name in BY_NAME if name in part.operations
    ]


def test_a_part_without_room_is_left_out(tmp_path: Path) -> None:
    assert suites.lacks(PARTS[0], 0.001, Place("disk", tmp_path)) == ""
    assert "are needed" in suites.lacks(PARTS[0], 1e6, Place("disk", tmp_path))

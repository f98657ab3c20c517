"""`make bench`, `make bench QUICK=1`, `make bench SCALE=1`: see README.md."""

import argparse
import signal
import sys
import time
from collections.abc import Iterable, Sequence

from bench import machine, memory, report, suites
from bench.peers.found import NAMES, find_peers
from bench.peers.peer import Peer
from bench.rounds import play
from bench.samples import PLACES, Results
from bench.sources import Sources
from bench.tables import LEGEND, tables
from bench.tasks import Place, Task, fits

_CORPORA = suites.CACHE / "corpora"


def main() -> None:
    # So that what was made is removed, as it is after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chosen = _arguments()
    if chosen.scale:
        _run_parts(chosen)
    else:
        _run_beside(chosen)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the data, in memory")
    parser.add_argument("--scale", type=float, help="the large trees instead: 1, or a part of it such as 0.1")
    parser.add_argument(
        "--only", type=str.split, default=[], help="rows: corpus/operation, patterns of a shell"
    )
    parser.add_argument("--where", type=str.split, default=[], help="memory, disk, or both")
    parser.add_argument("--peers", type=str.split, default=[], help=f"of {', '.join(NAMES)}")
    parser.add_argument("--minutes", type=float, help="begin nothing that would end later than this")
    return parser.parse_args()


def _run_beside(chosen: argparse.Namespace) -> None:
    limits = suites.QUICK if chosen.quick else suites.FULL
    end = time.monotonic() + 60 * (chosen.minutes or limits.minutes)
    results, peers = _begin(chosen.peers or NAMES)
    found = suites.places(chosen.where or sorted(set(limits.places)))
    _name_places(results, found.values())
    tasks = list(suites.rounds(limits, found, chosen.only))
    longest: dict[str, float] = {}
    with Sources(_CORPORA) as sources:
        sources.prepare(task for _, task in tasks)
        _touch_memory(sources, [task for _, task in tasks], peers)
        for number, task in tasks:
            name, ready = task.corpus.name, time.monotonic() + sources.wait(task)
            if number and ready + longest[name] > end:
                continue
            _play(results, task, peers, number, sources)
            longest[name] = max(longest.get(name, 0), time.monotonic() - ready)
    whole = not (chosen.quick or chosen.only or chosen.peers or chosen.where)
    _end(results, "results")
    if whole:
        report.publish(results)


def _run_parts(chosen: argparse.Namespace) -> None:
    for part in suites.PARTS:
        place = suites.places([part.place])[part.place]
        task = suites.part_task(part, chosen.scale, place, chosen.only)
        if not task.done():
            continue
        if lacking := suites.lacks(part, chosen.scale, place):
            _say(f"{part.corpus.name} is left out: {lacking}")
            continue
        results, peers = _begin([name for name in part.peers if fits(chosen.peers, name)])
        _name_places(results, [place])
        with Sources(_CORPORA) as sources:
            if place.name == "memory":
                _say(memory.touch(round(part.room[0] * chosen.scale)))
            _play(results, task, peers, 0, sources)
        name = part.corpus.name
        _end(results, f"scale-{name}")
        if chosen.scale == 1 and fits(chosen.only, f"{name}/*"):
            report.publish_part(results, name)


def _begin(names: Iterable[str]) -> tuple[Results, list[Peer]]:
    results = Results(machine.about(" ".join(["python -m bench", *sys.argv[1:]])))
    peers, without = find_peers(tuple(names), suites.CACHE)
    for sentence in without:
        results.note(sentence)
        _say(sentence)
    results.peers = {peer.name: {"version": peer.version, "unlocks": peer.unlocks} for peer in peers}
    return results, peers


def _touch_memory(sources: Sources, tasks: Sequence[Task], peers: Sequence[Peer]) -> None:
    if trees := sources.prepare(task for task in tasks if task.place.name == "memory"):
        _say(memory.touch(memory.needed(trees, len(peers))))


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _name_places(results: Results, places: Iterable[Place]) -> None:
    for place in places:
        results.about[f"file system, {place.name}"] = machine.file_system(place.folder)


def _play(results: Results, task: Task, peers: list[Peer], number: int, sources: Sources) -> None:
    _say(f"round {number + 1}: {task.corpus.name} {PLACES[task.place.name]}")
    play(task, peers, number, sources, results)


def _end(results: Results, name: str) -> None:
    results.about["load when it ended"] = machine.load()
    results.save(suites.CACHE / f"{name}.json")
    print(f"{tables(results)}\n{LEGEND}")


if __name__ == "__main__":
    main()

"""The figures as tables, in Markdown that reads as well on a terminal."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from bench.operations import BY_NAME
from bench.samples import PLACES, Cell, Key, Results, cells, ratio

_MB = 1_000_000
_MIB = 1 << 20
LEGEND = (
    "Seconds by the clock: the least, and the median in brackets; then user + system seconds of the"
    " processor, and the peak of resident memory in MiB. The ratios are of the least seconds by the clock,"
    " and of the least user seconds: below 1 is faster."
)


def tables(results: Results) -> str:
    """All tables of a run, each with its head."""
    found = cells(results.samples)
    parts = [_about(results)]
    for place, corpus in dict.fromkeys((key.place, key.corpus) for key in found):
        here = {key: cell for key, cell in found.items() if (key.place, key.corpus) == (place, corpus)}
        peers = [peer for peer in results.peers if any(key.peer == peer for key in here)]
        parts += [f"### {corpus}, {_where(results, place)}", _times(here, peers), _sizes(here, peers)]
        parts.append(_additions(here, peers))
    parts += [f"* {note}" for note in results.notes]
    return "\n\n".join(part for part in parts if part) + "\n"


def _where(results: Results, place: str) -> str:
    kind = results.about.get(f"file system, {place}")
    return f"{PLACES[place]} ({kind})" if kind else PLACES[place]


def _about(results: Results) -> str:
    rows = [(name, value) for name, value in results.about.items()]
    rows += [
        (name, f"{peer['version']}; opened by: {peer['unlocks']}") for name, peer in results.peers.items()
    ]
    rows += [
        (name, f"{shape['files']:,} files in {shape['folders']:,} folders, {shape['bytes'] / _MB:,.1f} MB")
        for name, shape in results.corpora.items()
    ]
    return _table(("", ""), rows)


def _times(found: dict[Key, Cell], peers: Sequence[str]) -> str:
    others = [peer for peer in peers if peer != "vaultd"] if "vaultd" in peers else []
    head = ["", *peers, *(f"vaultd / {peer}" for peer in others)]
    rows = []
    for operation in _ordered(key.operation for key in found):
        mine = next(key for key in found if key.operation == operation)._replace(peer="vaultd")
        times = [_time(found.get(mine._replace(peer=peer))) for peer in peers]
        rows.append([BY_NAME[operation].label, *times, *(_ratios(found, mine, peer) for peer in others)])
    return _table(head, rows)


def _time(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    processor = f"{cell.user:.2f} + {cell.system:.2f}"
    return f"**{cell.wall:.2f}** ({cell.wall_median:.2f}), {processor}, {cell.peak / _MIB:.0f}"


def _ratios(found: dict[Key, Cell], key: Key, other: str) -> str:
    wall, user = (ratio(found, key, other, measure) for measure in ("wall", "user"))
    if wall is None:
        return "-"
    # A plain copy is the kernel's work: its user seconds say nothing.
    return f"{wall:.2f}" if user is None or other == "cp" else f"{wall:.2f}, user {user:.2f}"


def _sizes(found: dict[Key, Cell], peers: Sequence[str]) -> str:
    """What each peer stores after each snapshot, and in brackets what vaultd stores for each byte of it."""
    stored = {key: cell for key, cell in found.items() if cell.stored}
    rows = []
    for operation in _ordered(key.operation for key in stored):
        sizes = {key.peer: cell.stored for key, cell in stored.items() if key.operation == operation}
        rows.append([f"after: {BY_NAME[operation].label}", *(_megabytes(sizes, peer) for peer in peers)])
    return _table(["MB stored", *peers], rows) if rows else ""


def _additions(found: dict[Key, Cell], peers: Sequence[str]) -> str:
    """The same of what each snapshot but the first added."""
    stored = {key: cell.stored for key, cell in found.items() if cell.stored}
    rows = []
    for before, after in pairwise(_ordered(key.operation for key in stored)):
        had = {key.peer: size for key, size in stored.items() if key.operation == before}
        sizes = {key.peer: size for key, size in stored.items() if key.operation == after}
        added = {peer: size - had[peer] for peer, size in sizes.items() if peer in had}
        rows.append([f"added by: {BY_NAME[after].label}", *(_megabytes(added, peer) for peer in peers)])
    return _table(["MB added", *peers], rows) if rows else ""


def _megabytes(sizes: dict[str, int], peer: str) -> str:
    if peer not in sizes:
        return "-"
    words = f"{sizes[peer] / _MB:,.2f}"
    mine = sizes.get("vaultd")
    return (
        words if peer == "vaultd" or not mine or sizes[peer] <= 0 else f"{words} ({mine / sizes[peer]:.3f})"
    )


def _ordered(names: Iterable[str]) -> Iterator[str]:
    there = set(names)
    return (name for name in BY_NAME if name in there)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

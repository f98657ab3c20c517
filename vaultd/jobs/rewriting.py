"""Write what is still needed of some packs into new ones, so that the old ones can go.

Nothing is removed here, nor condemned: a run that is cut off leaves packs that hold the same twice.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from vaultd import ids
from vaultd.errors import Damaged, Missing, Refused
from vaultd.format.box import open_box
from vaultd.format.limits import PACK_KINDS
from vaultd.jobs.judging import Judging
from vaultd.jobs.session import Session
from vaultd.progress import Progress
from vaultd.store.needed import Use
from vaultd.store.openbox import PACK_SIZE

# A pack of less than a quarter of a full one is small; rewriting them is worth while where they are so many
# that at least seven of eight go.
SMALL, MANY_SMALL = PACK_SIZE // 4, 32
# Blobs that are handed over together: their plain bytes are in memory once more.
_TOGETHER_BYTES = 4 << 20


@dataclass(slots=True)
class Rewritten:
    """Packs of which all that is needed was written anew, by their hashes, into the packs of `instead`."""

    packs: list[bytes] = field(default_factory=list)
    instead: list[bytes] = field(default_factory=list)


def worth_rewriting(
    uses: dict[bytes, Use], sizes: dict[bytes, int], relied: Collection[bytes], share: float
) -> list[bytes]:
    """Which of the packs that are `relied` on to rewrite: those with most waste, until no more than this
    share of all of them is waste; and small ones, where they are many. Their hashes.
    """
    part = [pack for pack in relied if uses[pack].rows]
    waste = {pack: uses[pack].all_bytes - uses[pack].bytes for pack in part}
    left = sum(waste.values()) - share * sum(sizes[pack] for pack in part)
    chosen = dict[bytes, None]()
    for pack in sorted(part, key=lambda pack: (-waste[pack] / sizes[pack], pack)):
        if left <= 0 or not waste[pack]:
            break
        chosen[pack] = None
        left -= waste[pack]
    small = sorted(pack for pack in part if sizes[pack] < SMALL)
    if sum(sizes[pack] for pack in small) * 8 < len(small) * PACK_SIZE and len(small) >= MANY_SMALL:
        chosen |= dict.fromkeys(small)
    return list(chosen)


def rewrite(
    session: Session,
    judging: Judging,
    packs: Sequence[bytes],
    leaving: Collection[bytes],
    progress: Progress,
    stop: Callable[[], None],
) -> Rewritten:
    """Of each of these packs write what no other has that stays: none of these, and none that is `leaving`.
    One that cannot be read is left as it is. Raises what writing to the copy raises.
    """
    done, going, written = Rewritten(), {*packs, *leaving}, set[bytes]()
    progress.stage("rewrite")
    progress.total(files=len(packs))
    sink = session.vault.sink(anew=True)
    try:
        for pack in packs:
            stop()
            try:
                wanted = judging.needed_of(pack, judging.table(pack), going) - written
                # All of it is in memory before any is written: then it was right.
                batches = list(_batches(session, pack, wanted))
            except (Missing, Damaged, Refused):
                continue
            for blob_type, plains in batches:
                written.update(sink.write_many(blob_type, plains))
            done.packs.append(pack)
            progress.add(files=1)
        sink.finish()
    finally:
        sink.abandon()
    done.instead = list(sink.packs)
    for pack in done.instead:
        session.vault.copy.read_back(ids.pack_name(pack))
    return done


def _batches(session: Session, pack: bytes, wanted: set[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """Plain bytes of these blobs, many of one type together, out of a pack whose hash was found right."""
    if not wanted:
        return
    vault = session.vault
    some: dict[int, list[bytes]] = {}
    size = 0
    for row, plain in open_box(vault.copy.fetch(ids.pack_name(pack)), vault.keys, PACK_KINDS):
        if row.id in wanted:
            some.setdefault(row.type, []).append(plain)
            size += len(plain)
        if size >= _TOGETHER_BYTES:
            yield from some.items()
            some, size = {}, 0
    yield from some.items()

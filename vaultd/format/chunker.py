"""Where files are cut into chunks: by content, differently in every vault (docs/format.md, section 13)."""

from pyfastcdc import FastCDC

from vaultd.format.keys import Keys
from vaultd.format.limits import AVG_CHUNK, MAX_CHUNK, MIN_CHUNK

_63_BITS = (1 << 63) - 1


class Chunker:
    """FastCDC with a secret seed, so that lengths of chunks do not tell known files. Safe for use by several
    threads.
    """

    __slots__ = ("_fast",)

    def __init__(self, keys: Keys) -> None:
        seed = int.from_bytes(keys.cut[:8], "little") & _63_BITS
        self._fast = FastCDC(AVG_CHUNK, min_size=MIN_CHUNK, max_size=MAX_CHUNK, seed=seed)

    def cut(self, view: memoryview, final: bool) -> list[tuple[int, int]]:
        """(offset, length) of the chunks in `view`, in order and without gaps.

        With `final` they cover all of it. Without, the end is left out where more bytes could still move its
        cut: call again with what was left and more behind it. More than 4 MiB always give one chunk at
        least. The result does not depend on how a file is divided into calls. Nothing keeps a reference to
        `view`.
        """
        if len(view) <= MIN_CHUNK:
            return [(0, len(view))] if final and len(view) else []
        cuts = [(chunk.offset, chunk.length) for chunk in self._fast.cut_buf(view)]
        if not final and cuts[-1][1] < MAX_CHUNK:
            cuts.pop()
        return cuts

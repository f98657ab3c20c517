"""Fill a vault with blobs that no snapshot needs: `python -m bench.fill HOME KEY_FILE BLOBS`

The packs and index files are real ones, sealed and checked as vaultd does it; only the blobs are tiny, so
that ten million of them, as 10 TB of photos have, take two minutes and half a gigabyte.
"""

import mmap
import sys
from collections.abc import Iterator
from pathlib import Path

from blake3 import blake3

from vaultd import ids
from vaultd.copies.contract import Copy
from vaultd.credentials import KeyFile
from vaultd.format.box import BoxWriter
from vaultd.format.codec import RAW
from vaultd.format.index import PackTable, encode_index
from vaultd.format.keys import Keys
from vaultd.format.limits import CHUNK, HEAD, INDEX, KIND_DATA, KIND_INDEX
from vaultd.format.table import encode_table
from vaultd.jobs.opening import open_vault
from vaultd.settings import find_home
from vaultd.store.single import seal_alone

# In one pack: 16 MiB of chunks of 100 KB, between photos (16 in a pack) and small files (10,000).
_IN_PACK = 160
# Packs that one turn of an index lists: as many as make a few full blobs of 4 MiB.
_IN_INDEX = 2000
_BUFFER = 1 << 20


def fill(copy: Copy, keys: Keys, blobs: int) -> None:
    """Write so many blobs, rounded up to whole packs, and index files that list all their packs."""
    tables: list[PackTable] = []
    for table in _packs(copy, keys, -(-blobs // _IN_PACK)):
        tables.append(table)
        if len(tables) == _IN_INDEX:
            _write_index(copy, keys, tables)
            tables.clear()
    if tables:
        _write_index(copy, keys, tables)


def _packs(copy: Copy, keys: Keys, count: int) -> Iterator[PackTable]:
    buffer = mmap.mmap(-1, _BUFFER)
    for number in range(count):
        writer = BoxWriter(keys, KIND_DATA, memoryview(buffer))
        for blob in range(number * _IN_PACK, (number + 1) * _IN_PACK):
            plain = blob.to_bytes(8, "little")
            writer.add(keys.blob_id(CHUNK, plain), CHUNK, RAW, plain, len(plain))
        with writer.finish() as box:
            digest = blake3(box).digest()
            copy.put(ids.pack_name(digest), box)
            yield PackTable(digest, len(box), bytes(box[:HEAD]), encode_table(writer.rows))


def _write_index(copy: Copy, keys: Keys, tables: list[PackTable]) -> None:
    for plain in encode_index(tables):
        name, box = seal_alone(keys, KIND_INDEX, INDEX, plain)
        copy.put(ids.index_name(name), box)


def main(home: str, key_file: str, blobs: str) -> None:
    with open_vault(find_home(home), KeyFile(Path(key_file).read_bytes())) as session:
        fill(session.vault.copy, session.vault.keys, int(blobs))
        # What is measured next is not how long it takes to learn all this.
        session.vault.sync()


if __name__ == "__main__":
    main(*sys.argv[1:])

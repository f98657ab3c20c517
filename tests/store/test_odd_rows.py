"""A flipped bit in local state makes anything of a number: what is asked for is found all the same."""

import contextlib
import random
import sqlite3

import pytest

from tests.store.conftest import Places
from tests.store.test_packs import write_all
from vaultd.format.limits import CHUNK
from vaultd.store.contract import Room
from vaultd.store.vault import Vault

ODD = ("NULL", "'text'", "x'00ff'", "1.5", "1e300", "9223372036854775807", "-1", "-1 - {0}", "{0} + 16")


@pytest.mark.parametrize("column", ["number", "offset", "type", "codec", "sealed", "plain"])
@pytest.mark.parametrize("odd", ODD)
def test_rows_of_any_shape_give_the_right_bytes(
    vault: Vault, places: Places, rng: random.Random, column: str, odd: str
) -> None:
    plains = [rng.randbytes(size) for size in (100, 1000, 100_000)]
    ids = write_all(vault, [(CHUNK, plain) for plain in plains])
    for harmed in (ids[:1], ids[1:], ids):
        with contextlib.closing(sqlite3.connect(places.state)) as db:
            for blob_id in harmed:
                db.execute(f"UPDATE blobs SET {column} = {odd.format(column)} WHERE id = ?", (blob_id,))
            db.commit()
        again = places.open()
        try:
            again.expect(ids)
            room = Room()
            for blob_id, plain in zip(ids, plains, strict=True):
                assert again.read_into(blob_id, CHUNK, room) == plain
                assert again.read(blob_id, CHUNK) == plain
        finally:
            again.close()

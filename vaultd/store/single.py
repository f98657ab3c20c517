"""A box that holds one blob: a record, or an index."""

import blake3

from vaultd.format.box import BoxWriter, padme
from vaultd.format.codec import encode
from vaultd.format.keys import Keys

# Head, tag, a trailer of one row and its end are 182 bytes.
_AROUND = 256


def seal_alone(keys: Keys, kind: int, blob_type: int, plain: bytes) -> tuple[bytes, bytes]:
    """The file's hash and its bytes, verified. Raises Refused where the blob is longer than a blob may be."""
    codec, stored = encode(plain)
    writer = BoxWriter(keys, kind, bytearray(padme(len(stored) + _AROUND)))
    writer.add(keys.blob_id(blob_type, plain), blob_type, codec, stored, len(plain))
    data = bytes(writer.finish())
    return blake3.blake3(data).digest(), data

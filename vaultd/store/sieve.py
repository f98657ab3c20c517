"""Which blobs a first snapshot cannot have met yet: a bit for each of 16 million beginnings of ids."""

_BYTES = 3  # of an id, which is as good as random: 2^24 beginnings, 2 MiB of bits


class Sieve:
    """Lets everything pass that was added, and of the rest the more the more was: one in 170 after 100,000
    blobs, one in 17 after a million.
    """

    __slots__ = ("_bits",)

    def __init__(self) -> None:
        self._bits = bytearray(1 << (8 * _BYTES - 3))

    def add(self, blob_id: bytes) -> None:
        number = int.from_bytes(blob_id[:_BYTES], "little")
        self._bits[number >> 3] |= 1 << (number & 7)

    def passes(self, blob_id: bytes) -> bool:
        """False only for what was never added."""
        number = int.from_bytes(blob_id[:_BYTES], "little")
        return bool(self._bits[number >> 3] & 1 << (number & 7))

"""The keys of a vault, all of them from the master key and the vault's id (docs/format.md, section 3)."""

from collections.abc import Iterable
from typing import NoReturn

from blake3 import blake3

from vaultd.format.limits import HOLDS, KEY, RECORD, VAULT_ID, Buffer
from vaultd.format.seal import Random, fresh, os_random


class Keys:
    """What the holder of the master key can derive. Its repr shows no secret, and it cannot be pickled or
    copied.
    """

    __slots__ = ("_box", "_id", "cut", "master", "vault_id")

    def __init__(self, master: bytes, vault_id: bytes) -> None:
        if len(master) != KEY or len(vault_id) != VAULT_ID:
            raise ValueError("a master key is 32 bytes, a vault id 16")
        self.master = master
        self.vault_id = vault_id
        self.cut = _derive("vaultd v1 chunker", master + vault_id)
        self._box = _numbered("vaultd v1 box key", master + vault_id, max(HOLDS))
        self._id = _numbered("vaultd v1 blob id", master + vault_id, RECORD)

    @classmethod
    def from_master(cls, master: bytes, vault_id: bytes) -> "Keys":
        """`master` is 32 bytes, `vault_id` 16; raises ValueError for other lengths."""
        return cls(bytes(master), bytes(vault_id))

    def box_key(self, kind: int) -> bytes:
        """32 bytes for boxes of this kind (1..4); raises IndexError for others."""
        return self._box[kind]

    def blob_id(self, blob_type: int, plain: Buffer) -> bytes:
        """The 32-byte id of a blob of this type (1..5) with these plain bytes; raises IndexError for other
        types.
        """
        return blake3(plain, key=self._id[blob_type]).digest()

    def blob_ids(self, blob_type: int, plains: Iterable[Buffer]) -> list[bytes]:
        """`blob_id` of each."""
        key = self._id[blob_type]
        return [blake3(plain, key=key).digest() for plain in plains]

    def page_mark(self, name: bytes) -> int:
        """A u32 that decides, for writers only, whether a page ends after this name."""
        return int.from_bytes(blake3(b"page" + name, key=self.cut).digest(length=4), "little")

    def __repr__(self) -> str:
        return f"Keys(vault_id={self.vault_id.hex()})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("keys are not written anywhere")


def new_master(random: Random = os_random) -> bytes:
    """32 random bytes. Raises BadRandomness."""
    return fresh(KEY, random)


def new_vault_id(random: Random = os_random) -> bytes:
    """16 random bytes. Raises BadRandomness."""
    return fresh(VAULT_ID, random)


def _derive(context: str, material: bytes) -> bytes:
    return blake3(material, derive_key_context=context).digest()


def _numbered(context: str, material: bytes, last: int) -> tuple[bytes, ...]:
    """One key for each number 1..last; number 0 is an empty key, which no cipher and no hash accepts."""
    return (b"", *(_derive(context, material + bytes([number])) for number in range(1, last + 1)))

"""Key slots that must be refused, and most of them before anything is computed."""

from collections.abc import Iterator
from typing import Any

from tests.vectors.vectors import Vector
from tests.vectors.writer import KEY_FILE_SECRET, NOON, PASSPHRASE, Maker, pack

KEY = {"key-file": KEY_FILE_SECRET.hex()}
PHRASE = {"passphrase": PASSPHRASE}
GIB = 1 << 20  # in KiB


def vectors() -> Iterator[Vector]:
    yield from costs()
    yield from headers()
    yield from bundles()


def slot(name: str, expect: str, comment: str, maker: Maker, **odd: Any) -> Vector:
    data = maker.slot(None, **({"secret": KEY_FILE_SECRET} | odd))
    return Vector(f"slot-{name}", "slot", expect, comment, data, KEY if odd.get("kdf", 2) == 2 else PHRASE)


def costs() -> Iterator[Vector]:
    """Costs out of range. Sealed with a made-up secret, since no reader may get as far as computing one."""
    maker = Maker(seed="slots: costs")
    cases = {
        "m-low": (4, 65_535, 3), "m-high": (4, 2 * GIB + 1, 3), "m-4-tib": (4, 4 * GIB * 1024 - 1, 3),
        "t-low": (4, 65_536, 2), "t-high": (4, 65_536, 11), "t-4-billion": (4, 65_536, 2**32 - 1),
        "p-zero": (0, 65_536, 3), "p-high": (9, 65_536, 3),
    }  # fmt: skip
    for name, values in cases.items():
        yield slot(name, "kdf", f"p, m_kib and t are {values}", maker, kdf=1, costs=values)
    for name, values in {"p": (1, 0, 0), "m": (0, 65_536, 0), "t": (0, 0, 3)}.items():
        yield slot(f"key-file-with-{name}", "kdf", "a key file has no costs", maker, kdf=2, costs=values)


def headers() -> Iterator[Vector]:
    maker = Maker(seed="slots: headers")
    yield slot("magic", "magic", "another program's file", maker, magic=b"VAULTKY2")
    yield slot("role", "kdf", "role 2 is not known", maker, role=2)
    yield slot("role-zero", "kdf", "there is no role 0", maker, role=0)
    yield slot("kdf-3", "kdf", "an unknown way from a secret to a key", maker, kdf=3, costs=(0, 0, 0))
    yield slot("reserved-byte", "kdf", "the byte after p is 1", maker, zero=1)
    yield slot(
        "reserved-tail", "kdf", "the last of the twelve zero bytes is 1", maker, zeros=bytes(11) + b"\1"
    )
    yield slot("commit", "commit", "one bit of the commitment is flipped", maker, flip_commit=True)
    yield slot("wrong-key-file", "commit", "sealed with another key file", maker, secret=bytes(32))
    yield slot("tag", "tag", "one bit of the tag is flipped", maker, flip_tag=True)
    whole = maker.slot(None, secret=KEY_FILE_SECRET)
    yield Vector("slot-truncated", "slot", "truncated", "511 bytes", whole[:-1], KEY)
    yield Vector("slot-empty", "slot", "truncated", "no bytes at all", b"", KEY)
    yield Vector("slot-long", "slot", "length", "513 bytes", whole + b"\0", KEY)
    wrong = maker.slot("another phrase")
    yield Vector("slot-wrong-passphrase", "slot", "commit", "another passphrase", wrong, PHRASE)


def bundles() -> Iterator[Vector]:
    maker = Maker(seed="slots: bundles")
    right = {"created": NOON, "label": "golden", "master": maker.master, "v": 1}
    sealed = {
        "padding": ("padding", "something stands after the map", pack(right).ljust(399, b"\0") + b"\1"),
        "no-master": (
            "shape",
            "nothing to open the vault with",
            pack({"created": NOON, "label": "", "v": 1}),
        ),
        "short-master": ("shape", "a master key of 31 bytes", pack(right | {"master": bytes(31)})),
        "label-bytes": ("shape", "a label that is not text", pack(right | {"label": b"golden"})),
        "version": ("shape", "a bundle of version 2", pack(right | {"v": 2})),
        "unsorted": ("canonical", "keys in another order", b"\x84" + b"".join(_pairs(right)[::-1])),
        "unknown-key": ("unknown", "a key that version 1 does not know", pack(right | {"hint": "cat"})),
    }
    for name, (expect, comment, bundle) in sealed.items():
        yield slot(f"bundle-{name}", expect, comment, maker, bundle=bundle)


def _pairs(value: dict[str, Any]) -> list[bytes]:
    return [pack(key) + pack(value[key]) for key in sorted(value)]

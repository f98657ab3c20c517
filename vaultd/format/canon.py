"""Canonical MessagePack: one value, one spelling (docs/format.md, section 2)."""

from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
from msgspec import Meta

from vaultd.errors import Refused
from vaultd.format.limits import MAX_DEPTH, Buffer

T = TypeVar("T")

# Types of fields, for structs that say what a structure holds.
Int = Annotated[
    int, Meta(ge=-(2**63), le=2**63 - 1)
]  # what MessagePack allows beyond, no file system and no database holds
Size = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Bytes16 = Annotated[bytes, Meta(min_length=16, max_length=16)]
Bytes32 = Annotated[bytes, Meta(min_length=32, max_length=32)]

_sorting = msgspec.msgpack.Encoder(order="deterministic").encode
_plain = msgspec.msgpack.Encoder().encode
_any = msgspec.msgpack.Decoder().decode
_MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_LEAVES = frozenset({bool, bytes, int, str, type(None)})


def encode(value: object) -> bytes:
    """The canonical bytes of a value made of None, bool, int, str, bytes, sequences, maps and structs.

    Raises TypeError for anything else, keys of maps that are neither str nor bytes included.
    """
    try:
        return _sorting(value)
    except TypeError:  # the sorting encoder takes str keys only
        return _plain(_sorted(msgspec.to_builtins(value, builtin_types=(bytes,))))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=_key_bytes)}
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]
    return value


def _key_bytes(key: str | bytes) -> bytes:
    return key if isinstance(key, bytes) else str.encode(key)


def decode(data: Buffer) -> Any:
    """The value that these bytes spell: dicts, lists, and leaves.

    Raises Refused: "canonical" for what is not one canonical value, "depth" for more than 16 levels, "shape"
    for a map with keys other than str or bytes.
    """
    try:
        value = _any(data)
    except RecursionError:
        raise Refused("depth", "structure") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("canonical", str(error)) from None
    check(value)
    if encode(value) != data:
        raise Refused("canonical", "another spelling of the same value")
    return value


def decode_as(decoder: "msgspec.msgpack.Decoder[T]", data: Buffer) -> T:
    """What `decoder` makes of canonical bytes. Raises Refused: what `decode` raises, and "shape" where it
    does not fit.

    The type of the decoder must hold nothing unknown: what it drops makes the spelling look wrong.
    """
    try:
        value = decoder.decode(data)
    except _MALFORMED as error:
        refuse(data, error)
    if encode(value) != data:
        decode(data)
        raise Refused("shape", "more than is known")
    return value


def refuse(data: Buffer, error: Exception) -> NoReturn:
    """Raise the right word for bytes that a typed decoder did not take: how they are spelled comes before
    what they say.
    """
    decode(data)
    raise Refused("shape", str(error)) from None


def convert(value: Any, to: type[T]) -> T:
    """A decoded value as a struct or another type. Raises Refused("shape")."""
    try:
        return msgspec.convert(value, to, strict=True, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise Refused("shape", str(error)) from None


def check(value: Any, level: int = 1) -> None:
    """Raises Refused where a decoded value holds what no structure may: floats, extensions, odd keys, 17
    levels.

    `level` is the one that `value` itself stands at.
    """
    kind = type(value)
    if kind in _LEAVES:
        return
    if kind not in (dict, list, tuple):
        raise Refused("canonical", f"a value of type {kind.__name__}")
    if level > MAX_DEPTH:
        raise Refused("depth", "structure")
    if kind is dict:
        _check_keys(value)
        value = value.values()
    for item in value:
        if type(item) not in _LEAVES:
            check(item, level + 1)


def _check_keys(value: dict[Any, Any]) -> None:
    kinds = {type(key) for key in value}
    if not kinds <= {str, bytes}:
        raise Refused("shape", "keys of a map")
    if len(kinds) > 1 and len({_key_bytes(key) for key in value}) < len(value):
        raise Refused("canonical", "keys of a map that do not ascend")


def decode_first(data: bytes) -> tuple[Any, int]:
    """The one canonical value that stands at the start of `data`, and where it ends.

    No value is the start of another, so the first length that can be decoded is the only one; for short data
    only.
    """
    for end in range(1, len(data) + 1):
        try:
            _any(data[:end])
        except _MALFORMED:
            continue
        return decode(data[:end]), end
    raise Refused("canonical", "no value")

"""What is common to the bodies of all records."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

import msgspec
from msgspec import Meta

from vaultd.format import canon

Device = Annotated[bytes, Meta(min_length=8, max_length=8)]
Seq = Annotated[int, Meta(ge=1, le=9_999_999_999)]  # ten digits in the name of a log file


class SaidMap(Mapping[str, Any]):
    """The map that a body goes into, made when it is first asked for."""

    def __init__(self, body: "Body") -> None:
        self._body = body

    @cached_property
    def _map(self) -> dict[str, Any]:
        return self._body.to_map()

    def __getitem__(self, key: str) -> Any:
        return self._map[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def __len__(self) -> int:
        return len(self._map)


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What a record of one kind says. Keys that version 1 does not know stay in the map it came from."""

    WORD: ClassVar[str]

    @classmethod
    def from_map(cls, value: Mapping[str, Any]) -> Self:
        """Raises Refused("shape")."""
        return canon.convert({key: value[key] for key in cls.__struct_fields__ if key in value}, cls)

    def to_map(self) -> dict[str, Any]:
        """The body of a record that says this. What is optional and says nothing is left out."""
        said = msgspec.structs.asdict(self)
        optional = {field.name for field in msgspec.structs.fields(self) if not field.required}
        return {key: value for key, value in said.items() if value or key not in optional}

    def unknown(self, value: Mapping[str, Any]) -> list[str]:
        """What version 1 does not know of the map that this came from."""
        return [f"{self.WORD} key {key}" for key in value if key not in self.__struct_fields__]

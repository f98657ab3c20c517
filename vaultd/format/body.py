"""What is common to the bodies of all records."""

from typing import Annotated, Any, ClassVar, Self

import msgspec
from msgspec import Meta

from vaultd.format import canon

Device = Annotated[bytes, Meta(min_length=8, max_length=8)]
Seq = Annotated[int, Meta(ge=1, le=9_999_999_999)]  # ten digits in the name of a log file


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What a record of one kind says. Keys that version 1 does not know stay in the map it came from."""

    WORD: ClassVar[str]

    @classmethod
    def from_map(cls, value: dict[str, Any]) -> Self:
        """Raises Refused("shape")."""
        return canon.convert({key: value[key] for key in cls.__struct_fields__ if key in value}, cls)

    def to_map(self) -> dict[str, Any]:
        """The body of a record that says this. What is optional and says nothing is left out."""
        said = msgspec.structs.asdict(self)
        optional = {field.name for field in msgspec.structs.fields(self) if not field.required}
        return {key: value for key, value in said.items() if value or key not in optional}

    def unknown(self, value: dict[str, Any]) -> list[str]:
        """What version 1 does not know of the map that this came from."""
        return [f"{self.WORD} key {key}" for key in value if key not in self.__struct_fields__]

"""What an object store says when it does not do what it was asked: opendal's errors, typed.

What opendal says in words is read for the code that the store gave, and goes no further: it names hosts
and headers.
"""

import re
from enum import Enum, auto

# Pauses in seconds before each further try of what the store or the line calls passing; longer ones where the
# store asked us to slow down. Drawn between half and the whole, so that threads do not march in step.
_PAUSES = (0.1, 0.4, 1.6)
_SLOWER = (1.0, 4.0, 8.0)
_CODE = re.compile(r'\bcode: "([A-Za-z]{1,64})"')
_STATUS = re.compile(r"\bstatus: ([0-9]{3})\b")
_FULL = frozenset(
    {"QuotaExceeded", "StorageQuotaExceeded", "InsufficientStorage", "InsufficientCapacity", "StorageFull"}
    | {"XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "EDQUOT"}
)


class Cause(Enum):
    MISSING = auto()
    RANGE = auto()
    EXISTS = auto()
    DENIED = auto()
    FULL = auto()
    OTHER = auto()


class Failed(Exception):
    """A call that came to nothing. `code` is the store's own word ("SlowDown"), or "HTTP 503", "timeout",
    "no answer"; it never holds a name, an address or a secret.
    """

    def __init__(self, cause: Cause, code: str, pauses: tuple[float, ...] = ()) -> None:
        super().__init__(code)
        self.cause, self.code, self.pauses = cause, code, pauses


def failed_by(error: Exception) -> Failed:
    """The class says what happened; only the text has the store's own word, and whether it may pass."""
    kind, text = type(error).__name__, str(error)
    found = _CODE.search(text)
    status = _STATUS.search(text)
    code = found[1] if found else f"HTTP {status[1]}" if status else "no answer"
    pauses = (_SLOWER if kind == "RateLimited" else _PAUSES) if "(temporary)" in text[:64] else ()
    if code in _FULL or (status and status[1] == "507"):
        return Failed(Cause.FULL, code)
    if kind == "Unexpected" and not status and not pauses:
        return Failed(Cause.RANGE, "length")  # the answer was whole, and longer or shorter than asked for
    return Failed(
        _CAUSES.get(kind, Cause.OTHER), code if found or status else kind if not pauses else code, pauses
    )


_CAUSES = {
    "NotFound": Cause.MISSING,
    "RangeNotSatisfied": Cause.RANGE,
    "ConditionNotMatch": Cause.EXISTS,
    "AlreadyExists": Cause.EXISTS,
    "PermissionDenied": Cause.DENIED,
}

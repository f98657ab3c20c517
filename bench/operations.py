"""What is measured, in the order in which it is done."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of work. `label` is what a table calls it; `saves`: it adds to what is stored; `reads`: it
    reads what is stored.
    """

    name: str
    label: str
    saves: bool = False
    reads: bool = False


OPERATIONS = (
    Operation("init", "init"),
    Operation("first", "first snapshot", saves=True),
    Operation("unchanged", "nothing changed", saves=True),
    Operation("change", "one file changed", saves=True),
    Operation("edited", "edited generation", saves=True),
    Operation("open", "list of snapshots"),
    Operation("passphrase", "the same, by passphrase"),
    Operation("ls", "list every file"),
    Operation("find", "find a name"),
    Operation("one", "restore one file"),
    Operation("restore", "restore all", reads=True),
    Operation("check", "check", reads=True),
    Operation("check-data", "check, all data read", reads=True),
    Operation("learn", "list of snapshots, caches lost", reads=True),
)
BY_NAME = {operation.name: operation for operation in OPERATIONS}

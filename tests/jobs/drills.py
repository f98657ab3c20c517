"""Two copies to drill, and what comes of it."""

import os
from contextlib import closing
from pathlib import Path

from tests.jobs.test_protect import saved, two_copies
from tests.jobs.vaults import Computer
from vaultd.errors import VaultdError
from vaultd.jobs.drill import Drill, drill_copies
from vaultd.jobs.status import look_at_copies
from vaultd.progress import Silent
from vaultd.store.ledger import Drilled


def folder_in_two_copies(tmp_path: Path) -> Computer:
    """Two copies of one folder with files in it and below it."""
    computer = two_copies(tmp_path, tmp_path / "second")
    (tmp_path / "photos" / "below").mkdir()
    for number in range(8):
        (tmp_path / "photos" / "below" / str(number)).write_bytes(os.urandom(2000))
    for name in "abcd":
        saved(computer, name)
    return computer


Found = dict[str, Drill | VaultdError]


def drilled(computer: Computer, *, stop: object = lambda: False, **how: object) -> Found:
    with computer.opened() as session:
        places, asked = session.settings.copies, {"seed": 7} | how
        found = drill_copies(session, places, Silent(), stop, **asked)  # type: ignore[arg-type]
        with closing(found):
            return {place.label: result for place, result in found}


def passed(found: Found) -> dict[str, bool | None]:
    return {label: each.passed if isinstance(each, Drill) else None for label, each in found.items()}


def remembered(computer: Computer) -> list[Drilled | None]:
    with computer.opened() as session:
        return [each.drilled for each in look_at_copies(session)]


def of(found: Found, label: str) -> Drill:
    result = found[label]
    assert isinstance(result, Drill)
    return result


def is_left(computer: Computer) -> bool:
    return (computer.home.state / "drill").exists()

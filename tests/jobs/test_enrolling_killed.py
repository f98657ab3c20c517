"""An attempt to add a copy that was killed anywhere is finished by the next one."""

from pathlib import Path

from tests.jobs.killed import dies
from tests.jobs.test_enrolling import add, computer, labels, retire
from tests.jobs.test_protect import brought_up, files
from tests.jobs.vaults import Computer

__all__ = ["computer"]  # the fixture

EVENTS = ("os.rename", "os.mkdir", "open", "os.link", "os.unlink", "os.remove")
KILLED = """
from tests.jobs.vaults import Computer
from tests.jobs.test_enrolling import add
from vaultd.settings import find_home
home, copy, key, new = sys.argv[2:]
computer = Computer(find_home(home), Path(copy), Path(key))
import vaultd.jobs.enrolling as enrolling
begin = enrolling.check_wanted
def begun(*words):
    sys.addaudithook(count)
    return begin(*words)
enrolling.check_wanted = begun
add(computer, Path(new))
"""


def test_killed_while_it_adds_a_copy_the_next_attempt_does_it(computer: Computer, tmp_path: Path) -> None:
    died = 0
    for at in range(1, 60, 4):
        new = tmp_path / f"new{at}"
        died += dies(KILLED, EVENTS, at, tmp_path / "home", computer.copy, computer.key, new)
        if "second" not in labels(computer):
            add(computer, new)
        brought_up(computer)
        assert computer.checked().sound
        assert files(computer.copy) == files(new), at
        retire(computer, "second")
    assert died >= 5

"""A past, mounted: from the first question of the kernel until it is unmounted."""

import os
from collections.abc import Callable
from pathlib import Path

from vaultd.browse.past import EACH, Past
from vaultd.mount import binding
from vaultd.mount.answers import Answers
from vaultd.mount.device import Device
from vaultd.mount.operations import Operations
from vaultd.mount.telling import Telling


def serve(
    past: Past, folder: Path, began: Callable[[], None], *, allow_other: bool, each: float = EACH
) -> None:
    """Returns once it is unmounted, by whomever, or by SIGTERM, SIGINT or SIGHUP where those have their plain
    meaning. `began` is called once it is there. Raises NoFuse; RuntimeError where it cannot be mounted.
    """
    if binding.is_needed():
        _by_library(past, folder, began, allow_other=allow_other, each=each)
    else:
        _by_itself(past, folder, began, allow_other=allow_other, each=each)


def _by_itself(
    past: Past, folder: Path, began: Callable[[], None], *, allow_other: bool, each: float
) -> None:
    answers = Answers(past)
    with Device(os.fspath(folder), allow_other=allow_other) as mounted:
        mounted.begin()
        began()
        telling = Telling(answers, mounted)
        with past.kept_up(telling.changed, each, telling.again), telling.forgetting():
            mounted.serve(answers)


def _by_library(
    past: Past, folder: Path, began: Callable[[], None], *, allow_other: bool, each: float
) -> None:
    library = binding.load()
    operations = Operations(past, began)
    with past.kept_up(operations.changed, each):
        binding.run(library, operations, str(folder), allow_other=allow_other)

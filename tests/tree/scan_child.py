"""One scan in a process of its own, so that its system calls can be traced and made to fail.

python scan_child.py STATE RESULT: takes a pickled `Watched`, scans, and writes back what came of it.
"""

import pickle
import sys

from tests.tree.sources import Watched  # noqa: TC001 - what is unpickled needs it
from vaultd.errors import VaultdError


def main(state: str, result: str) -> None:
    with open(state, "rb") as file:
        source: Watched = pickle.load(file)
    try:
        outcome: object = source.scan()
    except VaultdError as error:
        outcome = type(error).__name__
    with open(result, "wb") as file:
        pickle.dump((outcome, source), file)


if __name__ == "__main__":
    main(*sys.argv[1:])

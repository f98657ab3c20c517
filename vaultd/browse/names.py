"""How many names a file has in a snapshot, where it has several."""

import threading
from collections import Counter, OrderedDict

from vaultd.format.entry import Entry
from vaultd.tree.view import Row, View, folder_id

# Snapshots whose files were counted: two are compared with each other at most times.
_KEPT = 4


class Names:
    """Counted when the first such file of a snapshot is asked for, by walking through all of it, and kept.
    What cannot be read is not counted. Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._counted: OrderedDict[bytes, Counter[bytes]] = OrderedDict()
        self._counting = threading.Lock()

    def of(self, view: View, entry: Entry) -> int:
        group = entry.extra.get("hard")
        if group is None:
            return 1
        with self._counting:
            return max(1, self._groups(view)[group])

    def _groups(self, view: View) -> Counter[bytes]:
        root = folder_id(view.root)
        if (counted := self._counted.get(root)) is None:
            rows = (row for row in view.walk_rows() if isinstance(row, Row))
            counted = Counter(e.extra["hard"] for row in rows for e in row.entries if "hard" in e.extra)
            self._counted[root] = counted
            if len(self._counted) > _KEPT:
                self._counted.popitem(last=False)
        return counted

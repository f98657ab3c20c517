"""Pages and lists of folders, decoded: those that were read last are kept, since who looks at a folder looks
at all its names one by one.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence

from vaultd.format.entry import Entry
from vaultd.format.limits import LIST, PAGE
from vaultd.format.lists import ListNode
from vaultd.store.contract import Blobs
from vaultd.tree.folder import Folders, read_list, read_page

# Entries, or items of lists, that are kept: half a kilobyte each, so 25 MB.
MOST = 50_000


class Pages(Folders):
    """Safe to use from several threads."""

    def __init__(self, blobs: Blobs, most: int = MOST) -> None:
        self._blobs, self._most, self._count = blobs, most, 0
        self._kept: OrderedDict[bytes, Sequence[Entry] | ListNode] = OrderedDict()
        self._lock = threading.Lock()

    def is_list(self, blob_id: bytes) -> bool:
        kept = self._kept.get(blob_id)
        return isinstance(kept, ListNode) if kept is not None else self._blobs.type_of(blob_id) == LIST

    def list(self, blob_id: bytes) -> ListNode:
        found = self._recall(blob_id)
        if not isinstance(found, ListNode):
            found = read_list(self._blobs, blob_id, PAGE)
            self._keep(blob_id, found)
        return found

    def page(self, blob_id: bytes) -> Sequence[Entry]:
        found = self._recall(blob_id)
        if found is None or isinstance(found, ListNode):
            found = read_page(self._blobs, blob_id)
            self._keep(blob_id, found)
        return found

    def _recall(self, blob_id: bytes) -> Sequence[Entry] | ListNode | None:
        with self._lock:
            found = self._kept.get(blob_id)
            if found is not None:
                self._kept.move_to_end(blob_id)
            return found

    def _keep(self, blob_id: bytes, found: Sequence[Entry] | ListNode) -> None:
        with self._lock:
            if blob_id not in self._kept:
                self._kept[blob_id] = found
                self._count += _length(found)
            while self._count > self._most and len(self._kept) > 1:
                self._count -= _length(self._kept.popitem(last=False)[1])


def _length(found: Sequence[Entry] | ListNode) -> int:
    return len(found.items) if isinstance(found, ListNode) else len(found)

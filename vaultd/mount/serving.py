"""A past, mounted: from the first question of the kernel until it is unmounted."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from vaultd.browse.past import EACH, Past, Top
from vaultd.mount import binding
from vaultd.mount.operations import Operations


def serve(
    past: Past, folder: Path, began: Callable[[], None], *, allow_other: bool, each: float = EACH
) -> None:
    """Returns once it is unmounted, by whomever, or by SIGTERM, SIGINT or SIGHUP where those have their plain
    meaning. `began` is called once it is there. Raises NoFuse; RuntimeError where it cannot be mounted.
    """
    library = binding.load()
    told = Kernel(library)

    def mounted() -> None:
        told.begin()
        began()

    operations = Operations(past, mounted)

    def changed(top: Top) -> None:
        operations.changed(top)
        told.forget(top.fresh)

    with past.kept_up(changed, each):
        binding.run(library, operations, str(folder), allow_other=allow_other)


class Kernel:
    """What the kernel keeps of what it was told. libfuse 2 cannot take anything back: there it keeps for a
    second.
    """

    def __init__(self, library: ModuleType) -> None:
        self._library = getattr(library, "_libfuse", None) if binding.is_third(library) else None
        self._fuse: int | None = None

    def begin(self) -> None:
        """Called by libfuse, in its own time: only then it says which mount this is."""
        if self._library is not None:
            self._fuse = self._library.fuse_get_context().contents.fuse

    def forget(self, paths: tuple[bytes, ...]) -> None:
        """Attributes and content of these paths, so far as it has any."""
        if self._library is None or self._fuse is None:
            return
        for path in paths:
            self._library.fuse_invalidate_path(ctypes.c_void_p(self._fuse), b"/" + path)

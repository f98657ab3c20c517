"""Folders whose files a program makes again whenever it likes: that they are gone says nothing.

By exact names of folders, and only of caches. A waste-bin is none: emptying one is how a sync client wipes.
"""

_NAMES = frozenset(
    {
        *(b"cache", b"caches", b".cache", b"cache_data", b"code cache", b"gpucache", b"shadercache"),
        *(b".thumbnails", b"thumbs", b"thumbnails", b".thumbcache", b"@eadir", b"encoded-video"),
        *(b"xlog", b"applet", b"__pycache__", b"node_modules", b".venv", b".gradle", b".terraform"),
    }
)
# Previews of Lightroom and Capture One.
_ENDINGS = (b".lrdata", b".cocatalogdb")


def is_volatile(path: bytes) -> bool:
    """Whether this is, or is in, such a folder."""
    names = path.lower().split(b"/")
    return not _NAMES.isdisjoint(names) or any(name.endswith(_ENDINGS) for name in names)

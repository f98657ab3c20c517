"""The numbers of docs/format.md, each with its arithmetic. Lengths are bytes unless a name says otherwise."""

Buffer = bytes | bytearray | memoryview

KIB = 1 << 10
MIB = 1 << 20

# Types of blobs, and the kinds of boxes that hold them.
CHUNK, PAGE, LIST, INDEX, RECORD = 1, 2, 3, 4, 5
KIND_DATA, KIND_TREE, KIND_INDEX, KIND_LOG = 1, 2, 3, 4
PACK_KINDS = (KIND_DATA, KIND_TREE)  # what stands in packs/
HOLDS = {
    KIND_DATA: frozenset({CHUNK, PAGE, LIST}),
    KIND_TREE: frozenset({PAGE, LIST}),
    KIND_INDEX: frozenset({INDEX}),
    KIND_LOG: frozenset({RECORD}),
}

# Keys and slots.
KEY = 32  # a master key, a key of AES-256, an id, a commitment
VAULT_ID = 16
SLOT_HEADER = (
    8 + 1 + 1 + 1 + 1 + 4 + 4 + VAULT_ID + 16 + 12
)  # 64: magic, role, kdf, p, 0, m, t, vault, salt, zeros
SLOT = 512
BUNDLE = SLOT - SLOT_HEADER - KEY - 16  # 400: what is left for the bundle after commit and tag
MIN_ARGON_KIB, MAX_ARGON_KIB = 64 << 10, 2 << 20  # 64 MiB .. 2 GiB
MIN_ARGON_TIME, MAX_ARGON_TIME = 3, 10
MIN_ARGON_LANES, MAX_ARGON_LANES = 1, 8
MAX_SLOTS = 16

# The box.
TAG = 16
BOX_HEADER = 8 + 1 + 1 + 6 + VAULT_ID + 32  # 64: magic, kind, mode, zeros, vault, salt
HEAD = BOX_HEADER + KEY  # 96: header and commitment
ROW = 32 + 1 + 1 + 4 + 4  # 42: id, type, codec, sealed length, plain length
END = 4 + 4  # length of the sealed trailer, "BXE1"
MIN_TRAILER = 4 + ROW + TAG  # 62: one row
MIN_BOX = 1 << 10
MAX_BOX = 256 << 20
MAX_BLOB = 16 << 20  # plain
MAX_BLOBS = 1 << 20

# Content, folders and records.
MAX_DEPTH = 16  # levels of arrays and maps in one structure
MAX_INLINE = 64  # pairs in an entry; more go to a list
MAX_INLINE_VALUE = 4 << 10  # a link's target, a sparse map, an attribute; what is longer is stored as chunks
MAX_LIST = 8192  # items of one list: 8192 x 36 bytes = 288 KiB and more for long names
MAX_LEVEL = 3  # 8192^4 chunks
MAX_NAME = 1024
MAX_ENTRY = 64 << 10
MAX_PAGE_ENTRIES = 512
MAX_FOLDER_DEPTH = 16_384
MAX_ERRORS = 1000  # in one snapshot's record

# For writers only (section 13).
PAGE_TARGET = 1 << 20  # a page ends before it would pass this
PAGE_CUT = 128  # names from one end of a page to the next, on average
LIST_CUT = 1024  # items from one end of a list to the next, on average
MIN_CHUNK, AVG_CHUNK, MAX_CHUNK = 256 << 10, 1 << 20, 4 << 20
# The first chunk of a file cut by content; one is never longer than what is left whole.
MIN_FIRST_CHUNK, AVG_FIRST_CHUNK = 32 << 10, 64 << 10
# A database is cut into pieces of 32 KiB, and into so many more whenever its length doubles:
# longer ones begin at 2^14 x 64 KiB = 1 GiB.
MIN_PIECE, PIECES = 32 << 10, 1 << 14

# Parity of packs.
PARITY_COLUMNS, PARITY_SHARDS = 20, 2  # packs of a group, parity files of a group
PARITY_CELL = 64 << 10
PARITY_FRONT = 1 << 10  # 16 + 20 x 40 + 32 = 848 at most, and zeros
MAX_PARITY_MEMBER = 64 << 20  # longer packs are in no group: one is 16 MiB, and never more than 56

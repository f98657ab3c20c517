"""How much a box takes: padding must not lead past the end of its buffer."""

from hypothesis import given
from hypothesis import strategies as st

from tests.format.values import KEYS
from vaultd.format.box import BoxWriter, padme
from vaultd.format.limits import END, HEAD, KIND_DATA, MIN_BOX, MIN_TRAILER, TAG


@given(st.integers(MIN_BOX, 70_000))
def test_a_box_takes_what_fits_into_its_buffer_once_it_is_padded(length: int) -> None:
    writer = BoxWriter(KEYS, KIND_DATA, bytearray(length))
    around = HEAD + TAG + MIN_TRAILER + END
    fits = max(n for n in range(length - around + 1) if padme(around + n) <= length)
    assert writer.room(fits)
    assert not writer.room(fits + 1)

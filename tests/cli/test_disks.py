"""What is said of a folder whose disk takes copies with it."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from vaultd_cli.catalogue import language, say
from vaultd_cli.commands.source import warn_of_one_disk

if TYPE_CHECKING:
    from vaultd_cli.run import Run

    from vaultd.settings import Place
    from vaultd.tree.sources import Source


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ((), []),
        (("main",), ["“/photos” and copy main are on one disk"]),
        (("main", "second"), ["“/photos” and the copies main, second are on one disk"]),
        (("main", "second", "nas"), ["“/photos” and the copy are on one disk"]),
    ],
)
def test_a_source_has_one_sentence_however_many_copies(
    labels: tuple[str, ...], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULTD_LANG", "en")
    language.cache_clear()
    told: list[str] = []

    def warn(key: str, **facts: Any) -> None:
        told.append(say(key, **facts))

    run = cast("Run", SimpleNamespace(console=SimpleNamespace(warn=warn)))
    source = cast("Source", SimpleNamespace(body=SimpleNamespace(path=b"/photos")))
    beside = [cast("Place", SimpleNamespace(label=label)) for label in labels]
    warn_of_one_disk(run, source, beside, copies=3)
    language.cache_clear()
    assert [sentence.partition(":")[0] for sentence in told] == said

import pytest


@pytest.fixture
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two names to a page and two pages to a list, so that small trees have all that large ones have."""
    monkeypatch.setattr("vaultd.format.page.PAGE_CUT", 2)
    monkeypatch.setattr("vaultd.format.lists.LIST_CUT", 2)

"""Where the figures of a whole run are kept, and put before a reader."""

from pathlib import Path

from bench.picture import picture
from bench.samples import Results, cells
from bench.tables import tables

FOLDER = Path(__file__).parent
RESULTS = "results.json"
PICTURE = "ratios.svg"


def publish(results: Results, folder: Path = FOLDER) -> None:
    """Keep a run beside the others: as data, as tables in the README, as a picture."""
    results.save(folder / RESULTS)
    (folder / PICTURE).write_text(picture(cells(results.samples), "memory"))
    _put_into_readme(folder / "README.md", "results", tables(results))


def publish_part(results: Results, name: str, folder: Path = FOLDER) -> None:
    """The same for one part of the large run; the other parts stay as they are."""
    results.save(folder / f"scale-{name}.json")
    _put_into_readme(folder / "README.md", f"scale-{name}", tables(results))


def _put_into_readme(readme: Path, mark: str, text: str) -> None:
    """Between two comments that name the place. Raises ValueError where they are not there."""
    begin, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
    page = readme.read_text()
    start = page.index(begin) + len(begin)
    readme.write_text(f"{page[:start]}\n{text}\n{page[page.index(end, start) :]}")

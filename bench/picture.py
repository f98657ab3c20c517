"""The ratios as a picture: one row for each work, one mark for each peer, restic at 1.

Text and lines take their colours from the reader's theme, light or dark.
"""

import math
from collections.abc import Iterator
from xml.sax.saxutils import escape

from bench.operations import BY_NAME
from bench.samples import PLACES, Cell, Key, ratio

_STANDARD = "restic"
_LEFT, _RIGHT, _WIDTH = 210, 30, 760
_ROW, _HEAD, _TITLE, _FOOT = 20, 30, 56, 34
# From a thirtieth of restic's time to three times it; what lies outside is drawn at the edge.
_LOW, _HIGH = 1 / 32, 4
_GRID = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4)
_SHAPES = {
    "vaultd": '<circle class="vaultd" cx="{x:.1f}" cy="{y:.1f}" r="6"/>',
    "borg": '<rect class="borg" x="{left:.1f}" y="{top:.1f}" width="9" height="9"/>',
    "cp": '<path class="cp" d="M{x:.1f} {top:.1f}l5 9h-10z"/>',
}
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.group { font-weight: 600 }
.quiet { fill: #59636e }
.grid { stroke: #d1d9e0 }
.one { stroke: #59636e; stroke-width: 1.5 }
.vaultd { fill: #0969da }
.borg { fill: none; stroke: #9a6700; stroke-width: 1.8 }
.cp { fill: none; stroke: #59636e; stroke-width: 1.8 }
.bar { stroke: #0969da; stroke-width: 2; opacity: .45 }
.paper { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .quiet { fill: #9198a1 }
  .grid { stroke: #3d444d }
  .one, .cp { stroke: #9198a1 }
  .vaultd { fill: #4493f8 }
  .borg { stroke: #d29922 }
  .bar { stroke: #4493f8 }
  .paper { fill: #0d1117 }
}"""


def picture(found: dict[Key, Cell], place: str) -> str:
    """An SVG of the wall-clock ratios in one place; it needs restic's figures there."""
    groups = _groups(found, place)
    height = _TITLE + sum(_HEAD + _ROW * len(keys) for keys in groups.values()) + _FOOT
    body = [*_title(place), *_grid(height)]
    y = _TITLE
    for corpus, keys in groups.items():
        body.append(f'<text class="group" x="14" y="{y + 19}">{escape(corpus)}</text>')
        y += _HEAD
        for key in keys:
            body += _row(found, key, y + _ROW / 2)
            y += _ROW
    inside = "\n".join(body)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">\n'
        f"<title>Wall-clock time beside restic</title>\n<style>{_STYLE}\n</style>\n"
        f'<rect class="paper" width="{_WIDTH}" height="{height}" rx="8"/>\n{inside}\n</svg>\n'
    )


def _groups(found: dict[Key, Cell], place: str) -> dict[str, list[Key]]:
    """Per corpus, vaultd's keys that restic has a figure for, in the order of the work."""
    groups: dict[str, list[Key]] = {}
    order = list(BY_NAME)
    mine = [key for key in found if key.peer == "vaultd" and key.place == place]
    for key in sorted(mine, key=lambda key: order.index(key.operation)):
        if ratio(found, key, _STANDARD) is not None:
            groups.setdefault(key.corpus, []).append(key)
    return groups


def _title(place: str) -> Iterator[str]:
    yield f'<text class="title" x="14" y="24">Wall-clock time as a share of restic’s, {PLACES[place]}</text>'
    x = 14.0
    for peer, label in (("vaultd", "vaultd"), ("borg", "borg"), ("cp", "cp -a")):
        yield _mark(peer, x + 6, 40)
        yield f'<text class="quiet" x="{x + 17:.0f}" y="44">{label}</text>'
        x += 75
    yield f'<text class="quiet" x="{x:.0f}" y="44">further left is faster; each line doubles</text>'


def _grid(height: int) -> Iterator[str]:
    for at in _GRID:
        kind = "one" if at == 1 else "grid"
        x = _x(at)
        label = f"1/{round(1 / at)}" if at < 1 else f"{at:g}"
        yield f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{_TITLE}" y2="{height - _FOOT + 6}"/>'
        yield f'<text class="quiet" x="{x:.1f}" y="{height - 10}" text-anchor="middle">{label}</text>'


def _row(found: dict[Key, Cell], key: Key, y: float) -> Iterator[str]:
    label = escape(BY_NAME[key.operation].label)
    yield f'<text class="quiet" x="{_LEFT - 12}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
    own = ratio(found, key, _STANDARD)
    if own is not None:
        yield f'<line class="bar" x1="{_x(1):.1f}" x2="{_x(own):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
    for peer in ("cp", "borg", "vaultd"):
        share = ratio(found, key._replace(peer=peer), _STANDARD)
        if share is not None:
            yield _mark(peer, _x(share), y)


def _mark(peer: str, x: float, y: float) -> str:
    return _SHAPES[peer].format(x=x, y=y, left=x - 4.5, top=y - 4.5)


def _x(share: float) -> float:
    inside = min(max(share, _LOW), _HIGH)
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * math.log(inside / _LOW) / math.log(_HIGH / _LOW)

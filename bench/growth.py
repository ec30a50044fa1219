"""The picture of what an order costs while ever more stand open: the CPU of a row of an import, part by part."""

from collections.abc import Mapping
from html import escape
from typing import Final

from bench.idle import IMPORT, ROWS
from bench.results import Results

TITLE: Final = "CPU of an order, milliseconds, while ever more stand open"
MEANING: Final = "imported and started; a flat line: an order costs the same however many there are"
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 1000, 300, 60, 160, 60, 40
LETTERS: Final = 15
"""How high a line of them is."""
COLOURS: Final = ("#24292f", "#4c78a8", "#b7791f", "#2f7d4f", "#8250df", "#57606a")


def draw(sections: Mapping[str, Results]) -> str:
    """An SVG: orders so far to the right, milliseconds of CPU upwards, a line for each process and one for all."""
    found = sections["idle"]
    table = next(table for table in found.tables if table.title == IMPORT)
    names = [str(name) for name in table.columns[2:]]
    rows = [[float(cell) for cell in row] for row in table.rows]
    lines = {"all": [sum(row[2:]) for row in rows]} | {
        name: [row[place] for row in rows] for place, name in enumerate(names, start=2)
    }
    orders = [row[0] for row in rows]
    last = {name: max(0.0, ys[-1]) for name, ys in lines.items()}
    across, up = (WIDTH - LEFT - RIGHT) / orders[-1], (HEIGHT - TOP - BOTTOM) / (1.1 * max(lines["all"]))
    heights = _apart({name: HEIGHT - BOTTOM - up * y for name, y in last.items()})
    drawn = "\n".join(
        _line(
            [(LEFT + across * x, HEIGHT - BOTTOM - up * max(0.0, y)) for x, y in zip(orders, ys, strict=True)], colour
        )
        + f'<text x="{WIDTH - RIGHT + 8}" y="{heights[name] + 4:.0f}" style="fill: {colour}">'
        f"{escape(name)} {last[name]:.1f}</text>"
        for colour, (name, ys) in zip(COLOURS, lines.items(), strict=False)
    )
    marks = "".join(
        f'<text x="{LEFT + across * x:.0f}" y="{HEIGHT - 20}" text-anchor="middle" class="small">{x:,.0f}</text>'
        for x in orders
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">
<title>{TITLE}</title>
<style>text {{ font: 13px system-ui, sans-serif; fill: #24292f }} .small {{ fill: #57606a }}</style>
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text x="16" y="24" font-weight="600">{TITLE} ({escape(found.at[:10])})</text>
<text x="16" y="42" class="small">{MEANING}</text>
<path d="M {LEFT} {TOP} V {HEIGHT - BOTTOM} H {WIDTH - RIGHT}" fill="none" stroke="#24292f"/>
<text x="{LEFT - 8}" y="{HEIGHT - BOTTOM}" text-anchor="end" class="small">0</text>
{marks}<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="middle" class="small">{escape(ROWS)}</text>
{drawn}
</svg>
"""


def _line(points: list[tuple[float, float]], colour: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _apart(heights: Mapping[str, float]) -> dict[str, float]:
    """Where each name stands beside its line, from the lowest up, none upon another."""
    found: dict[str, float] = {}
    free = float(HEIGHT)
    for name, height in sorted(heights.items(), key=lambda each: -each[1]):
        found[name] = min(height, free)
        free = found[name] - LETTERS
    return found

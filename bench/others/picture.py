"""The picture of the engines side by side: the CPU of one order, by whom it is used."""

from collections.abc import Mapping
from html import escape
from typing import Final

from bench.others.measure import COSTS, PARTS
from bench.results import Results

WIDTH, NAMES, BAR, ROW, TOP = 1000, 190, 600, 30, 62
COLOURS: Final = ("#4c78a8", "#b7791f", "#2f7d4f")
MEANT: Final = ("PostgreSQL", "the engine's server", "own processes")


def draw(sections: Mapping[str, Results]) -> str:
    """An SVG; bars are as long as the most expensive one allows."""
    results = sections["others"]
    table = next(table for table in results.tables if table.title == COSTS)
    rows = [row for row in table.rows if isinstance(row[1], int | float)]
    longest = max(float(row[1]) for row in rows)
    height = TOP + ROW * len(rows) + 12
    bars = "\n".join(
        _row(str(row[0]), float(row[1]), [max(0.0, float(part)) for part in row[3 : 3 + len(PARTS)]], place, longest)
        for place, row in enumerate(rows)
    )
    legend = "".join(
        f'<rect x="{NAMES + 180 * place}" y="34" width="12" height="12" fill="{colour}"/>'
        f'<text x="{NAMES + 180 * place + 18}" y="45" class="small">{escape(meant)}</text>'
        for place, (colour, meant) in enumerate(zip(COLOURS, MEANT, strict=True))
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">
<title>CPU of one order on several engines</title>
<style>text {{ font: 13px system-ui, sans-serif; fill: #24292f }} .small {{ fill: #57606a }}</style>
<rect width="{WIDTH}" height="{height}" fill="#fff"/>
<text x="16" y="22" font-weight="600">CPU of one order, milliseconds, in the same run ({escape(results.at[:10])})</text>
{legend}
{bars}
</svg>
"""


def _row(title: str, total: float, parts: list[float], place: int, longest: float) -> str:
    top = TOP + ROW * place
    drawn, left = [], float(NAMES)
    for colour, part in zip(COLOURS, parts, strict=True):
        long = part / longest * BAR
        drawn.append(f'<rect x="{left:.1f}" y="{top}" width="{long:.1f}" height="20" fill="{colour}"/>')
        left += long
    return (
        f'<text x="{NAMES - 10}" y="{top + 15}" text-anchor="end">{escape(title)}</text>{"".join(drawn)}'
        f'<text x="{left + 8:.1f}" y="{top + 15}" class="small">{total:.0f}</text>'
    )

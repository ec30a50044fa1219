"""The picture of what was measured last: every budget as a bar against its limit."""

from collections.abc import Mapping
from html import escape
from typing import Final

from bench.results import Budget, Results

WIDTH, NAMES, BAR, ROW, TOP = 1000, 470, 330, 26, 54
FULL: Final = 2.0
"""How many times its limit a bar that fills its place stands for."""


def draw(sections: Mapping[str, Results]) -> str:
    """An SVG; bars end at twice their limit, what is longer says so."""
    budgets = [budget for section in sections.values() for budget in section.budgets]
    height = TOP + ROW * len(budgets) + 16
    limit = NAMES + BAR / FULL
    rows = "\n".join(_row(budget, TOP + ROW * place) for place, budget in enumerate(budgets))
    measured = [section for section in sections.values() if section.budgets]
    days = sorted({section.at[:10] for section in measured})
    said = ", ".join(
        [*sorted({section.machine for section in measured}), " to ".join(dict.fromkeys(days[:1] + days[-1:]))]
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">
<title>Budgets and where they stand</title>
<style>
text {{ font: 13px system-ui, sans-serif; fill: #24292f }}
.small {{ fill: #57606a }} .ok {{ fill: #2f7d4f }} .over {{ fill: #b3261e }} .place {{ fill: #eaeef2 }}
</style>
<rect width="{WIDTH}" height="{height}" fill="#fff"/>
<text x="16" y="24" font-weight="600">What things cost, against their limits</text>
<text x="16" y="42" class="small">{escape(said)}</text>
<text x="{limit}" y="42" text-anchor="middle" class="small">limit</text>
{rows}
<line x1="{limit}" x2="{limit}" y1="{TOP - 6}" y2="{height - 12}" stroke="#24292f" stroke-dasharray="3 3"/>
</svg>
"""


def _row(budget: Budget, top: int) -> str:
    share = budget.value / budget.limit if budget.limit else float(budget.value > 0) * FULL
    long = min(max(share, 0), FULL) / FULL * BAR
    figure = f"{budget.value:g} of {budget.limit:g} {budget.unit}" + (" »" if share > FULL else "")
    return (
        f'<text x="{NAMES - 10}" y="{top + 14}" text-anchor="end">{escape(budget.name)}</text>'
        f'<rect x="{NAMES}" y="{top + 2}" width="{BAR}" height="16" class="place"/>'
        f'<rect x="{NAMES}" y="{top + 2}" width="{long:.1f}" height="16" class="{"ok" if budget.ok else "over"}"/>'
        f'<text x="{NAMES + BAR + 10}" y="{top + 14}" class="small">{escape(figure)}</text>'
    )

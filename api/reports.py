"""The report of a count, for the page and as a printed sheet (policy 4.2.2)."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from api.i18n import Language
from api.printing import Column, Sheet, Table
from database.reading.tasks import CountLineView, TaskView
from domain.counting import CountedLine, CountState, StockAccuracy, stock_accuracy


def over(lines: Iterable[CountLineView]) -> list[CountLineView]:
    """The lines that are counted to the end."""
    return [line for line in lines if line.book is not None]


def accuracy(view: TaskView, tolerances: Mapping[str, Decimal]) -> StockAccuracy | None:
    """How exact the books were by this count; None while nothing is counted to the end."""
    lines = [
        CountedLine(
            id=nth,
            value_class=line.value_class,
            book=line.book or 0,
            quantity=line.quantity or 0,
            unit_value=line.unit_value or Decimal(0),
        )
        for nth, line in enumerate(over(view.lines))
    ]
    return stock_accuracy(lines, tolerances)


def difference_value(lines: Iterable[CountLineView]) -> Decimal:
    """What the differences are worth, in yuan."""
    return sum(((line.difference or 0) * (line.unit_value or Decimal(0)) for line in lines), Decimal("0.00"))


def count_report(view: TaskView, tolerances: Mapping[str, Decimal], words: Language) -> Sheet:
    text, lines = words.text, over(view.lines)
    differing = [line for line in lines if line.difference]
    found = accuracy(view, tolerances)
    facts = [
        (text("Warehouse"), words.word_of(view, "warehouse_name")),
        (text("Class"), view.subject),
        (text("Begun"), words.instant(view.created_at)),
        (text("Ended"), words.instant(view.ended_at) if view.ended_at else text("not yet")),
        (text("Stage"), words.label(view.stage)),
        (text("Lines counted"), f"{len(lines)} / {len(view.lines)}"),
    ]
    if found:
        facts += [
            (text("Stock accuracy"), f"{found.rate:.1%} ({found.right} / {found.counted})"),
            (text("Value of the differences"), words.money(difference_value(differing))),
        ]
    differences = Table(
        [
            Column(text("Place")), Column(text("Part"), share=2), Column(text("Books"), number=True),
            Column(text("Counted"), number=True), Column(text("Difference"), number=True),
            Column(text("Root cause"), share=2),
        ],
        [
            [
                line.place, f"{words.name(line)}\n{line.part}", str(line.book), str(line.quantity),
                f"{line.difference:+d}",
                " ".join(filter(None, (words.label(line.cause) if line.cause else "", line.note))),
            ]
            for line in differing
        ],
        title=text("Differences"),
    )  # fmt: skip
    matched = Table(
        [Column(text("Place")), Column(text("Part"), share=2), Column(text("Counted"), number=True)],
        [
            [line.place, f"{words.name(line)} · {line.part}", str(line.quantity)]
            for line in lines
            if line.state is CountState.MATCHED
        ],
        title=text("Lines that match"),
    )
    return Sheet(
        title=text("Report of a count"),
        number=view.number,
        at=view.ended_at or view.created_at,
        facts=facts,
        tables=[table for table in (differences, matched) if table.rows],
        signatures=(text("Counted by"), text("Counted again by"), text("Approved by")),
    )

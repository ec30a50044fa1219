"""Counting stock: blind, twice where it differs, traced, adjusted once approved (policy 4.2.2)."""

from collections import Counter
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from activities.steps.work import TaskSteps, TaskWork
from database import lots, stock
from database.counting import add_line, counted, entries_of, hold_against_the_books, lines_of
from database.reading.holders import holders
from database.tables import CountEntry, CountLine, MovementReason, Part, Place, Stock, Submission
from domain.counting import CountState, judge
from domain.stages import Action, Refusal
from domain.task_decisions import CountedPart, ExplainDifferences, RecordCounts
from domain.tasks import TaskStage

TO_COUNT = (CountState.OPEN, CountState.RECOUNT)


async def record_counts(work: TaskWork) -> None:
    """Keeps what was counted, each line at its own instant. A recount is somebody else's."""
    said = work.said(RecordCounts)
    heard = await work.session.scalar(select(Submission.at).where(Submission.id == work.step.submission))
    lines = {(line.place, line.part): line for line in await lines_of(work.session, work.document.number)}
    entries = await entries_of(work.session, work.document.number)
    for one in said.lines:
        line = lines.get((one.place, one.part)) or await _found_besides(work, one)
        if line.state not in TO_COUNT:
            raise Refusal("line_counted", f"{one.part} in {one.place} is counted")
        earlier = [entry for entry in entries.get(line.id, ()) if entry.book is not None]
        if earlier and earlier[-1].by == work.step.by:
            raise Refusal("counted_before", f"{one.part} in {one.place} is counted again by somebody else")
        values = {
            "line": line.id,
            "attempt": len(earlier) + 1,
            "quantity": one.quantity,
            "by": work.step.by,
            "at": _instant(work, one, heard or work.at),
        }
        put = insert(CountEntry).values(values)
        await work.session.execute(put.on_conflict_do_update(index_elements=["line", "attempt"], set_=values))
    work.details |= {"counted_lines": len(said.lines)}


def _instant(work: TaskWork, one: CountedPart, heard: datetime) -> datetime:
    at = min(one.counted_at or heard, work.at)
    if one.counted_at and not work.document.created_at <= one.counted_at <= heard:
        raise Refusal("invalid_time", "it was counted before the count began, or is said to be counted later than now")
    return at


async def _found_besides(work: TaskWork, one: CountedPart) -> CountLine:
    """Something lies where no list knows of it."""
    place, part = await work.session.get(Place, one.place), await work.session.get(Part, one.part)
    if place is None or place.warehouse != work.document.warehouse:
        raise Refusal("unknown_place", f"{one.place} is no place of this warehouse")
    if part is None:
        raise Refusal("unknown_part", f"there is no part {one.part}")
    if work.document.stage is TaskStage.RECOUNTING:
        raise Refusal("line_counted", "only lines that differ are counted again")
    return await add_line(work.session, work.document.number, place.code, part)


async def finish_count(work: TaskWork) -> None:
    """Holds what was counted against the books. What differs too much is counted again, what differs is traced; a count
    without a difference is over."""
    number, rules = work.document.number, work.time.policy.warehouse.counting
    lines = await lines_of(work.session, number, *TO_COUNT)
    said = await entries_of(work.session, number)
    if missing := [line for line in lines if not any(entry.book is None for entry in said.get(line.id, ()))]:
        raise Refusal(
            "not_counted", f"{missing[0].part} in {missing[0].place} is not counted yet ({len(missing)} left)"
        )
    await hold_against_the_books(work.session, number)
    entries = await entries_of(work.session, number)
    for line in lines:
        counts = counted(entries[line.id])
        line.state = judge(counts, rules.tolerance[line.value_class], rules.recounts)
        line.book, line.quantity = counts[-1].book, counts[-1].quantity
    await work.session.flush()
    await _go_on(work)


async def _go_on(work: TaskWork) -> None:
    """To what the lines ask for: another count, tracing, or nothing more."""
    lines = await lines_of(work.session, work.document.number)
    states = Counter(line.state for line in lines)
    work.details |= {f"{state}_lines": states[state] for state in CountState if states[state]}
    if states[CountState.RECOUNT]:
        work.stage = TaskStage.RECOUNTING
    elif states[CountState.DIFFERS]:
        work.stage = TaskStage.TRACING


async def explain_differences(work: TaskWork) -> None:
    """Every difference has a root cause before anybody is asked to adjust the books."""
    said = {(one.place, one.part): one for one in work.said(ExplainDifferences).lines}
    for line in await lines_of(work.session, work.document.number, CountState.DIFFERS):
        one = said.pop((line.place, line.part), None)
        if one is not None:
            assert line.book is not None
            assert line.quantity is not None
            if one.serials and len({*one.serials}) != abs(line.quantity - line.book):
                raise Refusal("serial_needed", f"name each piece of {line.part} in {line.place} that differs, or none")
            line.cause, line.note, line.serials = one.cause, one.note, list(one.serials)
        if line.cause is None:
            raise Refusal("not_explained", f"{line.part} in {line.place} has no cause yet")
    if said:
        place, part = next(iter(said))
        raise Refusal("no_difference", f"{part} in {place} does not differ")


async def count_again(work: TaskWork) -> None:
    """Lines that differ are counted once more; those that match are kept."""
    for line in await lines_of(work.session, work.document.number, CountState.DIFFERS):
        line.state, line.cause, line.note, line.serials = CountState.RECOUNT, None, "", []


async def approve_adjustment(work: TaskWork) -> None:
    """The differences become movements, each to or from losses; by somebody who counted nothing of it.

    A difference holds for its own instant, whatever has moved since. Pieces that are reserved are nobody's to write
    off: who waits for them is named, and decides first.
    """
    number = work.document.number
    lines = await lines_of(work.session, number, CountState.DIFFERS)
    entries = await entries_of(work.session, number)
    if any(entry.by == work.step.by for each in entries.values() for entry in each):
        raise Refusal("own_count", "whoever counted does not approve")
    value = Decimal(0)
    for line in lines:
        assert line.book is not None
        assert line.quantity is not None
        difference = line.quantity - line.book
        await _check_free(work, line, difference)
        source, target = (stock.LOSSES, line.place) if difference > 0 else (line.place, stock.LOSSES)
        await stock.move(
            work.session,
            line.part,
            abs(difference),
            source=source,
            target=target,
            reason=MovementReason.COUNT,
            at=work.at,
            by=work.step.by,
            document=number,
            effect=f"{work.effect}/{line.id}",
            pieces=lots.numbered(line.serials),
            note=line.cause or "",
        )
        line.state = CountState.ADJUSTED
        value += difference * line.unit_value
    work.details |= {"adjusted_lines": len(lines), "adjusted_value": str(value)}


async def _check_free(work: TaskWork, line: CountLine, difference: int) -> None:
    row = await work.session.get(Stock, (line.place, line.part), with_for_update=True)
    on_hand, reserved = (row.on_hand, row.reserved) if row else (0, 0)
    if on_hand + difference < 0:
        raise Refusal("count_again", f"pieces of {line.part} have left {line.place} that the count did not find")
    if difference < 0 and on_hand + difference < reserved:
        orders = ", ".join(await holders(work.session, line.place, line.part))
        raise Refusal("pieces_reserved", f"{line.part} in {line.place} is reserved for {orders}")


STEPS: TaskSteps = {
    Action.RECORD_COUNTS: record_counts,
    Action.FINISH_COUNT: finish_count,
    Action.EXPLAIN_DIFFERENCES: explain_differences,
    Action.COUNT_AGAIN: count_again,
    Action.APPROVE_ADJUSTMENT: approve_adjustment,
}

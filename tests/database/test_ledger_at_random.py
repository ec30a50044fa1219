"""Whatever is done to the ledger in whatever order, its books stay true."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from database import session as sessions_of
from database import stock
from database.applications import Application, apply
from database.reading.movements import balances
from database.tables import (
    LineState,
    Movement,
    MovementReason,
    OrderLine,
    Part,
    Reservation,
    ReservationState,
    Stock,
    StockLot,
    Tracking,
)
from domain.sourcing import Where
from domain.stages import Refusal, Role

T = TypeVar("T")
START: Final = datetime(2026, 11, 26, 8, tzinfo=UTC)
PARTS: Final = {f"RANDOM-{each.value}": each for each in Tracking}
QUALIFIED: Final = ("HZ1/qualified", "WH1/qualified", "CD1/qualified")
PLACES: Final = (*QUALIFIED, "HZ1/nonconforming", "HZ1/bin-technician", stock.IN_TRANSIT, stock.OPENING)
INSIDE: Final = (*QUALIFIED, "HZ1/nonconforming", "HZ1/bin-technician")
parts, lots = st.sampled_from(sorted(PARTS)), st.sampled_from([None, "L-1", "L-2"])


@dataclass(frozen=True)
class Moved:
    """A movement as the books have it."""

    id: int
    at: datetime
    part: str
    quantity: int
    source: str
    target: str


class Ledger(RuleBasedStateMachine):
    """Goods come in, move, are reserved, sent, taken back; all in one transaction, which is never committed."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.engine = sessions_of.engine(self.url)
        self.session: AsyncSession = sessions_of.sessions(self.engine)()
        self.clock, self.steps, self.serials = START, 0, 0
        self.known: list[Moved] = []
        self.reversed: set[int] = set()
        self.does(self.enter())

    def does(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def enter(self) -> None:
        row = {
            "name_en": "x", "name_zh": "x", "specification": "", "unit": "pc", "weight_kg": 1, "length_cm": 1,
            "width_cm": 1, "height_cm": 1, "value_class": "C", "list_price": 1, "guarantee_months": 1,
        }  # fmt: skip
        await self.session.execute(
            insert(Part).values([row | {"code": code, "tracking": tracking} for code, tracking in PARTS.items()])
        )
        said = Application.model_validate(
            {"channel": "web", "customer": {"name": "客户", "phone": "15400000099"}, "product": "x", "fault": "x"}
        )
        applied = await apply(
            self.session, said, by="agent", role=Role.SERVICE_AGENT, key="random", now=START, policy="standard"
        )
        self.order = applied.state.number
        await self.session.flush()

    def teardown(self) -> None:
        self.does(self.session.rollback())
        self.does(self.session.close())
        self.does(self.engine.dispose())
        self.loop.close()

    async def attempt(self, work: Coroutine[Any, Any, object]) -> str | None:
        """Does it, or nothing; the code of the refusal."""
        try:
            async with self.session.begin_nested():
                await work
        except Refusal as refusal:
            return refusal.code
        await self.read_up()
        return None

    async def read_up(self) -> None:
        seen = self.known[-1].id if self.known else 0
        rows = await self.session.scalars(
            select(Movement).where(Movement.id > seen, Movement.part.in_(PARTS)).order_by(Movement.id)
        )
        self.known += [Moved(row.id, row.at, row.part, row.quantity, row.source, row.target) for row in rows]

    def replayed(self, at: datetime) -> Counter[tuple[str, str]]:
        """The balances at an instant, by reading the ledger from its beginning."""
        sums = Counter[tuple[str, str]]()
        for one in self.known:
            if one.at <= at:
                sums[one.source, one.part] -= one.quantity
                sums[one.target, one.part] += one.quantity
        return sums

    def free(self, place: str, part: str) -> int:
        async def ask() -> int:
            held = Stock.on_hand - Stock.reserved
            return await self.session.scalar(select(held).where(Stock.place == place, Stock.part == part)) or 0

        return self.does(ask())

    def move(self, part: str, quantity: int, source: str, target: str, **named: Any) -> str | None:
        self.steps += 1
        self.clock += timedelta(minutes=1)
        return self.does(
            self.attempt(
                stock.move(
                    self.session, part, quantity, source=source, target=target, reason=MovementReason.SCRAPPING,
                    at=self.clock, by="keeper", document=f"T-{self.steps % 3}", effect=f"random/{self.steps}", **named,
                )
            )
        )  # fmt: skip

    @rule(part=parts, quantity=st.integers(1, 5), place=st.sampled_from(QUALIFIED), lot=lots)
    def comes_in(self, part: str, quantity: int, place: str, lot: str | None) -> None:
        if PARTS[part] is Tracking.SERIAL:
            self.serials += 1
            assert self.move(part, 1, stock.OPENING, place, serial=f"S-{self.serials}") is None
        else:
            assert (
                self.move(part, quantity, stock.OPENING, place, lot=lot if PARTS[part] is Tracking.LOT else None)
                is None
            )

    @rule(part=parts, quantity=st.integers(1, 6), source=st.sampled_from(INSIDE), to=st.sampled_from(INSIDE[:4]))
    def is_moved(self, part: str, quantity: int, source: str, to: str) -> None:
        if source != to:
            enough = self.free(source, part) >= quantity
            assert self.move(part, quantity, source, to) == (None if enough else "not_enough_stock")

    @rule(part=parts, quantity=st.integers(1, 4), source=st.sampled_from(QUALIFIED))
    def is_sent(self, part: str, quantity: int, source: str) -> None:
        enough = self.free(source, part) >= quantity
        assert self.move(part, quantity, source, stock.IN_TRANSIT) == (None if enough else "not_enough_stock")

    @rule(part=parts, quantity=st.integers(1, 6))
    def is_reserved(self, part: str, quantity: int) -> None:
        free = sum(self.free(place, part) for place in (*QUALIFIED, "HZ1/bin-technician"))
        self.steps += 1

        async def reserve() -> int:
            line = OrderLine(order=self.order, round=0, part=part, quantity=quantity, state=LineState.WANTED)
            self.session.add(line)
            await self.session.flush()
            return await stock.reserve(self.session, line, quantity, "HZ", tuple(Where), f"random/{self.steps}")

        assert self.does(reserve()) == min(free, quantity)

    @rule(which=st.integers(0, 20))
    def is_given_back(self, which: int) -> None:
        async def release() -> None:
            held = select(Reservation.line).where(Reservation.state == ReservationState.HELD).order_by(Reservation.id)
            if lines := (await self.session.scalars(held)).all():
                await stock.release(self.session, [lines[which % len(lines)]])
                await self.session.flush()

        self.does(release())

    @precondition(lambda self: self.known)
    @rule(which=st.integers(0, 50))
    def is_taken_back(self, which: int) -> None:
        done = self.known[which % len(self.known)]
        self.clock += timedelta(minutes=1)
        refused = self.does(
            self.attempt(
                stock.reverse(self.session, done.id, at=self.clock, by="keeper", document="T-R", note="random")
            )
        )
        if done.id in self.reversed:
            assert refused in ("reversed_before", "not_by_hand")
        elif refused is None:
            self.reversed |= {done.id, self.known[-1].id}
        else:
            assert refused == "not_enough_stock"

    @invariant()
    def the_books_are_true(self) -> None:
        self.does(self.check())

    async def check(self) -> None:
        await self.session.flush()
        rows = (
            await self.session.execute(
                select(Stock.place, Stock.part, Stock.on_hand, Stock.reserved).where(Stock.part.in_(PARTS))
            )
        ).all()
        books = self.replayed(self.clock)
        assert {(place, part): there for place, part, there, _ in rows if there} == {
            k: n for k, n in books.items() if n
        }
        held = dict(
            (
                await self.session.execute(
                    select(func.concat(Reservation.place, " ", Reservation.part), func.sum(Reservation.quantity))
                    .where(Reservation.state == ReservationState.HELD)
                    .group_by(Reservation.place, Reservation.part)
                )
            ).all()
        )
        for part in PARTS:
            assert sum(there for _, code, there, _ in rows if code == part) == 0, "what comes in went out elsewhere"
        for place, part, there, reserved in rows:
            assert place == stock.OPENING or 0 <= reserved <= there
            assert reserved == held.get(f"{place} {part}", 0)
        named = await self.session.execute(
            select(StockLot.place, StockLot.part, func.sum(StockLot.on_hand)).group_by(StockLot.place, StockLot.part)
        )
        for place, part, pieces in named:
            if part in PARTS:
                assert pieces <= books[place, part]

    @precondition(lambda self: self.known)
    @rule(share=st.floats(0, 1), part=parts)
    def is_asked_about_the_past(self, share: float, part: str) -> None:
        at = START + (self.clock - START) * share
        page = self.does(balances(self.session, at, part=part))
        told = {(row.place, row.part): row.on_hand for row in page.items}
        then = self.replayed(at).items()
        expected = {key: n for key, n in then if n and key[1] == part and key[0] != stock.OPENING}
        assert told == expected


@pytest.mark.clause("4.2.1")
def test_the_books_stay_true(database_url: str) -> None:
    machine = type("LedgerOfThisDatabase", (Ledger,), {"url": database_url})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

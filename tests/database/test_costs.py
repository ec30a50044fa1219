"""Costs by month, made from the ledger and the bills; the sums are worked out by hand (policy 3.3.2)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import select, text, update

from database import costs, policies, stock
from database.contracts import next_version
from database.costs import Bill
from database.reading import costs as reading
from database.reading.costs import WantedCosts
from database.session import Sessions
from database.tables import (
    BidLine,
    Contract,
    CostMonth,
    Invitation,
    MovementReason,
    Part,
    PurchaseLine,
    PurchaseOrder,
    RequestForQuotation,
    RequestLine,
    SupplierBid,
)
from domain.costs import Sums
from domain.policy import Timekeeper
from domain.requests import RequestStage
from domain.stages import PurchaseStage, Refusal, Role
from tests.plans import read, scans

PART, OTHER = "CXW-MOTOR-200", "CXW-CAPACITOR"
AUGUST, SEPTEMBER = date(2026, 8, 1), date(2026, 9, 1)


def on(month: int, day: int, hour: int = 4) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


class Books:
    """A house in which nothing lies and nothing was bought yet."""

    def __init__(self, sessions: Sessions, time: Timekeeper) -> None:
        self.sessions = sessions
        self.time = time

    async def contract(self, price: str | None, supplier: str = "S01", part: str = PART) -> None:
        async with self.sessions.begin() as session:
            ended = date(2020, 1, 1)
            session.add(
                Contract(
                    supplier=supplier,
                    part=part,
                    version=await next_version(session, Contract, supplier=supplier, part=part),
                    specification="",
                    quality_standard="",
                    price=Decimal(price or "1.00"),
                    lead_days=3,
                    valid_from=ended,
                    valid_until=date(2027, 1, 1) if price else ended,
                    payment_terms="",
                    entered_by="test",
                )
            )

    async def buy(self, at: datetime, *lines: tuple[str, int, str], supplier: str = "S01") -> str:
        """Ordered and received at one instant: part, pieces, price of a piece."""
        number = f"PO-{uuid4().hex[:12]}"
        async with self.sessions.begin() as session:
            session.add(
                PurchaseOrder(
                    number=number,
                    created_at=at,
                    supplier=supplier,
                    warehouse="HZ1",
                    stage=PurchaseStage.GOODS_RECEIVED,
                    deliver_by=at,
                    policy_name="standard",
                    policy_version=1,
                    log_head=b"",
                    state={},
                    started_at=at,
                    ended_at=at,
                )
            )
            await session.flush()
            for part, pieces, price in lines:
                session.add(
                    PurchaseLine(
                        purchase_order=number, part=part, quantity=pieces, received=pieces, unit_price=Decimal(price)
                    )
                )
                await self._move(session, at, part, pieces, stock.SUPPLIERS, "HZ1/qualified", number)
        return number

    async def use(self, at: datetime, part: str, pieces: int) -> None:
        async with self.sessions.begin() as session:
            await self._move(session, at, part, pieces, "HZ1/qualified", stock.CUSTOMERS, "RO-1")

    async def bill(self, at: datetime, number: str, amount: str, hasty: str | None = None, key: str = "") -> None:
        async with self.sessions.begin() as session:
            bill = Bill(Decimal(amount), "SF-1", hasty)
            await costs.enter_freight(session, number, bill, by="buyer", key=key or uuid4().hex, at=at)

    async def quote(self, opened_at: datetime, part: str, *prices: str) -> None:
        """A request of which the bids were opened: S01, S02 and so on asked these prices."""
        number, codes = f"RFQ-{uuid4().hex[:12]}", [f"S0{place}" for place in range(1, len(prices) + 1)]
        async with self.sessions.begin() as session:
            session.add(
                RequestForQuotation(
                    number=number, created_at=opened_at, entered_by="buyer", warehouse="HZ1",
                    stage=RequestStage.ABANDONED, deadline=opened_at, opened_at=opened_at, request_key=number,
                    request_digest=b"", policy_name="standard", policy_version=1, log_head=b"", state={},
                    started_at=opened_at, ended_at=opened_at,
                )
            )  # fmt: skip
            await session.flush()
            session.add(RequestLine(request=number, part=part, quantity=1))
            session.add_all(
                Invitation(request=number, supplier=code, token=uuid4().hex, bid_at=opened_at) for code in codes
            )
            await session.flush()
            for code in codes:
                session.add(
                    SupplierBid(
                        request=number, supplier=code, seq=1, at=opened_at, role=Role.SUPPLIER,
                        valid_until=date(2027, 1, 1), signed_by=code,
                    )
                )  # fmt: skip
            await session.flush()
            for code, price in zip(codes, prices, strict=True):
                session.add(
                    BidLine(
                        request=number, supplier=code, seq=1, part=part, price=Decimal(price), freight=Decimal(5),
                        lead_days=3, guarantee_months=12,
                    )
                )  # fmt: skip

    async def roll_up(self, now: datetime) -> list[date]:
        async with self.sessions.begin() as session:
            return list(await costs.roll_up(session, self.time, now))

    async def sums(self, month: date) -> dict[tuple[str, str | None], Sums]:
        async with self.sessions() as session:
            rows = await session.scalars(select(CostMonth).where(CostMonth.month == month))
            return {
                (row.part, row.supplier): Sums(**{name: getattr(row, name) for name in Sums.__dataclass_fields__})
                for row in rows
            }

    async def _move(self, session, at, part, pieces, source, target, document) -> None:  # type: ignore[no-untyped-def]
        await stock.move(
            session, part, pieces, source=source, target=target, reason=MovementReason.TRANSFER, at=at, by="keeper",
            document=document, effect=uuid4().hex,
        )  # fmt: skip


@pytest.fixture
async def books(sessions: Sessions) -> Books:
    async with sessions.begin() as session:
        time = await policies.timekeeper(session, await policies.newest(session, "standard"))
        for part in (PART, OTHER):
            await session.execute(update(Part).where(Part.code == part).values(list_price=Decimal("50.00")))
    return Books(sessions, time)


def ours(sums: dict[tuple[str, str | None], Sums]) -> dict[tuple[str, str | None], Sums]:
    """Without the opening stock of all the other parts."""
    return {key: one for key, one in sums.items() if key[0] in (PART, OTHER)}


@pytest.mark.clause("3.3.2")
async def test_a_month_of_prices_freight_and_storage(books: Books) -> None:
    """Ten motors at 98 (contract 100) and five capacitors at 20 (no contract, nothing bought before); 54 yuan freight,
    of it 10.80 in haste, laid to them as 980 : 100. The motors lie for 15 of 30 days, half of them for 10 more.
    """
    await books.contract("100.00")
    await books.contract(None, part=OTHER)
    number = await books.buy(on(9, 6, 16), (PART, 10, "98.00"), (OTHER, 5, "20.00"))  # midnight of 7 September
    await books.use(on(9, 21, 16), PART, 5)
    await books.bill(on(9, 8), number, "43.20")
    await books.bill(on(9, 9), number, "10.80", hasty="customer waits in the heat")
    await books.roll_up(on(10, 31))
    before = {key: one.storage for key, one in ours(await books.sums(AUGUST)).items()}
    sums = ours(await books.sums(SEPTEMBER))
    motors, capacitors = sums[PART, "S01"], sums[OTHER, "S01"]
    assert (motors.pieces, motors.price, motors.lines) == (10, Decimal("980.00"), 1)
    assert (motors.target, motors.priced, motors.with_target, motors.at_target) == (
        Decimal("1000.00"), Decimal("980.00"), 1, 1,
    )  # fmt: skip
    assert (motors.freight, motors.expedited) == (Decimal("49.00"), Decimal("9.80"))
    assert (capacitors.freight, capacitors.expedited) == (Decimal("5.00"), Decimal("1.00"))
    assert (capacitors.with_target, capacitors.target) == (0, Decimal("0.00"))
    assert motors.storage == Decimal("4.81")  # (10 × 15 + 5 × 9) days × 50 yuan × 18 % / 365
    assert before == {}


async def test_what_was_paid_before_is_the_target_where_nothing_was_agreed(books: Books) -> None:
    await books.contract(None)
    await books.buy(on(8, 3), (PART, 1, "90.00"))
    await books.buy(on(8, 5), (PART, 3, "110.00"))
    await books.buy(on(9, 2), (PART, 2, "100.00"))
    await books.roll_up(on(10, 2))
    assert (await books.sums(AUGUST))[PART, "S01"].with_target == 0
    september = (await books.sums(SEPTEMBER))[PART, "S01"]
    assert (september.target, september.priced) == (Decimal("210.00"), Decimal("200.00"))  # 105 a piece


@pytest.mark.clause("3.3.2")
async def test_the_median_of_the_quotes_is_the_target_where_nothing_was_agreed(books: Books) -> None:
    """Better known than what was paid before, if they were opened in the year before the order."""
    await books.contract(None)
    await books.buy(on(8, 3), (PART, 1, "90.00"))
    await books.quote(on(8, 20), PART, "95.00", "104.00", "99.00")
    await books.buy(on(9, 2), (PART, 2, "100.00"))
    await books.quote(on(9, 3), PART, "10.00")
    await books.buy(on(9, 2) + timedelta(days=360), (PART, 1, "96.00"))
    await books.roll_up(on(9, 10) + timedelta(days=360))
    september = (await books.sums(SEPTEMBER))[PART, "S01"]
    assert (september.target, september.at_target) == (Decimal("198.00"), 0)  # 99 a piece
    later = (await books.sums(date(2027, 8, 1)))[PART, "S01"]
    assert later.target == Decimal("10.00")


async def test_storage_follows_the_ledger(books: Books) -> None:
    """365 pieces of 100 yuan come at the beginning of 7 September and lie for 15 days, 36 of them for 9 days more:
    5,799 days at 18 % a year. One of 366 pieces of the last twelve months came from somebody else.
    """
    await books.contract(None)
    await books.buy(on(8, 31, 15), (PART, 1, "100.00"))
    await books.use(on(8, 31, 15), PART, 1)
    await books.roll_up(on(9, 5))
    assert PART not in {key[0] for key, one in (await books.sums(SEPTEMBER)).items() if one.storage}
    await books.buy(on(9, 6, 16), (PART, 365, "100.00"), supplier="S02")
    await books.use(on(9, 21, 16), PART, 328)
    await books.use(on(9, 21, 16), PART, 1)
    await books.roll_up(on(11, 1))
    september = {key[1]: one.storage for key, one in (await books.sums(SEPTEMBER)).items() if key[0] == PART}
    assert sum(september.values()) == Decimal("285.98")
    assert september["S01"] == Decimal("0.78")


async def test_computing_a_month_again_changes_nothing_and_an_open_one_grows(books: Books) -> None:
    await books.contract("100.00")
    await books.buy(on(8, 3), (PART, 1, "90.00"))
    assert (await books.roll_up(on(9, 10)))[-2:] == [AUGUST, SEPTEMBER]
    august = await books.sums(AUGUST)
    await books.buy(on(9, 11), (PART, 2, "90.00"))
    assert await books.roll_up(on(9, 12)) == [SEPTEMBER]
    assert await books.roll_up(on(9, 12)) == [SEPTEMBER]
    assert (await books.sums(SEPTEMBER))[PART, "S01"].pieces == 2
    assert await books.sums(AUGUST) == august


async def test_a_bill_is_entered_once(books: Books) -> None:
    number = await books.buy(on(9, 1), (PART, 1, "90.00"))
    for _ in range(2):
        await books.bill(on(9, 2), number, "12.00", key="one")
    with pytest.raises(Refusal, match="another bill"):
        await books.bill(on(9, 2), number, "13.00", key="one")
    await books.roll_up(on(9, 3))
    assert (await books.sums(SEPTEMBER))[PART, "S01"].freight == Decimal("12.00")


async def test_receipts_are_the_newest_of_the_ledger_and_read_no_more_of_it(books: Books) -> None:
    """Among thousands of pieces that were sent to customers."""
    for day in range(1, 29):
        await books.buy(on(9, day), (PART, 300, "90.00"), (OTHER, 1, "5.00"), supplier=f"S0{day % 3 + 1}")
    async with books.sessions.begin() as session:
        sent = "insert into movement (part, quantity, source, target, at, by, document, effect)"
        at = "timestamptz '2026-09-01' + n * interval '5 minutes'"
        values = f"'{PART}', 1, 'HZ1/qualified', 'in-transit', {at}, 'keeper', 'RO-' || n, 'sent/' || n"
        await session.execute(text(f"{sent} select {values} from generate_series(1, 8000) n"))
    async with books.sessions() as session:
        await session.execute(text("analyze movement, purchase_order, purchase_line"))
        wanted, zone = WantedCosts(AUGUST, SEPTEMBER), books.time.zone
        found = await scans(session, lambda asking: reading.receipts(asking, wanted, zone, limit=5), "movement")
        assert sum(map(read, found)) < 2000, found
        page = await reading.receipts(session, wanted, zone, limit=5)
        assert [(one.at, one.part, one.supplier) for one in page.items[:3]] == [
            (on(9, 28), OTHER, "S02"), (on(9, 28), PART, "S02"), (on(9, 27), OTHER, "S01"),
        ]  # fmt: skip
        of_one = await reading.receipts(session, WantedCosts(AUGUST, SEPTEMBER, OTHER, "S03"), zone)
        assert [one.at.day for one in of_one.items] == [26, 23, 20, 17, 14, 11, 8, 5, 2]

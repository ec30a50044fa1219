"""What the house's cases need as data: a warehouse of their own, a part that is short or in excess, a supplier with a
bad quarter behind it. Everything is named after the case, so that nobody's case touches another's."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database import policies
from database.log import BEGINNING
from database.stock import IN_TRANSIT, OPENING, move
from database.tables import (
    Contract,
    GoodsReceipt,
    MovementReason,
    Part,
    Place,
    PurchaseLine,
    PurchaseOrder,
    Qualification,
    ReceivedLot,
    ServiceCentre,
    Supplier,
    Warehouse,
    Zone,
)
from domain.costs import begins
from domain.messages import PurchaseState
from domain.receiving import LotVerdict
from domain.reviews import last_ended
from domain.stages import PurchaseStage, Role
from faults import world

CENTRE: Final = "FAULTS"
BY_PAPER: Final = "S05"
"""The supplier whose bid a buyer enters."""
PART, SHORT, MUCH = "PART", "SHORT", "MUCH"
"""How the parts of a case are called, after its own code."""
SHELF: Final[Mapping[str, int]] = MappingProxyType({PART: 20, SHORT: 3, MUCH: 400})
"""How many pieces of each lie there when the case begins."""
_SOLD: Final = MappingProxyType({SHORT: (4, 5, 3, 4, 6, 4, 5, 3), MUCH: (2, 1, 2, 2, 1, 2)})
"""What went out of it, week by week, the oldest first."""
_WEEK: Final = timedelta(days=7)
_ZONES: Final = {
    Zone.QUALIFIED: "qualified",
    Zone.AWAITING_INSPECTION: "awaiting-inspection",
    Zone.NONCONFORMING: "nonconforming",
    Zone.SCRAP: "scrap",
}

Ground = Callable[[AsyncSession, str, datetime], Awaitable[None]]


async def part(session: AsyncSession, code: str, now: datetime) -> None:
    """A part that several suppliers offer."""
    await _parts(session, [f"{code}-{PART}"], now)


async def shelf(session: AsyncSession, code: str, now: datetime) -> None:
    """A warehouse with some pieces of one part."""
    await _warehouse(session, code)
    await _parts(session, [f"{code}-{PART}"], now)
    await _lay(session, code, PART, SHELF[PART], now)


async def levels(session: AsyncSession, code: str, now: datetime) -> None:
    """A warehouse with too little of one part and too much of another, by what was asked for in the last weeks."""
    await shelf(session, code, now)
    await _parts(session, [f"{code}-{name}" for name in _SOLD], now)
    for name, weeks in _SOLD.items():
        await _lay(session, code, name, SHELF[name] + sum(weeks), now - (len(weeks) + 2) * _WEEK)
        for ago, pieces in enumerate(reversed(weeks)):
            await move(
                session,
                f"{code}-{name}",
                pieces,
                source=_shelf_of(code),
                target=IN_TRANSIT,
                reason=MovementReason.ISSUE,
                at=now - ago * _WEEK - timedelta(days=3),
                by=Role.SYSTEM,
                document="OPENING",
                effect=f"sold/{code}/{name}/{ago}",
            )


def supplier(accepted: int, refused: int) -> Ground:
    """A supplier of a part; of its lots so many were accepted, and so many refused, in the period that is over."""

    async def enter(session: AsyncSession, code: str, now: datetime) -> None:
        row = {
            "code": code, "name_en": code, "name_zh": code, "contact": "王经理", "email": f"{code.lower()}@example.com",
        }  # fmt: skip
        await session.execute(insert(Supplier).values(row).on_conflict_do_nothing())
        await _parts(session, [f"{code}-{PART}"], now, [code])
        if await session.get(PurchaseOrder, f"{world.EARLIER}-{code}") is None:
            await _deliver(session, code, accepted, refused, now)

    return enter


async def _warehouse(session: AsyncSession, code: str) -> None:
    centre = {"code": CENTRE, "name_en": CENTRE, "name_zh": CENTRE, "city": "", "phone": ""}
    await session.execute(insert(ServiceCentre).values(centre).on_conflict_do_nothing())
    warehouse = {"code": code, "service_centre": CENTRE, "name_en": code, "name_zh": code, "address": ""}
    await session.execute(insert(Warehouse).values(warehouse).on_conflict_do_nothing())
    places = [{"code": f"{code}/{name}", "warehouse": code, "zone": zone} for zone, name in _ZONES.items()]
    await session.execute(insert(Place).values(places).on_conflict_do_nothing())


async def _parts(session: AsyncSession, codes: Sequence[str], now: datetime, suppliers: Sequence[str] = ()) -> None:
    """Parts with their offers, by the suppliers that offer all parts unless some are named."""
    offers = [offer for code in codes for offer in world.offers(code, now, *([suppliers] if suppliers else []))]
    await session.execute(insert(Part).values([world.part(code) for code in codes]).on_conflict_do_nothing())
    await session.execute(insert(Contract).values(offers).on_conflict_do_nothing())
    await session.execute(
        insert(Qualification).values([world.qualified(offer) for offer in offers]).on_conflict_do_nothing()
    )


def _shelf_of(code: str) -> str:
    return f"{code}/{_ZONES[Zone.QUALIFIED]}"


async def _lay(session: AsyncSession, code: str, name: str, pieces: int, at: datetime) -> None:
    await move(
        session,
        f"{code}-{name}",
        pieces,
        source=OPENING,
        target=_shelf_of(code),
        reason=MovementReason.OPENING,
        at=at,
        by=Role.SYSTEM,
        document="OPENING",
        effect=f"opening/faults/{code}/{name}",
    )


async def _deliver(session: AsyncSession, code: str, accepted: int, refused: int, now: datetime) -> None:
    """A purchase order of an earlier time, without a log, and its lots."""
    time = await policies.timekeeper(session, await policies.newest(session, world.POLICY))
    at = begins(last_ended(time.today(now), time.policy.review).first, time.zone) + timedelta(days=10)
    number = f"{world.EARLIER}-{code}"
    session.add(
        PurchaseOrder(
            number=number,
            created_at=at,
            supplier=code,
            warehouse="HZ1",
            stage=PurchaseStage.GOODS_RECEIVED,
            deliver_by=at,
            received_at=at,
            started_at=at,
            ended_at=at,
            policy_name=time.policy.name,
            policy_version=time.policy.version,
            state=PurchaseState(number=number, stage=PurchaseStage.GOODS_RECEIVED, seq=0, wait=None).model_dump(
                mode="json"
            ),
            log_head=BEGINNING,
        )
    )
    await session.flush()
    line = {"part": f"{code}-{PART}", "quantity": accepted, "received": accepted, "refused": refused, "paid": accepted}
    session.add(PurchaseLine(purchase_order=number, unit_price=Decimal(50), **line))
    for nth in range(accepted + refused):
        sound = nth < accepted
        receipt = GoodsReceipt(purchase_order=number, seq=nth, delivery_note=f"DN-{nth}", at=at, by="keeper")
        session.add(receipt)
        await session.flush()
        session.add(
            ReceivedLot(
                receipt=receipt.id,
                purchase_order=number,
                supplier=code,
                part=f"{code}-{PART}",
                batch=str(nth),
                quantity=1,
                sample=1,
                refuse=1,
                received_at=at,
                verdict=LotVerdict.ACCEPTED if sound else LotVerdict.REFUSED,
                checked=1,
                faulty=0 if sound else 1,
                accepted=1 if sound else 0,
                refused=0 if sound else 1,
                inspected_at=at,
                inspected_by="keeper",
            )
        )

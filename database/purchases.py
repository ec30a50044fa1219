"""Purchase orders: which supplier is asked, who waits for what (policy 3.2.1, 3.2.2, 3.3.1)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from secrets import token_urlsafe
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.contracts import SUPPLYING, Offer, offered
from database.numbers import next_number
from database.steps import record
from database.tables import (
    BackOrder,
    BackOrderState,
    Contract,
    EventLog,
    LineState,
    OrderLine,
    Part,
    PurchaseLine,
    PurchaseOrder,
    ReplacementOrder,
    Supplier,
    SupplierLink,
    Warehouse,
)
from domain.comparing import Bid, compare
from domain.messages import PurchaseState
from domain.policy import LeadRules, Timekeeper
from domain.purchase_text import OrderedLine, PurchaseText
from domain.quoting import Punctuality
from domain.stages import PURCHASE_OPEN, PurchaseStage, Role
from domain.waiting import Clock
from domain.working_time import Span


async def offers(
    session: AsyncSession, part: str, quantity: int, time: Timekeeper, at: datetime, without: Collection[str] = ()
) -> list[Offer]:
    """What may be ordered of a part by the rules, the best value first: landed cost and lead time, as weighted."""
    rules = time.policy.purchasing
    rows = await session.execute(
        offered(part, quantity, time.today(at), rules).where(Contract.supplier.not_in(list(without)))
    )
    found = {row.supplier: Offer(quantity=quantity, **row._mapping) for row in rows}
    bids = (Bid(offer.supplier, offer.landed, offer.lead_days) for offer in found.values())
    return [found[placed.bid.supplier] for placed in compare(bids, rules.weights)]


async def punctuality(session: AsyncSession, supplier: str, rules: LeadRules) -> Punctuality | None:
    """How long the newest deliveries of a supplier took against the time allowed: all but the quickest and the slowest
    tenth. None if there was none."""
    allowed = func.extract("epoch", PurchaseOrder.deliver_by - PurchaseOrder.created_at)
    taken = func.extract("epoch", PurchaseOrder.received_at - PurchaseOrder.created_at)
    newest = (
        select((taken / allowed).label("share"))
        .where(
            PurchaseOrder.supplier == supplier,
            PurchaseOrder.received_at.is_not(None),
            PurchaseOrder.deliver_by > PurchaseOrder.created_at,
        )
        .order_by(PurchaseOrder.created_at.desc())
        .limit(rules.newest)
        .subquery()
    )
    quick, slow = (func.percentile_cont(share).within_group(newest.c.share) for share in (0.1, 0.9))
    row = (await session.execute(select(quick.label("quick"), slow.label("slow"), func.count().label("n")))).one()
    return Punctuality(Decimal(str(row.quick)), Decimal(str(row.slow)), row.n) if row.n else None


async def expected_from(session: AsyncSession, lines: Collection[int]) -> dict[int, PurchaseOrder]:
    """The purchase order that each of these order lines waits for; of several the one that comes last."""
    rows = await session.execute(
        select(BackOrder.line, PurchaseOrder)
        .join(PurchaseOrder, PurchaseOrder.number == BackOrder.purchase_order)
        .where(BackOrder.line.in_(list(lines)), BackOrder.state == BackOrderState.WAITING)
        .order_by(PurchaseOrder.promised_at.nulls_first())
    )
    return dict(rows.all())


def supplying() -> Select[str]:
    """Suppliers that may supply: what another brings is nobody's to wait for (policy 3.1.3)."""
    return select(Supplier.code).where(Supplier.standing.in_(SUPPLYING))


async def free_at(session: AsyncSession, part: str, quantity: int) -> PurchaseOrder | None:
    """The oldest running purchase order with so many pieces of a part that nobody waits for."""
    promised = (
        select(func.coalesce(func.sum(BackOrder.quantity), 0))
        .where(
            BackOrder.purchase_order == PurchaseLine.purchase_order,
            BackOrder.part == part,
            BackOrder.state == BackOrderState.WAITING,
        )
        .correlate(PurchaseLine)
        .scalar_subquery()
    )
    return await session.scalar(
        select(PurchaseOrder)
        .join(PurchaseLine, PurchaseLine.purchase_order == PurchaseOrder.number)
        .where(
            PurchaseLine.part == part,
            PurchaseOrder.stage.in_(PURCHASE_OPEN),
            PurchaseOrder.supplier.in_(supplying()),
            PurchaseLine.quantity - PurchaseLine.received - promised >= quantity,
        )
        .order_by(PurchaseOrder.created_at, PurchaseOrder.number)
        .limit(1)
    )


async def order_missing(
    session: AsyncSession,
    order: ReplacementOrder,
    missing: Sequence[tuple[OrderLine, int]],
    time: Timekeeper,
    at: datetime,
    effect: str,
) -> list[str]:
    """Makes lines wait for what each is short of: free pieces of a running purchase order, else of a new one at once.

    A line that no qualified supplier offers stays wanted. Returns the numbers of the new purchase orders.
    """
    unplaced: dict[str, list[tuple[OrderLine, int]]] = defaultdict(list)
    for line, pieces in missing:
        running = await _with_free_pieces(session, line.part, pieces)
        if running is not None:
            _wait_for(session, line, pieces, running, effect)
        else:
            unplaced[line.part].append((line, pieces))
    by_supplier: dict[str, list[Offer]] = defaultdict(list)
    ranking: dict[str, list[str]] = {}
    for part, wanting in unplaced.items():
        if ranked := await offers(session, part, sum(pieces for _, pieces in wanting), time, at):
            by_supplier[ranked[0].supplier].append(ranked[0])
            ranking[part] = [offer.supplier for offer in ranked]
    warehouse = await delivered_to(session, order.service_centre) if by_supplier else ""
    placed = []
    for supplier, best in sorted(by_supplier.items()):
        pinned = {offer.part: ranking[offer.part] for offer in best}
        number = await place(session, supplier, warehouse, best, time, at, caused_by=order.number, ranking=pinned)
        for line, pieces in (each for offer in best for each in unplaced[offer.part]):
            _wait_for(session, line, pieces, number, effect)
        placed.append(number)
    return placed


async def place(
    session: AsyncSession,
    supplier: str,
    warehouse: str,
    wanted: Sequence[Offer],
    time: Timekeeper,
    at: datetime,
    *,
    caused_by: str | None = None,
    ranking: Mapping[str, Sequence[str]] = MappingProxyType({}),
    replaces: str | None = None,
    by: str = Role.SYSTEM,
    role: Role = Role.SYSTEM,
    details: Mapping[str, Any] = MappingProxyType({}),
) -> str:
    """Writes a purchase order to a supplier; its workflow is started by whoever asked for it. Returns its number.

    `ranking` names each part's suppliers, the best first: it stays as it was when the first of them was asked.
    """
    wait = time.wait(Clock.CONFIRMATION, at)
    number = await next_number(session, "PO", at)
    state = PurchaseState(number=number, stage=PurchaseStage.PLACED, seq=0, wait=wait)
    purchase = PurchaseOrder(
        number=number,
        created_at=at,
        supplier=supplier,
        warehouse=warehouse,
        stage=state.stage,
        deliver_by=time.after(at, Span(max(offer.lead_days for offer in wanted), "days")),
        replaces=replaces,
        ranking={part: list(suppliers) for part, suppliers in ranking.items()},
        policy_name=time.policy.name,
        policy_version=time.policy.version,
        log_head=b"",
    )
    record(
        session,
        purchase,
        action="place",
        at=at,
        by=by,
        role=role,
        from_stage="",
        details={
            **({"for": caused_by} if caused_by else {}),
            **({"replaces": replaces} if replaces else {}),
            **details,
        },
        submission=None,
        state=state,
        told=[("purchase_order", Role.SUPPLIER)],
    )
    session.add(purchase)
    await session.flush()
    session.add_all(
        PurchaseLine(purchase_order=number, part=offer.part, quantity=offer.quantity, unit_price=offer.price)
        for offer in wanted
    )
    open_link(session, number, supplier, at)
    purchase.shown = await _texts(session, purchase, wanted, time)
    await session.flush()
    return number


def open_link(session: AsyncSession, document: str, supplier: str, at: datetime) -> None:
    """A page of its own for a supplier without an account, behind a token that nobody guesses."""
    session.add(SupplierLink(token=token_urlsafe(24), document=document, supplier=supplier, created_at=at))


async def _texts(
    session: AsyncSession, purchase: PurchaseOrder, wanted: Sequence[Offer], time: Timekeeper
) -> dict[str, str]:
    """What the purchase order says, in each language (policy 3.2.2)."""
    supplier = await session.get_one(Supplier, purchase.supplier)
    warehouse = await session.get_one(Warehouse, purchase.warehouse)
    rows = await session.scalars(select(Part).where(Part.code.in_([offer.part for offer in wanted])))
    parts = {row.code: row for row in rows}
    return PurchaseText(
        number=purchase.number,
        supplier={"zh": supplier.name_zh, "en": supplier.name_en},
        lines=[
            OrderedLine(
                part=offer.part,
                name={"zh": parts[offer.part].name_zh, "en": parts[offer.part].name_en},
                specification=parts[offer.part].specification,
                quantity=offer.quantity,
                unit=parts[offer.part].unit,
                price=offer.price,
            )
            for offer in wanted
        ],
        deliver_by=purchase.deliver_by,
        place={
            "zh": f"{warehouse.name_zh}，{warehouse.address}",
            "en": f"{warehouse.name_en}, {warehouse.address}",
        },
        terms=time.policy.purchase_terms.model_dump(),
        zone=time.zone,
    ).texts()


async def lines_of(session: AsyncSession, purchase_order: str) -> Sequence[PurchaseLine]:
    """What a purchase order orders, in the order of its lines."""
    rows = select(PurchaseLine).where(PurchaseLine.purchase_order == purchase_order).order_by(PurchaseLine.id)
    return (await session.scalars(rows)).all()


async def waiting(session: AsyncSession, purchase_order: str) -> Sequence[tuple[BackOrder, ReplacementOrder]]:
    """Who waits for a purchase order's pieces: urgent ones first, then those due first, then the oldest."""
    rows = await session.execute(
        select(BackOrder, ReplacementOrder)
        .join(ReplacementOrder, ReplacementOrder.number == BackOrder.order)
        .where(BackOrder.purchase_order == purchase_order, BackOrder.state == BackOrderState.WAITING)
        .order_by(ReplacementOrder.urgent.desc(), ReplacementOrder.wait_due, ReplacementOrder.created_at, BackOrder.id)
        .with_for_update(of=BackOrder)
    )
    return [(back_order, order) for back_order, order in rows]


def for_orders() -> ColumnElement[bool]:
    """Whether a purchase order was placed for orders that waited, and not for stock, of which orders may take pieces
    too."""
    placed = exists().where(EventLog.document == PurchaseOrder.number, EventLog.seq == 0)
    return placed.where(EventLog.details["for"].as_string().regexp_match("^(RO|PO)-"))


async def withdraw(session: AsyncSession, lines: Collection[int]) -> list[str]:
    """Ends these order lines' waiting; returns the purchase orders they waited for."""
    rows = (
        await session.scalars(
            select(BackOrder)
            .where(BackOrder.line.in_(list(lines)), BackOrder.state == BackOrderState.WAITING)
            .with_for_update()
        )
    ).all()
    for row in rows:
        row.state = BackOrderState.WITHDRAWN
    return sorted({row.purchase_order for row in rows})


async def tried(session: AsyncSession, purchase: PurchaseOrder) -> set[str]:
    """The suppliers already asked for what `purchase` orders: its own and those of the ones it replaces."""
    suppliers, current = {purchase.supplier}, purchase
    while current.replaces:
        current = await session.get_one(PurchaseOrder, current.replaces)
        suppliers.add(current.supplier)
    return suppliers


def _wait_for(session: AsyncSession, line: OrderLine, pieces: int, purchase_order: str, effect: str) -> None:
    line.state = LineState.BACK_ORDERED
    session.add(
        BackOrder(
            line=line.id,
            order=line.order,
            part=line.part,
            quantity=pieces,
            purchase_order=purchase_order,
            state=BackOrderState.WAITING,
            effect=f"{effect}/{line.id}",
        )
    )


async def lock_running(session: AsyncSession, parts: Collection[str]) -> Sequence[str]:
    """The running purchase orders for these parts, the oldest first, locked."""
    if not parts:
        return ()
    of_the_parts = select(PurchaseLine.purchase_order).where(PurchaseLine.part.in_(list(parts)))
    return (
        await session.scalars(
            select(PurchaseOrder.number)
            .where(
                PurchaseOrder.number.in_(of_the_parts),
                PurchaseOrder.stage.in_(PURCHASE_OPEN),
                PurchaseOrder.supplier.in_(supplying()),
            )
            .order_by(PurchaseOrder.created_at, PurchaseOrder.number)
            .with_for_update()
        )
    ).all()


async def _with_free_pieces(session: AsyncSession, part: str, pieces: int) -> str | None:
    """A running purchase order with enough pieces of a part that nobody waits for any more.

    Its row is locked, as by its own steps: it can't end, nor its pieces be promised twice, before the caller commits.
    """
    running = await lock_running(session, [part])
    for number in running:
        promised = select(func.coalesce(func.sum(BackOrder.quantity), 0)).where(
            BackOrder.purchase_order == number,
            BackOrder.part == part,
            BackOrder.state == BackOrderState.WAITING,
        )
        free = await session.scalar(
            select(PurchaseLine.quantity - PurchaseLine.received - promised.scalar_subquery()).where(
                PurchaseLine.purchase_order == number, PurchaseLine.part == part
            )
        )
        if (free or 0) >= pieces:
            return number
    return None


async def delivered_to(session: AsyncSession, service_centre: str) -> str:
    """Where goods for a service centre are delivered: its own warehouse, else the first there is."""
    code = await session.scalar(
        select(Warehouse.code).order_by((Warehouse.service_centre == service_centre).desc(), Warehouse.code).limit(1)
    )
    if code is None:
        raise LookupError("there is no warehouse")
    return code

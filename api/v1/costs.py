"""What purchasing and keeping parts cost, and what drives it (policy 3.3.2)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Principal, Signed
from api.dependencies import Database, House, IdempotencyKey, InHouse, Now
from api.problems import Problem, responses
from api.v1.orders import CursorParameter, Limit
from database import costs as books
from database import policies
from database.costs import Bill
from database.reading import costs
from database.reading.costs import CostAnalysis, FreightBill, Receipt, WantedCosts
from database.reading.keyset import Page
from database.tables import PurchaseOrder
from domain.costs import month_of, months_on
from domain.policy import Policy
from domain.stages import Role
from domain.texts import Day, Text

router = APIRouter(tags=["costs"])

READERS: Final = frozenset({Role.BUYER, Role.SUPERVISOR, Role.ADMINISTRATOR, Role.AUDITOR})
MOST_MONTHS: Final = 60

Month = Annotated[Day | None, Query(description="Any day of the month.")]
Number = Annotated[str, Path(max_length=32, examples=["PO-20261123-00014"])]


class FreightEntry(BaseModel):
    """A bill for bringing in a purchase order's goods, in yuan; a negative one takes back a bill that was wrong. If it
    was paid for haste, why."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    amount: Decimal = Field(max_digits=10, decimal_places=2)
    reference: Annotated[str, Field(max_length=200)] = ""
    expedited_because: Text = ""


def reads_costs(who: Principal) -> None:
    """Raises Problem `role_forbidden`."""
    if READERS.isdisjoint(who.roles):
        raise Problem("role_forbidden")


async def office(session: AsyncSession, house: House) -> tuple[Policy, ZoneInfo]:
    """The newest policy, and the zone in which months begin."""
    time = await policies.timekeeper(session, await policies.newest(session, house.settings.policy))
    return time.policy, time.zone


def wanted_costs(
    first: date | None, last: date | None, part: str | None, supplier: str | None, now: datetime, zone: ZoneInfo
) -> WantedCosts:
    """The months asked for; the last twelve if none are. Raises Problem `invalid_request`."""
    end = (last or month_of(now, zone)).replace(day=1)
    wanted = WantedCosts((first or months_on(end, -11)).replace(day=1), end, part or None, supplier or None)
    if not 1 <= wanted.months <= MOST_MONTHS or end.year > now.year + 1:
        raise Problem("invalid_request", f"ask for 1 to {MOST_MONTHS} months, the first before the last")
    return wanted


@router.get("/costs", responses=responses("not_logged_in", "role_forbidden"))
async def analyse_costs(
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    first: Month = None,
    last: Month = None,
    part: Annotated[str | None, Query(max_length=64)] = None,
    supplier: Annotated[str | None, Query(max_length=32)] = None,
) -> CostAnalysis:
    """Costs of some months, held against as many before; of the last twelve months if none are named."""
    reads_costs(who)
    policy, zone = await office(session, house)
    return await costs.analysis(session, wanted_costs(first, last, part, supplier, now, zone), policy.costs)


@router.get("/costs/receipts", responses=responses("not_logged_in", "role_forbidden", "invalid_cursor"))
async def list_receipts(
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    first: Month = None,
    last: Month = None,
    part: Annotated[str | None, Query(max_length=64)] = None,
    supplier: Annotated[str | None, Query(max_length=32)] = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[Receipt]:
    """The receipts behind the costs, the newest first."""
    reads_costs(who)
    _, zone = await office(session, house)
    wanted = wanted_costs(first, last, part, supplier, now, zone)
    return await costs.receipts(session, wanted, zone, limit=limit, cursor=cursor)


@router.post(
    "/purchase-orders/{number}/freight", status_code=201,
    responses=responses(
        "not_logged_in", "role_forbidden", "csrf_failed", "not_found", "nothing_billed", "idempotency_key_reused"
    ),
)  # fmt: skip
async def enter_inbound_freight(
    session: Database, who: Signed, now: Now, key: IdempotencyKey, number: Number, bill: FreightEntry
) -> list[FreightBill]:
    """Enters a bill; the answer is all bills of this purchase order."""
    await enter(session, who, number, bill, key, now)
    return list(await costs.freight_bills(session, number))


async def enter(
    session: AsyncSession, who: Principal, number: str, bill: FreightEntry, key: str, now: datetime
) -> None:
    """Raises Problem `role_forbidden`, `not_found`, `nothing_billed`, Refusal `idempotency_key_reused`."""
    if Role.BUYER not in who.roles:
        raise Problem("role_forbidden")
    if await session.get(PurchaseOrder, number) is None:
        raise Problem("not_found")
    if not bill.amount:
        raise Problem("nothing_billed")
    entered = Bill(bill.amount, bill.reference, bill.expedited_because or None)
    await books.enter_freight(session, number, entered, by=who.code, key=key, at=now)
    await session.commit()

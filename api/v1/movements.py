"""The ledger of stock: what moved and why, balances as of an instant, moving goods by hand (policy 4.2.1, 4.3.3)."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Principal, Signed
from api.dependencies import Database, IdempotencyKey, Now
from api.problems import Problem, responses
from api.v1.orders import CursorParameter, Limit
from database import transfers
from database.reading import movements
from database.reading.keyset import Page
from database.reading.movements import BalanceView, MovementView, RefusalView, WantedMovements
from database.tables import MovementReason
from database.transfers import Moved, MoveGoods, TakeBack
from domain.stages import Role
from domain.texts import Instant

router = APIRouter(prefix="/stock", tags=["stock"])

Text = Annotated[str, Query(max_length=64)]
MOVING = responses(
    "idempotency_key_missing", "idempotency_key_reused", "not_logged_in", "role_forbidden", "csrf_failed",
    "unknown_part", "unknown_place", "needs_inspection", "not_enough_stock", "named_keeper_needed", "unknown_movement",
    "reversed_before", "not_by_hand", "invalid_request",
)  # fmt: skip


class Booked(BaseModel):
    """The document under which the goods moved."""

    number: str


def is_keeper(who: Principal) -> None:
    """Raises Problem `role_forbidden`: goods are moved by warehouse keepers."""
    if Role.WAREHOUSE_KEEPER not in who.roles:
        raise Problem("role_forbidden")


def may_sign(who: Principal) -> None:
    """Raises Problem `role_forbidden`: the second signature is a keeper's or a supervisor's."""
    if {Role.WAREHOUSE_KEEPER, Role.SUPERVISOR}.isdisjoint(who.roles):
        raise Problem("role_forbidden")


@router.get("/movements", responses=responses("not_logged_in", "invalid_cursor"))
async def list_movements(
    session: Database,
    who: Signed,
    part: Text = "",
    place: Annotated[Text, Query(description="Source or target.")] = "",
    document: Text = "",
    by: Text = "",
    reason: MovementReason | None = None,
    lot: Text = "",
    serial: Text = "",
    since: Instant | None = None,
    until: Instant | None = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[MovementView]:
    """Newest first: what moved from where to where, who moved it, when, why and under which document. Of what is being
    counted keepers are told nothing meanwhile."""
    wanted = WantedMovements(part, place, document, by, reason, lot, serial, since=since, until=until)
    return await movements.movements(session, wanted, limit=limit, cursor=cursor, blind=who.counts)


@router.post("/movements", status_code=201, responses=MOVING)
async def move_goods(session: Database, who: Signed, key: IdempotencyKey, now: Now, said: MoveGoods) -> Booked:
    """Moves goods from one place of the house to another."""
    is_keeper(who)
    return await _answer(session, await transfers.move_goods(session, said, by=who.code, key=key, now=now))


@router.post("/movements/{movement}/reversal", status_code=201, responses=MOVING)
async def reverse_movement(
    session: Database,
    who: Signed,
    key: IdempotencyKey,
    now: Now,
    movement: Annotated[int, Path(ge=1, le=2**63 - 1)],
    said: TakeBack,
) -> Booked:
    """Takes a movement back by its mirror, once; the ledger keeps both."""
    is_keeper(who)
    moved = await transfers.take_back(session, movement, said, by=who.code, key=key, now=now)
    return await _answer(session, moved)


@router.get("/balances", responses=responses("not_logged_in", "invalid_cursor"))
async def list_balances(
    session: Database,
    who: Signed,
    now: Now,
    at: Instant | None = None,
    part: Text = "",
    place: Text = "",
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[BalanceView]:
    """What lay in each place of the house at an instant; now, if none is named. Of what is being counted keepers are
    told nothing meanwhile."""
    return await movements.balances(
        session, at or now, part=part, place=place, limit=limit, cursor=cursor, blind=who.counts
    )


@router.get("/refusals", responses=responses("not_logged_in", "role_forbidden", "invalid_cursor"))
async def list_refusals(
    session: Database,
    who: Signed,
    waiting: Annotated[bool, Query(description="Only those without a second signature.")] = False,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[RefusalView]:
    """Who was refused at places with named keepers."""
    may_sign(who)
    return await movements.refusals(session, waiting=waiting, limit=limit, cursor=cursor)


@router.post(
    "/refusals/{document}/signature",
    responses=responses(
        "not_logged_in", "role_forbidden", "csrf_failed", "nothing_to_sign", "own_refusal", "not_enough_stock"
    ),
)
async def sign_refused(
    session: Database, who: Signed, now: Now, document: Annotated[str, Path(max_length=32)]
) -> Booked:
    """The second signature for what somebody was refused; goods moved by hand are booked with it."""
    may_sign(who)
    await transfers.countersign(session, document, by=who.code, now=now)
    await session.commit()
    return Booked(number=document)


async def _answer(session: AsyncSession, moved: Moved) -> Booked:
    """Commits; a refusal for want of the keeper is kept too. Raises NotTheKeeper."""
    await session.commit()
    if moved.refused:
        raise moved.refused
    return Booked(number=moved.number)

"""Applications: what customers ask for, entered by agents and systems (policy 2.1)."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Body, Depends, Query, Response
from fastapi.openapi.models import Example
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Principal, Signed, only
from api.dependencies import Database, House, IdempotencyKey, InHouse, Now
from api.engine import decide, started
from api.problems import Problem, responses
from api.v1.orders import Number, OrderAnswer, answer, tracking_path
from database import applications
from database.applications import Application, Applied
from database.reading import orders
from domain.messages import OrderState
from domain.stages import ORDER, Action, Refusal, Role, Stage

EXAMPLES: Final[dict[str, Example]] = {
    "hotline": {
        "value": {
            "channel": "hotline",
            "customer": {"name": "王芳", "phone": "13800005678", "city": "杭州市", "address": "示范路 1 号"},
            "serial": "HG26A000123",
            "fault": "开机有异响，风力很小",
            "lines": [{"part": "CXW-MOTOR-200", "quantity": 1}],
        }
    }
}

router = APIRouter(prefix="/applications", tags=["applications"])
_log = structlog.stdlib.get_logger(__name__)


class Received(BaseModel):
    """The order that an application became, or was `joined` to. The customer follows it at `tracking_url`, without
    logging in."""

    number: str
    stage: Stage
    tracking_url: str
    joined: bool = False


@router.post(
    "",
    status_code=201,
    responses={
        200: {
            "model": Received,
            "description": "This Idempotency-Key came before; the order is the one it made then. Or the application was"
            " joined to an open order",
        },
        **responses(
            "idempotency_key_missing",
            "not_logged_in",
            "role_forbidden",
            "csrf_failed",
            "invalid_request",
            "idempotency_key_reused",
            "unknown_model",
            "unknown_fault",
            "unknown_part",
            "unknown_photo",
            "unknown_service_centre",
            "duplicate",
            "cannot_join",
        ),
    },
)
async def apply(
    response: Response,
    house: InHouse,
    session: Database,
    who: Signed,
    role: Annotated[Role, Depends(only(Role.SERVICE_AGENT, Role.SYSTEM))],
    key: IdempotencyKey,
    now: Now,
    application: Annotated[Application, Body(openapi_examples=EXAMPLES)],
    policy: Annotated[str | None, Query(max_length=32, description="Another policy than the usual one.")] = None,
    join: Annotated[
        str | None, Query(max_length=32, description="The open order for the same unit that this belongs to.")
    ] = None,
    new: Annotated[bool, Query(description="A new order even if one is open for the same unit and fault.")] = False,
) -> Received:
    """Receives an application and gives it its number. The number holds even if the engine can't be reached.

    If an order is open for the same unit and fault (policy 2.1.2), the answer is 409 `duplicate` and names it as
    `order`; send the application again with `join` or `new`. What is joined is added to that order: the words, the
    photos and who asked.
    """
    if policy not in {None, house.settings.policy, *house.settings.other_policies}:
        raise Refusal("unknown_policy", f"applications can't name policy {policy}")
    if join is not None:
        applied = await joined(house, session, who, application, join, key=key, now=now)
    else:
        applied = await receive(house, session, who, role, application, key=key, now=now, policy=policy, new=new)
    response.status_code = 201 if applied.created else 200
    response.headers["Location"] = f"/v1/applications/{applied.state.number}"
    return Received(
        number=applied.state.number,
        stage=applied.state.stage,
        tracking_url=house.settings.api_url + tracking_path(applied.tracking_token),
        joined=join is not None,
    )


@router.get("/{number}", responses=responses("not_logged_in", "not_found"))
async def get_application(session: Database, who: Signed, now: Now, number: Number) -> OrderAnswer:
    """The application as the order it became."""
    view = await orders.order_view(session, number, now, blind=who.counts)
    if view is None:
        raise Problem("not_found")
    return answer(who, view)


async def receive(
    house: House,
    session: AsyncSession,
    who: Principal,
    role: Role,
    application: Application,
    *,
    key: str,
    now: datetime,
    policy: str | None = None,
    new: bool = False,
) -> Applied:
    """Makes an order of an application and starts its workflow. Raises Refusal as `database.applications.apply`, and
    Duplicate unless it shall be a `new` one."""
    applied = await applications.apply(
        session,
        application,
        by=who.code,
        role=role,
        key=key,
        now=now,
        policy=policy or house.settings.policy,
        even_if_known=new,
    )
    await begin(house, session, applied, now)
    return applied


async def begin(house: House, session: AsyncSession, applied: Applied, now: datetime) -> None:
    """Commits an order that was just made, and starts its workflow."""
    await session.commit()
    if applied.created and await started(house, applied.state):
        await applications.mark_started(session, applied.state.number, now)
        await session.commit()


async def joined(
    house: House,
    session: AsyncSession,
    who: Principal,
    application: Application,
    number: str,
    *,
    key: str,
    now: datetime,
) -> Applied:
    """Adds an application to the open order for the same unit; the same `key` adds it once (policy 2.1.2).

    Raises Refusal `cannot_join`, and Problem as `api.engine.decide`.
    """
    said = await applications.supplement(session, application, number)
    order = await applications.joinable(session, application, number, by=who.code, key=key, said=said)
    if who.acting(ORDER.rules[Action.SUPPLEMENT]) is None:  # a system speaks for the customer
        who = replace(who, roles=(Role.CUSTOMER,))
    await decide(house, session, who, ORDER, number, said, key=key, now=now)
    return Applied(OrderState.model_validate(order.state), order.tracking_token, created=False)

"""Applications: what customers ask for, entered by agents and systems (policy 2.1)."""

import asyncio
from datetime import datetime
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Body, Depends, Query, Response
from fastapi.openapi.models import Example
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.service import RPCError

from api.auth import Principal, Signed, only
from api.dependencies import Database, House, IdempotencyKey, InHouse, Now
from api.problems import Problem, responses
from api.v1.orders import Number, OrderAnswer, answer, tracking_path
from database import applications
from database.applications import Application, Applied
from database.reading import orders
from domain.messages import OrderState
from domain.stages import Refusal, Role, Stage
from runtime.temporal import start_document

PATIENCE: Final = 3
"""Seconds that an applicant waits for the order's workflow to start; later it starts by itself."""

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
    """The order that an application became. The customer follows it at `tracking_url`, without logging in."""

    number: str
    stage: Stage
    tracking_url: str


@router.post(
    "",
    status_code=201,
    responses={
        200: {"model": Received, "description": "This Idempotency-Key came before; the order is the one it made then"},
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
            "unknown_service_centre",
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
) -> Received:
    """Receives an application and gives it its number. The number holds even if the engine can't be reached."""
    if policy not in {None, house.settings.policy, *house.settings.other_policies}:
        raise Refusal("unknown_policy", f"applications can't name policy {policy}")
    applied = await receive(house, session, who, role, application, key=key, now=now, policy=policy)
    response.status_code = 201 if applied.created else 200
    response.headers["Location"] = f"/v1/applications/{applied.state.number}"
    return Received(
        number=applied.state.number,
        stage=applied.state.stage,
        tracking_url=house.settings.api_url + tracking_path(applied.tracking_token),
    )


@router.get("/{number}", responses=responses("not_logged_in", "not_found"))
async def get_application(session: Database, who: Signed, now: Now, number: Number) -> OrderAnswer:
    """The application as the order it became."""
    view = await orders.order_view(session, number, now)
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
) -> Applied:
    """Makes an order of an application and starts its workflow. Raises Refusal as `database.applications.apply`."""
    applied = await applications.apply(
        session, application, by=who.code, role=role, key=key, now=now, policy=policy or house.settings.policy
    )
    await session.commit()
    if applied.created and await _started(house, applied.state):
        await applications.mark_started(session, applied.state.number, now)
        await session.commit()
    return applied


async def _started(house: House, state: OrderState) -> bool:
    """Whether the workflow could be started; the sweep starts those that could not."""
    try:
        async with asyncio.timeout(PATIENCE):
            await start_document(house.temporal, house.settings.task_queue, state)
    except (RPCError, RuntimeError, TimeoutError) as error:
        _log.warning("workflow not started yet", order=state.number, error=type(error).__name__)
        return False
    return True

"""Whether this process lives, and whether it can work."""

import asyncio
from datetime import timedelta
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy import select
from temporalio.service import RPCError

from api.dependencies import House, InHouse
from api.problems import RETRY_AFTER
from database import mails
from messaging.inbox import mailbox

PATIENCE = timedelta(seconds=3)

router = APIRouter(tags=["health"])

Reach = Literal["ok", "unreachable"]
Mail = Literal["ok", "unreachable", "not_set"]


class Alive(BaseModel):
    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """What this process needs, and whether it can be reached; and whether customers' mails are read."""

    database: Reach
    temporal: Reach
    mailbox: Mail = "not_set"

    @property
    def all(self) -> bool:
        return self.database == self.temporal == "ok"


@router.get("/healthz")
async def healthz() -> Alive:
    return Alive()


@router.get("/readyz", responses={503: {"model": Ready, "description": "Something can't be reached"}})
async def readyz(house: InHouse, response: Response) -> Ready:
    database, temporal, read = await asyncio.gather(_database(house), _temporal(house), _mailbox(house))
    ready = Ready(database=database, temporal=temporal, mailbox=read)
    if not ready.all:
        response.status_code = 503
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return ready


async def _database(house: House) -> Reach:
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()), house.sessions() as session:
            await session.execute(select(1))
    except Exception:  # whatever it is, it can't be worked with
        return "unreachable"
    return "ok"


async def _mailbox(house: House) -> Mail:
    """As the worker that reads it last found it."""
    if not house.settings.mailbox_host:
        return "not_set"
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()), house.sessions() as session:
            read = await mails.progress(session, mailbox(house.settings))
    except Exception:  # whatever it is, nobody knows
        return "unreachable"
    return "ok" if read and read.error is None else "unreachable"


async def _temporal(house: House) -> Reach:
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            serving = await house.temporal.service_client.check_health(timeout=PATIENCE)
    except (RPCError, RuntimeError, TimeoutError):
        return "unreachable"
    return "ok" if serving else "unreachable"

"""What carriers push to us. A push is kept and answered at once; the watcher reads it afterwards (policy 5.2.4)."""

import hmac
from hashlib import sha256
from typing import Annotated

import structlog
from fastapi import APIRouter, Path, Request, Response

from api.dependencies import Database
from api.problems import Problem, responses
from carriers.accounts import ADAPTERS, account_of
from carriers.protocol import BadSignature, Unreadable
from database.parcels import keep_push
from database.tables import CarrierAccount

router = APIRouter(prefix="/carriers", tags=["carriers"])
_log = structlog.stdlib.get_logger(__name__)


@router.post(
    "/{account}/push/{token}",
    response_class=Response,
    responses={
        200: {"content": {"application/json": {}}, "description": "What tells the carrier that it need not repeat it"},
        **responses("push_refused", "not_found", "too_large"),
    },
)
async def push(
    request: Request,
    session: Database,
    account: Annotated[str, Path(max_length=32)],
    token: Annotated[str, Path(max_length=64)],
) -> Response:
    """Takes a carrier's push: form or JSON as the carrier sends it, signed as agreed."""
    raw = await request.body()
    row = await session.get(CarrierAccount, account)
    if row is None or not hmac.compare_digest(token.encode(), row.push_token.encode()):
        raise Problem("not_found")
    described = account_of(row.code, row.kind, row.calls_per_minute, row.push_token, row.settings)
    carrier = ADAPTERS[described.kind](described)
    try:
        carrier.parse_push(raw, token)
    except BadSignature as error:
        raise Problem("push_refused", str(error)) from error
    except Unreadable as error:
        _log.error("a signed push can't be read", account=account, error=str(error))
    finally:
        await carrier.aclose()
    await keep_push(session, account, sha256(raw).hexdigest(), raw)
    await session.commit()
    return Response(carrier.push_answer, media_type="application/json")

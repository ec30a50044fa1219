"""The API and its pages as one ASGI application."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import structlog
from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import auth, health, pages, problems, v1
from api.dependencies import House
from api.problems import Problem
from database import session
from runtime.logging import configure_logging
from runtime.pictures import LARGEST_PHOTO
from runtime.service import begin_service
from runtime.settings import Settings
from runtime.temporal import connect

LARGEST_BODY = 1_048_576
LARGEST_UPLOAD = 9 * LARGEST_PHOTO + LARGEST_BODY
"""Bytes of a form with all its photos, for browsers that can't send them one by one."""
UPLOADS = re.compile(
    r"/v1/photos|/apply|/orders/new|/(orders|track)/[^/]+/supplement|/tasks/[^/]+/(report_round|put_right)"
)
DATABASE_PATIENCE = 3.0
"""Seconds for one statement: the rollback after it and the connection's end wait too, and all of it stays below 10."""
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
CONTENT_SECURITY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
SECURITY = {
    "Content-Security-Policy": CONTENT_SECURITY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
}
DESCRIPTION = """
Replacement of parts after the sale. Applications and decisions are idempotent: send the header `Idempotency-Key`.
After a 503 or a lost answer send the same request with the same key again; after a refusal choose a new key.
Errors are problem details (RFC 9457) whose `code` is stable. Lists are paged: `next` of one page is `cursor` of the
following.
"""

_log = structlog.stdlib.get_logger(__name__)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; it opens its ways to PostgreSQL and Temporal when it starts, and needs neither to start."""
    settings = settings or Settings()
    configure_logging(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_house(settings) as app.state.house:
            begin_service()
            yield

    app = _Api(
        title="Huanjian 换件",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.add_middleware(BodyLimit)
    app.add_middleware(Envelope)
    problems.install(app)
    app.include_router(health.router)
    app.include_router(v1.router)
    app.include_router(pages.router)
    pages.mount(app)
    app.state.problem_page = pages.problem_page
    return app


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """The ways to PostgreSQL and Temporal; neither need be there yet."""
    engine = session.engine(settings.database, settings.database_connections, DATABASE_PATIENCE)
    yield House(settings, session.sessions(engine), await connect(settings, lazy=True))
    await engine.dispose()


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """What a client generator needs; made when first asked for."""
        if self.openapi_schema is None:
            described = super().openapi()
            problems.describe(described)
            auth.describe(described)
        return super().openapi()


def largest_body(path: str) -> int:
    return LARGEST_UPLOAD if UPLOADS.fullmatch(path) else LARGEST_BODY


class BodyLimit:
    """Nobody sends more than their address takes, whatever they announce."""

    def __init__(self, app: ASGIApp) -> None:
        self._limits = {
            most: RequestBodyLimitMiddleware(app, max_body_size=most) for most in (LARGEST_BODY, LARGEST_UPLOAD)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._limits[largest_body(scope.get("path", ""))](scope, receive, send)


class Envelope:
    """Around every request: its id in log and answer, headers for the browser, and no word of our failures."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid4().hex
        started = False

        async def enveloped(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                answer = MutableHeaders(scope=message)
                answer["X-Request-Id"] = request_id
                for name, value in SECURITY.items():
                    answer.setdefault(name, value)
                if scope["path"].startswith("/v1/"):
                    answer.setdefault("Cache-Control", "no-store")
            await send(message)

        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=request_id)
        request = Request(scope, receive)
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > largest_body(scope["path"]):
            await problems.response(request, Problem("too_large"))(scope, receive, enveloped)
            return
        try:
            await self._app(scope, receive, enveloped)
        except Exception:
            _log.exception(
                "request failed", method=scope["method"], operation=getattr(scope.get("route"), "name", None)
            )
            if started:
                raise
            answer = await problems.answer(request, Problem("internal", id=request_id))
            await answer(scope, receive, enveloped)

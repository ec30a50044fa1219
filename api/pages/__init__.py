"""The pages people use: rendered here, changed in place by htmx, working without it too."""

from fastapi import APIRouter, FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.pages import (
    absences,
    answering,
    application,
    costs,
    entrance,
    hotline,
    ledger,
    mails,
    messages,
    ordering,
    orders,
    purchases,
    requests,
    reviews,
    stock,
    suppliers,
    supplying,
    tasks,
    tracking,
)
from api.pages.problems import problem_page
from api.pages.rendering import STATIC

__all__ = ["mount", "problem_page", "router"]

router = APIRouter(include_in_schema=False)
for part in (
    absences, answering, application, costs, entrance, hotline, ledger, mails, messages, ordering, orders, purchases,
    requests, reviews, stock, suppliers, supplying, tasks, tracking,
):  # fmt: skip
    router.include_router(part.router)


class _Files(StaticFiles):
    """Files whose address names their content may be kept for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if scope["query_string"].startswith(b"v="):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def mount(app: FastAPI) -> None:
    app.mount("/static", _Files(directory=STATIC), name="static")

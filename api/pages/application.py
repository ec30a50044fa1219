"""The form on the web site: a customer applies without logging in (policy 2.1.1b)."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import APIRouter, Query, Request
from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.auth import Principal
from api.dependencies import Database, House, InHouse, Now
from api.pages import choices, deciding, forms, photos
from api.pages.forms import Said
from api.pages.rendering import Reader, reader
from api.photos import allow
from api.problems import Problem
from api.v1.applications import joined, receive
from api.v1.orders import tracking_path
from database.applications import Application, Duplicate
from database.reading import reference
from database.tables import Channel
from domain.numbers import is_well_formed
from domain.stages import Refusal, Role
from domain.texts import Short

router = APIRouter()

WEB: Final = "web"
"""The user who enters what strangers send."""
HIDDEN: Final = frozenset({"channel", "customer.language", "lines", "urgent", "service_centre", "remark"})
NEW: Final = "new"
EARLIEST: Final = date(2000, 1, 1)


class WebApplication(Application):
    """What a customer must say who is not on the phone."""

    product: Annotated[Short, Field(validate_default=True)] = ""
    bought_on: Annotated[date, Field(ge=EARLIEST)] | None = None

    @field_validator("product")
    @classmethod
    def _some_product(cls, product: str, info: ValidationInfo) -> str:
        if not (product or info.data.get("serial") or info.data.get("model")):
            raise PydanticCustomError("missing", "name the product")
        return product


@router.get("/apply")
async def application_form(
    request: Request,
    house: InHouse,
    session: Database,
    now: Now,
    into: Annotated[str, Query(max_length=32)] = "",
) -> HTMLResponse:
    """The empty form; after an application went `into` an open order, that one's number instead."""
    them = reader(request, house.settings, None, now)
    if is_well_formed(into):
        return them.page("joined.html", number=into)
    return await _form(session, them, forms.initial(WebApplication, {}, them.language))


@router.post("/apply")
async def apply_on_the_web(request: Request, house: InHouse, session: Database, now: Now) -> Response:
    them = reader(request, house.settings, None, now)
    values, wrong = await photos.typed(request, house, session, None, them.language, now)
    said = Said(values | {"channel": Channel.WEB, "customer.language": them.language.code})
    shown: dict[str, Any] = {"key": values.get("key") or uuid4().hex}
    try:
        if wrong or values.get("drop"):
            return await _form(session, them, said, status=422 if wrong else 200, error=" ".join(wrong), **shown)
        application = forms.read(WebApplication, said, them.language)
        assert isinstance(application, WebApplication)
        await allow(house, session, request, None, "applications")
        return await _receive(house, session, them, application, values, now, shown["key"])
    except ValidationError as invalid:
        return await _form(session, them, said, status=422, invalid=invalid, **shown)
    except Duplicate as duplicate:
        await session.rollback()
        return await _form(session, them, said, status=409, number=duplicate.number, **shown)
    except (Refusal, Problem) as refused:
        await session.rollback()
        shown["key"] = deciding.key_after(refused, shown["key"])
        return await _refused(session, them, said, refused, shown)


async def _receive(
    house: House,
    session: AsyncSession,
    them: Reader,
    application: WebApplication,
    values: Mapping[str, str],
    now: datetime,
    key: str,
) -> Response:
    said = Application.model_validate(application.model_dump())
    who = Principal(WEB, "", (Role.CUSTOMER,), "", them.language.code)
    if (into := values.get("into", NEW)) != NEW:
        await joined(house, session, who, said, into, key=key, now=now)
        return RedirectResponse(f"/apply?into={into}", 303)
    asked = "into" in values
    applied = await receive(house, session, who, Role.CUSTOMER, said, key=key, now=now, new=asked)
    return RedirectResponse(f"{tracking_path(applied.tracking_token)}?done=apply", 303)


async def _refused(
    session: AsyncSession, them: Reader, said: Said, refused: Refusal | Problem, shown: dict[str, Any]
) -> HTMLResponse:
    """The form once more, with everything typed, and what stood in the way."""
    status = refused.status_code if isinstance(refused, Problem) else 422
    words = them.language
    code = refused.code if words.has("problem", refused.code) else str(status)
    page = await _form(session, them, said, status=status, error=words.word("problem", code), **shown)
    if isinstance(refused, Problem):
        page.headers.update(refused.headers or {})
    return page


async def _form(
    session: AsyncSession, them: Reader, said: Said, *, status: int = 200, number: str = "", **shown: Any
) -> HTMLResponse:
    offered = {
        "model": await choices.models(session, them.language),
        "fault_code": await choices.symptoms(session, them.language),
        "photos": await photos.chosen(session, said.values),
    }
    form = forms.build(WEB, WebApplication, them.language, offered, said, hidden=HIDDEN, **shown)
    by_name = {field.name: field for field in form.fields}
    return them.page(
        "apply.html", status, form=form, fields=by_name, number=number, into=said.values.get("into", ""), autofill=True
    )


@router.get("/apply/product")
async def product(
    request: Request,
    house: InHouse,
    session: Database,
    now: Now,
    serial: Annotated[str, Query(max_length=64)] = "",
) -> HTMLResponse:
    """What a serial number is of, and nothing about whose it is."""
    them = reader(request, house.settings, None, now)
    found = await reference.model_of(session, serial.strip())
    return them.page("apply_product.html", model=found, serial=serial.strip())

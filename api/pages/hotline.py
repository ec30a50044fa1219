"""The agents' form: a caller's application, filled in as far as anything is known (policy 2.1.1a)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.auth import Principal, Signed
from api.dependencies import Database, House, InHouse, Now
from api.pages import choices, deciding, forms, photos
from api.pages.forms import Said
from api.pages.rendering import Reader, reader
from api.problems import Problem
from api.v1.applications import joined, receive
from database.applications import Application, Duplicate
from database.reading.known import Known, known
from domain.stages import Refusal, Role
from domain.texts import plain_phone

router = APIRouter()

APPLICANT: Final = (Role.SERVICE_AGENT,)
NEW: Final = "new"

Typed = Annotated[str, Query(max_length=64)]


@router.get("/orders/new")
async def new_application(request: Request, house: InHouse, session: Database, who: Signed, now: Now) -> HTMLResponse:
    may_apply(who)
    them = reader(request, house.settings, who, now)
    told = {"service_centre": who.service_centre, "customer": {"language": them.language.code}}
    return await _form(session, them, forms.initial(Application, told, them.language))


@router.get("/orders/new/known")
async def known_of_caller(
    request: Request,
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    serial: Typed = "",
    phone: Typed = "",
    model: Typed = "",
) -> HTMLResponse:
    """What is known by serial number or phone, with what the form can be filled in from it."""
    may_apply(who)
    them = reader(request, house.settings, who, now)
    found = await known(session, serial.strip(), phone.strip(), _today(them))
    fill = filling(found, phone)
    parts = await choices.parts_for(session, them.language, fill.get("model") or model or None)
    asked = bool(serial.strip() or phone.strip())
    return them.page("known.html", known=found, fill=fill, asked=asked, today=_today(them), parts=parts)


@router.post("/orders/new")
async def apply(request: Request, house: InHouse, session: Database, who: Signed, now: Now) -> Response:
    role, them = may_apply(who), reader(request, house.settings, who, now)
    values, wrong = await photos.typed(request, house, session, who, them.language, now)
    shown: dict[str, Any] = {"key": values.get("key") or uuid4().hex}
    if values.get("look"):
        found = await known(session, values.get("serial", ""), values.get("customer.phone", ""), _today(them))
        values |= {
            name: text
            for name, text in filling(found, values.get("customer.phone", "")).items()
            if not values.get(name)
        }
        return await _form(session, them, Said(values), found=found, asked=True, **shown)
    said = Said(values)
    if wrong or values.get("more") or values.get("drop"):
        more = 1 if values.get("more") else 0
        status = 422 if wrong else 200
        return await _form(session, them, said, status=status, error=" ".join(wrong), more_rows=more, **shown)
    try:
        application = forms.read(Application, said, them.language)
        assert isinstance(application, Application)
        return await _receive(house, session, who, role, application, values, now, shown["key"])
    except ValidationError as invalid:
        return await _form(session, them, said, status=422, invalid=invalid, **shown)
    except Duplicate as duplicate:
        await session.rollback()
        return await _form(session, them, said, status=409, number=duplicate.number, **shown)
    except (Refusal, Problem) as refused:
        await session.rollback()
        shown["key"] = deciding.key_after(refused, shown["key"])
        status = refused.status_code if isinstance(refused, Problem) else 422
        code = refused.code if them.language.has("problem", refused.code) else str(status)
        error = them.language.word("problem", code)
        return await _form(session, them, said, status=status, error=error, **shown)


async def _receive(
    house: House,
    session: AsyncSession,
    who: Principal,
    role: Role,
    application: Application,
    values: Mapping[str, str],
    now: datetime,
    key: str,
) -> Response:
    if (into := values.get("into", NEW)) != NEW:
        await joined(house, session, who, application, into, key=key, now=now)
        return RedirectResponse(f"/orders/{into}?done=supplement", 303)
    applied = await receive(house, session, who, role, application, key=key, now=now, new="into" in values)
    return RedirectResponse(f"/orders/{applied.state.number}?done=apply", 303)


def may_apply(who: Principal) -> Role:
    """The role in which they enter applications. Raises Problem `role_forbidden`."""
    role = next((role for role in APPLICANT if role in who.roles), None)
    if role is None:
        raise Problem("role_forbidden")
    return role


def filling(found: Known | None, phone: str) -> dict[str, str]:
    """What the form can be filled in with, by field; who calls from another `phone` is somebody else."""
    if found is None:
        return {}
    filled: dict[str, str] = {}
    if found.customer and plain_phone(phone) in ("", found.customer.phone):
        filled = {f"customer.{name}": value for name, value in found.customer.model_dump().items()}
    if len(found.units) == 1:
        filled |= {"serial": found.units[0].serial, "model": found.units[0].model}
    return {name: value for name, value in filled.items() if value}


def _today(them: Reader) -> Any:
    return them.language.local(them.now).date()


async def _form(
    session: AsyncSession,
    them: Reader,
    said: Said,
    *,
    status: int = 200,
    number: str = "",
    found: Known | None = None,
    asked: bool = False,
    **shown: Any,
) -> HTMLResponse:
    offered = await choices.for_application(session, them.language, said.values.get("model"))
    offered["photos"] = await photos.chosen(session, said.values)
    form = forms.build("apply", Application, them.language, offered, said, **shown)
    by_name = {field.name: field for field in form.fields}
    return them.page(
        "application.html",
        status,
        form=form,
        fields=by_name,
        number=number,
        into=said.values.get("into", ""),
        known=found,
        fill={},
        asked=asked,
        today=_today(them),
        parts=(),
        tree="|".join((them.language.text("Area"), them.language.text("Symptom"), them.language.text("Cause"))),
    )

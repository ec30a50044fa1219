"""The buyer's register: suppliers, what they may deliver, what is agreed with them (policy 3.1.1, 3.1.2)."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.auth import Principal, Signed
from api.dependencies import Database, InHouse, Now
from api.pages import choices, deciding, forms
from api.pages.forms import Form, Said
from api.pages.listing import Listing
from api.pages.rendering import Reader, reader
from api.problems import Problem
from api.v1.costs import READERS
from database import contracts
from database.policies import newest, timekeeper
from database.reading import reviews, suppliers
from database.reading.suppliers import AgreedView
from database.tables import SupplierPaper
from domain.contracts import ContractTerms, Paper, QualificationProof
from domain.policy import Timekeeper
from domain.stages import Refusal, Role

router = APIRouter()
PAGE: Final = 30
NEWEST: Final = 3
FOR_A_YEAR: Final = 365


async def time_of(house: InHouse, session: Database) -> Timekeeper:
    return await timekeeper(session, await newest(session, house.settings.policy))


Time = Annotated[Timekeeper, Depends(time_of)]
CursorParameter = Annotated[str | None, Query(max_length=400)]
Text = Annotated[str, Query(max_length=100)]


@router.get("/suppliers")
async def register_page(
    request: Request,
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    time: Time,
    which: str = "all",
    text: Text = "",
    cursor: CursorParameter = None,
) -> HTMLResponse:
    them, today = reader(request, house.settings, who, now), time.today(now)
    warned = time.today(time.after(now, time.policy.purchasing.warn_before))
    attention = warned if which == "attention" else None
    page = await suppliers.register(session, today, text=text.strip(), attention=attention, limit=PAGE, cursor=cursor)
    language = them.language
    listing = Listing("/suppliers", {"which": which, "text": text})
    return them.page(
        "suppliers.html",
        tabs=listing.tabs({"all": language.text("All"), "attention": language.text("Needs attention")}),
        which=which,
        text=text,
        rows=page.items,
        next=listing.following(page.next),
        today=today,
        warned=warned,
    )


@router.get("/suppliers/{code}")
async def supplier_page(
    request: Request,
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    time: Time,
    code: str,
    text: Text = "",
    cursor: CursorParameter = None,
    done: str = "",
) -> HTMLResponse:
    them = reader(request, house.settings, who, now)
    return await _supplier(session, them, who, time, code, text=text, cursor=cursor, done=done)


@router.post("/suppliers/{code}/papers")
async def enter_paper(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, time: Time, code: str
) -> Response:
    _check_buyer(who)
    them, said = reader(request, house.settings, who, now), Said(await deciding.typed(request))

    async def enter(paper: BaseModel) -> None:
        assert isinstance(paper, Paper)
        version = await contracts.next_version(session, SupplierPaper, supplier=code, kind=paper.kind)
        await contracts.enter_paper(session, code, version, paper, who.code, now)

    form = await _entered(session, them, "paper", Paper, said, enter)
    if form is None:
        return RedirectResponse(f"/suppliers/{quote(code)}?done=paper", 303)
    return await _supplier(session, them, who, time, code, form=form)


@router.get("/suppliers/{code}/parts/{part}")
async def part_page(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, time: Time, code: str, part: str,
    done: str = "",
) -> HTMLResponse:  # fmt: skip
    them = reader(request, house.settings, who, now)
    return await _part(session, them, who, time, code, part, {}, done=done)


@router.get("/suppliers/{code}/parts")
async def choose_part(code: str, part: str) -> RedirectResponse:
    return RedirectResponse(f"/suppliers/{quote(code)}/parts/{quote(part)}", 303)


@router.post("/suppliers/{code}/parts/{part}/{kind}")
async def enter_terms(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, time: Time, code: str, part: str,
    kind: str,
) -> Response:  # fmt: skip
    _check_buyer(who)
    if kind not in _MODELS:
        raise Problem("not_found")
    them, said = reader(request, house.settings, who, now), Said(await deciding.typed(request))
    try:
        version = int(said.values.get("version", ""))
    except ValueError as error:
        raise Problem("invalid_request") from error

    async def enter(terms: BaseModel) -> None:
        if isinstance(terms, ContractTerms):
            await contracts.enter_contract(session, code, part, version, terms, who.code, now)
        elif isinstance(terms, QualificationProof):
            await contracts.enter_qualification(session, code, part, version, terms, who.code, now)

    form = await _entered(session, them, kind, _MODELS[kind], said, enter)
    if form is None:
        return RedirectResponse(f"/suppliers/{quote(code)}/parts/{quote(part)}?done={kind}", 303)
    return await _part(session, them, who, time, code, part, {kind: form})


_MODELS: Final[Mapping[str, type[BaseModel]]] = {"contract": ContractTerms, "qualification": QualificationProof}


def _check_buyer(who: Principal) -> None:
    """Raises Problem `role_forbidden`."""
    if Role.BUYER not in who.roles:
        raise Problem("role_forbidden")


async def _entered(
    session: AsyncSession,
    them: Reader,
    name: str,
    model: type[BaseModel],
    said: Said,
    enter: Callable[[BaseModel], Awaitable[None]],
) -> Form | None:
    """Puts on record what was typed; the form once more if that can't be."""
    if said.values.get("more"):
        return forms.build(name, model, them.language, {}, said, more_rows=1)
    try:
        await enter(forms.read(model, said, them.language))
        await session.commit()
    except ValidationError as invalid:
        return forms.build(name, model, them.language, {}, said, invalid=invalid)
    except Refusal as refusal:
        await session.rollback()
        return forms.build(name, model, them.language, {}, said, error=them.language.word("problem", refusal.code))
    return None


async def _supplier(
    session: AsyncSession,
    them: Reader,
    who: Principal,
    time: Timekeeper,
    code: str,
    *,
    text: str = "",
    cursor: str | None = None,
    done: str = "",
    form: Form | None = None,
) -> HTMLResponse:
    today = time.today(them.now)
    found = await suppliers.supplier_page(session, code, today, text=text.strip(), limit=PAGE, cursor=cursor)
    if found is None:
        raise Problem("not_found")
    words = them.language
    query = urlencode({"text": text, "cursor": found.parts.next}) if found.parts.next else ""
    sees_reviews = not READERS.isdisjoint(who.roles)
    return them.page(
        "supplier.html",
        422 if form and (form.wrong or form.error) else 200,
        supplier=found,
        sees_reviews=sees_reviews,
        reviews=(await reviews.list_reviews(session, supplier=code, limit=NEWEST)).items if sees_reviews else [],
        corrections=(
            await reviews.list_corrections(session, open_only=False, now=them.now, supplier=code, limit=NEWEST)
        ).items
        if sees_reviews
        else [],
        text=text,
        next=f"/suppliers/{quote(code)}?{query}" if query else "",
        today=today,
        warned=time.today(time.after(them.now, time.policy.purchasing.warn_before)),
        blocking=time.policy.purchasing.blocking_papers,
        form=form or forms.build("paper", Paper, words, {}, Said()),
        entering=form is not None,
        parts=await choices.parts_for(session, words, None),
        may_edit=Role.BUYER in who.roles,
        done=words.text("the paper is on record") if done == "paper" else "",
    )


async def _part(
    session: AsyncSession,
    them: Reader,
    who: Principal,
    time: Timekeeper,
    code: str,
    part: str,
    sent: Mapping[str, Form],
    *,
    done: str = "",
) -> HTMLResponse:
    today, words = time.today(them.now), them.language
    found = await suppliers.agreed(session, code, part, today)
    if found is None:
        raise Problem("not_found")
    shown = {
        kind: sent.get(kind)
        or forms.build(kind, model, words, {}, forms.initial(model, _known(kind, found, today), words))
        for kind, model in _MODELS.items()
    }
    told = {
        "contract": words.text("the contract is on record"),
        "qualification": words.text("the qualification is on record"),
    }
    return them.page(
        "agreed.html",
        422 if any(form.wrong or form.error for form in sent.values()) else 200,
        agreed=found,
        url=f"/suppliers/{quote(code)}/parts/{quote(part)}",
        forms_of=[
            (kind, form, 1 + max((one.version for one in versions), default=0))
            for (kind, form), versions in zip(shown.items(), (found.contracts, found.qualifications), strict=True)
        ],
        open=next(iter(sent), ""),
        today=today,
        warned=time.today(time.after(them.now, time.policy.purchasing.warn_before)),
        may_edit=Role.BUYER in who.roles,
        done=told.get(done, ""),
    )


def _known(kind: str, found: AgreedView, today: date) -> Mapping[str, Any]:
    """What the newest version says is what the next one begins with."""
    versions = found.contracts if kind == "contract" else found.qualifications
    if versions:
        return versions[0].model_dump() | {"valid_from": today}
    until = date.fromordinal(today.toordinal() + FOR_A_YEAR)
    return {"specification": found.specification, "valid_from": today, "valid_until": until}

"""The keeper's pages: moving goods with a scanner, the ledger of movements, balances as of a day, who was refused."""

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.auth import Principal, Signed
from api.dependencies import Database, InHouse, Now
from api.pages import deciding, forms
from api.pages.forms import Choice, Said
from api.pages.listing import Listing
from api.pages.rendering import Reader, reader
from api.v1.movements import is_keeper, may_sign
from database import transfers
from database.reading import movements
from database.reading.blindness import anything
from database.reading.movements import WantedMovements
from database.tables import MovementReason
from database.transfers import MoveGoods, TakeBack
from domain.stages import Refusal, Role

router = APIRouter(prefix="/stock")
PAGE: Final = 30
Short = Annotated[str, Query(max_length=64)]
Cursor = Annotated[str | None, Query(max_length=400)]


@router.get("/movements")
async def ledger_page(
    request: Request,
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    part: Short = "",
    place: Short = "",
    document: Short = "",
    by: Short = "",
    reason: Short = "",
    label: Annotated[str, Query(max_length=64, description="A lot or a serial number.")] = "",
    since: Short = "",
    until: Short = "",
    cursor: Cursor = None,
) -> HTMLResponse:
    them = reader(request, house.settings, who, now)
    kept = {
        "part": part.strip(), "place": place.strip(), "document": document.strip(), "by": by.strip(),
        "reason": reason, "label": label.strip(), "since": since, "until": until,
    }  # fmt: skip
    wanted = WantedMovements(
        part=kept["part"],
        place=kept["place"],
        document=kept["document"],
        by=kept["by"],
        reason=MovementReason(reason) if reason in set(MovementReason) else None,
        label=kept["label"],
        since=_midnight(since, them),
        until=_midnight(until, them, days=1),
    )
    page = await movements.movements(session, wanted, limit=PAGE, cursor=cursor, blind=who.counts)
    return them.page(
        "ledger.html",
        counting=who.counts and await anything(session),
        wanted=kept,
        reasons=list(MovementReason),
        rows=page.items,
        keeps=Role.WAREHOUSE_KEEPER in who.roles,
        oversees=_oversees(who),
        next=Listing("/stock/movements", kept).following(page.next),
    )


@router.get("/balances")
async def balances_page(
    request: Request,
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    at: Short = "",
    part: Short = "",
    place: Short = "",
    cursor: Cursor = None,
) -> HTMLResponse:
    """What lay where at the end of a day, or now."""
    them = reader(request, house.settings, who, now)
    instant = _midnight(at, them, days=1) or now
    kept = {"at": at, "part": part.strip(), "place": place.strip()}
    page = await movements.balances(
        session,
        min(instant, now),
        part=kept["part"],
        place=kept["place"],
        limit=PAGE,
        cursor=cursor,
        blind=who.counts,
    )
    return them.page(
        "balances.html",
        counting=who.counts and await anything(session),
        wanted=kept,
        rows=page.items,
        keeps=Role.WAREHOUSE_KEEPER in who.roles,
        oversees=_oversees(who),
        next=Listing("/stock/balances", kept).following(page.next),
    )


@router.get("/move")
async def move_page(
    request: Request,
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    scan: Short = "",
    done: Short = "",
) -> HTMLResponse:
    """The form; what a scanner types into its first field fills the others: a part, a lot, a number, then places."""
    is_keeper(who)
    them = reader(request, house.settings, who, now)
    typed = {name: value for name, value in request.query_params.items() if name in MoveGoods.model_fields}
    said = Said({**forms.initial(MoveGoods, {}, them.language).values, **typed})
    unknown = ""
    if code := scan.strip():
        found = await movements.scanned(session, code)
        if found is None:
            unknown = them.language.text("Nothing of ours has the code %(code)s.") % {"code": code}
        else:
            said = Said({**said.values, **_fill(found, said)})
    return await _form(session, them, said, unknown=unknown, done=done)


@router.post("/move")
async def move_goods(request: Request, house: InHouse, session: Database, who: Signed, now: Now) -> Response:
    is_keeper(who)
    them, said = reader(request, house.settings, who, now), Said(await deciding.typed(request))
    key = said.values.get("key") or uuid4().hex
    try:
        wanted = forms.read(MoveGoods, said, them.language)
        assert isinstance(wanted, MoveGoods)
        moved = await transfers.move_goods(session, wanted, by=who.code, key=key, now=now)
        await session.commit()
    except ValidationError as invalid:
        return await _form(session, them, said, status=422, invalid=invalid, key=key)
    except Refusal as refusal:
        await session.rollback()
        return await _form(session, them, said, status=409, error=_why(refusal, them), key=key)
    if moved.refused:
        waits = them.language.text("%(number)s waits for a second signature.") % {"number": moved.number}
        error = f"{_why(moved.refused, them)} {waits}"
        return await _form(session, them, said, status=403, error=error, key=key)
    return RedirectResponse("/stock/move?" + urlencode({"done": moved.number}), 303)


@router.post("/movements/{movement}/reversal")
async def reverse(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, movement: int
) -> Response:
    is_keeper(who)
    them, said = reader(request, house.settings, who, now), Said(await deciding.typed(request))
    key = said.values.get("key") or uuid4().hex
    try:
        wanted = forms.read(TakeBack, said, them.language)
        assert isinstance(wanted, TakeBack)
        moved = await transfers.take_back(session, movement, wanted, by=who.code, key=key, now=now)
        await session.commit()
    except ValidationError as invalid:
        return await _take_back(session, them, movement, said, status=422, invalid=invalid, key=key)
    except Refusal as refusal:
        await session.rollback()
        return await _take_back(session, them, movement, said, status=409, error=_why(refusal, them), key=key)
    if moved.refused:
        return await _take_back(session, them, movement, said, status=403, error=_why(moved.refused, them), key=key)
    return RedirectResponse("/stock/movements?" + urlencode({"document": moved.number}), 303)


@router.get("/movements/{movement}/reversal")
async def reversal_page(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, movement: int
) -> HTMLResponse:
    is_keeper(who)
    return await _take_back(session, reader(request, house.settings, who, now), movement, Said())


@router.get("/refusals")
async def refusals_page(
    request: Request,
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    which: str = "waiting",
    error: Short = "",
    cursor: Cursor = None,
) -> HTMLResponse:
    may_sign(who)
    them = reader(request, house.settings, who, now)
    page = await movements.refusals(session, waiting=which != "all", limit=PAGE, cursor=cursor)
    text = them.language.text
    listing = Listing("/stock/refusals", {"which": "all" if which == "all" else "waiting"})
    return them.page(
        "refusals.html",
        tabs=listing.tabs({"waiting": text("Wait for a second signature"), "all": text("All")}),
        rows=page.items,
        keeps=Role.WAREHOUSE_KEEPER in who.roles,
        oversees=True,
        error=them.language.word("problem", error) if them.language.has("problem", error) else "",
        next=listing.following(page.next),
    )


@router.get("/refusals/count")
async def refusals_count(request: Request, house: InHouse, session: Database, who: Signed, now: Now) -> HTMLResponse:
    """The number beside the menu's entry: what this reader may sign for."""
    may_sign(who)
    them = reader(request, house.settings, who, now)
    return them.page("message_count.html", number=await movements.refusals_waiting(session, who.code))


@router.post("/refusals/{document}/signature")
async def sign(session: Database, who: Signed, now: Now, document: str) -> RedirectResponse:
    may_sign(who)
    try:
        await transfers.countersign(session, document, by=who.code, now=now)
        await session.commit()
    except Refusal as refusal:
        await session.rollback()
        return RedirectResponse("/stock/refusals?" + urlencode({"error": refusal.code}), 303)
    return RedirectResponse("/stock/refusals?which=all", 303)


def _fill(found: movements.Scanned, said: Said) -> dict[str, str]:
    """A part's label begins anew; of places the first is where from, the second where to."""
    if found.part:
        filled = {"part": found.part, "batch": found.lot or "", "serial_number": found.serial or ""}
        return filled | {"source": found.place or "", "target": ""}
    assert found.place is not None
    first = not said.values.get("source") or bool(said.values.get("target"))
    return {"source": found.place, "target": ""} if first else {"target": found.place}


async def _form(
    session: AsyncSession,
    them: Reader,
    said: Said,
    *,
    status: int = 200,
    unknown: str = "",
    done: str = "",
    **shown: Any,
) -> HTMLResponse:
    places = [Choice(code, f"{code} · {them.language.label(zone)}") for code, zone in await movements.places(session)]
    choice = {"source": places, "target": places}
    form = forms.build("move", MoveGoods, them.language, choice, said, key=shown.pop("key", uuid4().hex), **shown)
    values = {name: said.values.get(name, "") for name in MoveGoods.model_fields}
    return them.page(
        "move.html", status, form=form, values=values, unknown=unknown, done=done, keeps=True, oversees=True
    )


async def _take_back(
    session: AsyncSession, them: Reader, movement: int, said: Said, *, status: int = 200, **shown: Any
) -> HTMLResponse:
    page = await movements.movements(session, WantedMovements(number=movement), limit=1, blind=True)
    form = forms.build("take_back", TakeBack, them.language, {}, said, key=shown.pop("key", uuid4().hex), **shown)
    return them.page(
        "reversal.html", status if page.items else 404, form=form, rows=page.items, keeps=True, oversees=True
    )


def _why(refusal: Refusal, them: Reader) -> str:
    return them.language.word("problem", refusal.code)


def _midnight(day: str, them: Reader, days: int = 0) -> datetime | None:
    """The beginning of a day that was typed, or of one so many days later, where the reader is; in UTC."""
    try:
        begins = datetime.combine(datetime.fromisoformat(day).date(), time(), them.language.zone)
        return (begins + timedelta(days=days)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _oversees(who: Principal) -> bool:
    return not {Role.WAREHOUSE_KEEPER, Role.SUPERVISOR}.isdisjoint(who.roles)

"""What parts cost and why: figures, charts with their tables, the receipts behind them, and CSV (policy 3.3.2)."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import APIRouter, Query, Request
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.auth import Principal, Signed
from api.csvs import csv_response
from api.dependencies import Database, House, InHouse, Now
from api.i18n import Language
from api.pages import deciding, forms
from api.pages.forms import Choice, Said
from api.pages.rendering import Reader, reader
from api.problems import Problem
from api.v1.costs import FreightEntry, enter, office, reads_costs, wanted_costs
from database.reading import costs, reference
from database.reading.costs import ChangeView, CostAnalysis, CostLine, WantedCosts
from domain.costs import Driver, month_of, months_on
from domain.stages import Refusal, Role
from domain.texts import Day

router = APIRouter()
PAGE: Final = 50
_DAY: Final = TypeAdapter[date](Day)
MONTHS_TO_CHOOSE: Final = 36
FIRST_ROWS: Final = 12
EVERY: Final = 10_000

First = Annotated[str, Query(max_length=10)]
Text = Annotated[str, Query(max_length=64)]


@router.get("/costs")
async def costs_page(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now,
    first: First = "", last: First = "", part: Text = "", supplier: Text = "", every: Text = "",
) -> HTMLResponse:  # fmt: skip
    them, words = _reader(request, house, who, now)
    wanted, analysis = await _analysis(house, session, now, first, last, part, supplier)
    return them.page(
        "costs.html",
        wanted=wanted,
        analysis=analysis,
        months=_months(wanted, now, words),
        parts=await _parts(session, words),
        suppliers=await _suppliers(session, words, now),
        drivers=[_sentence(one, words) for one in analysis.drivers],
        tables=[(by, getattr(analysis, by)) for by in ("months", "parts", "suppliers")],
        rows=EVERY if every else FIRST_ROWS,
        query=_query(wanted),
    )


@router.get("/costs/{by}.csv")
async def costs_csv(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, by: str,
    first: First = "", last: First = "", part: Text = "", supplier: Text = "",
) -> Response:  # fmt: skip
    _, words = _reader(request, house, who, now)
    if by not in ("months", "parts", "suppliers"):
        raise Problem("not_found")
    wanted, analysis = await _analysis(house, session, now, first, last, part, supplier)
    name = f"costs-{by}-{wanted.first:%Y-%m}-{wanted.last:%Y-%m}"
    return csv_response(name, _head(words), (_cells(line, words) for line in getattr(analysis, by)))


@router.get("/costs/receipts")
async def receipts_page(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now,
    first: First = "", last: First = "", part: Text = "", supplier: Text = "",
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> HTMLResponse:  # fmt: skip
    them, _ = _reader(request, house, who, now)
    _, zone = await office(session, house)
    wanted = wanted_costs(_month(first), _month(last), part, supplier, now, zone)
    page = await costs.receipts(session, wanted, zone, limit=PAGE, cursor=cursor)
    query = _query(wanted)
    return them.page(
        "receipts.html",
        wanted=wanted,
        rows=page.items,
        query=query,
        next=f"/costs/receipts?{query}&{urlencode({'cursor': page.next})}" if page.next else "",
    )


@router.get("/purchase-orders/{number}/freight")
async def freight_page(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str
) -> HTMLResponse:
    them, words = _reader(request, house, who, now)
    return await _freight(session, them, who, number, forms.initial(FreightEntry, {}, words))


@router.post("/purchase-orders/{number}/freight")
async def enter_freight(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str
) -> Response:
    them, words = _reader(request, house, who, now)
    values = await deciding.typed(request)
    said = Said(values)
    try:
        bill = forms.read(FreightEntry, said, words)
        assert isinstance(bill, FreightEntry)
        await enter(session, who, number, bill, values.get("key") or uuid4().hex, now)
    except ValidationError as invalid:
        return await _freight(session, them, who, number, said, status=422, invalid=invalid)
    except (Refusal, Problem) as refusal:
        if isinstance(refusal, Problem) and refusal.status_code != 422:
            raise
        await session.rollback()
        error = words.word("problem", refusal.code)
        return await _freight(session, them, who, number, said, status=422, error=error)
    return RedirectResponse(f"/purchase-orders/{number}/freight", 303)


async def _freight(
    session: AsyncSession, them: Reader, who: Principal, number: str, said: Said, *, status: int = 200, **shown: Any
) -> HTMLResponse:
    form = forms.build("freight", FreightEntry, them.language, {}, said, key=uuid4().hex, **shown)
    bills = await costs.freight_bills(session, number)
    return them.page(
        "freight.html", status, number=number, form=form, bills=bills, may_enter=Role.BUYER in who.roles,
        total=sum((bill.amount for bill in bills), Decimal("0.00")),
    )  # fmt: skip


def _reader(request: Request, house: House, who: Principal, now: datetime) -> tuple[Reader, Language]:
    reads_costs(who)
    them = reader(request, house.settings, who, now)
    return them, them.language


async def _analysis(
    house: House, session: AsyncSession, now: datetime, first: str, last: str, part: str, supplier: str
) -> tuple[WantedCosts, CostAnalysis]:
    policy, zone = await office(session, house)
    wanted = wanted_costs(_month(first), _month(last), part, supplier, now, zone)
    return wanted, await costs.analysis(session, wanted, policy.costs)


def _month(text: str) -> date | None:
    """A month as `2026-11`. Raises Problem `invalid_request`."""
    try:
        return _DAY.validate_python(f"{text[:7]}-01") if text else None
    except ValueError as error:
        raise Problem("invalid_request", "a month is written like 2026-11") from error


def _query(wanted: WantedCosts) -> str:
    said = {
        "first": f"{wanted.first:%Y-%m}", "last": f"{wanted.last:%Y-%m}",
        "part": wanted.part, "supplier": wanted.supplier,
    }  # fmt: skip
    return urlencode({name: value for name, value in said.items() if value})


def _months(wanted: WantedCosts, now: datetime, words: Language) -> Sequence[Choice]:
    """Months to choose from, the newest first; those that are shown are among them."""
    newest = month_of(now, words.zone)
    months = {months_on(newest, -n) for n in range(MONTHS_TO_CHOOSE)} | {wanted.first, wanted.last}
    return [Choice(f"{month:%Y-%m}", words.month(month)) for month in sorted(months, reverse=True)]


async def _parts(session: AsyncSession, words: Language) -> Sequence[Choice]:
    return [Choice(one.code, f"{words.name(one)} · {one.code}") for one in await reference.parts(session)]


async def _suppliers(session: AsyncSession, words: Language, now: datetime) -> Sequence[Choice]:
    known = await reference.suppliers(session, words.local(now).date())
    return [Choice(one.code, words.name(one)) for one in known]


def _sentence(change: ChangeView, words: Language) -> str:
    """One driver in plain words."""
    text = words.text
    more = {
        Driver.PRICE: text("Higher prices cost %(amount)s more; above all %(part)s (%(part_amount)s)."),
        Driver.QUANTITY: text("More was bought, for %(amount)s; above all %(part)s (%(part_amount)s)."),
        Driver.FREIGHT: text("Bringing goods in cost %(amount)s more; above all %(part)s (%(part_amount)s)."),
        Driver.EXPEDITES: text("Haste cost %(amount)s more; above all for %(part)s (%(part_amount)s)."),
        Driver.STORAGE: text("Keeping stock cost %(amount)s more; above all %(part)s (%(part_amount)s)."),
    }
    less = {
        Driver.PRICE: text("Lower prices saved %(amount)s; above all %(part)s (%(part_amount)s)."),
        Driver.QUANTITY: text("Less was bought, by %(amount)s; above all %(part)s (%(part_amount)s)."),
        Driver.FREIGHT: text("Bringing goods in cost %(amount)s less; above all %(part)s (%(part_amount)s)."),
        Driver.EXPEDITES: text("Haste cost %(amount)s less; above all for %(part)s (%(part_amount)s)."),
        Driver.STORAGE: text("Keeping stock cost %(amount)s less; above all %(part)s (%(part_amount)s)."),
    }
    return (more if change.amount > 0 else less)[change.driver] % {
        "amount": words.money(abs(change.amount)),
        "part": words.word_of(change, "part_name") or change.part,
        "part_amount": words.money(abs(change.part_amount)),
    }


def _head(words: Language) -> Sequence[str]:
    text = words.text
    return [
        text("Code"), text("Name"), text("Pieces"), text("Price"), text("Freight"), text("of it expedited"),
        text("Storage"), text("Total"), text("Price variance"), text("Cost control rate"), text("Lines with a target"),
        text("Share"), text("Cumulative"), text("Class"),
    ]  # fmt: skip


def _cells(line: CostLine, words: Language) -> Sequence[Any]:
    return [
        line.key, words.name(line), line.pieces, line.price, line.freight, line.expedited, line.storage, line.total,
        line.variance, _rounded(line.cost_control.value), line.cost_control.n, _rounded(line.share),
        _rounded(line.cumulative), line.part_class,
    ]  # fmt: skip


def _rounded(share: Decimal | None) -> Decimal | None:
    return None if share is None else round(share, 4)

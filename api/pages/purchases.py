"""The list of purchase orders, and one with what may be done to it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api import printing
from api.auth import Principal, Signed
from api.dependencies import Database, House, InHouse, Now
from api.engine import possible
from api.i18n import Language
from api.pages import acts, deciding, story
from api.pages.acts import Act
from api.pages.deciding import Answer
from api.pages.forms import Choice
from api.pages.listing import Listing, to_do
from api.pages.orders import MACHINE_ROOM, newest_calendar
from api.pages.paper import purchase_sheet, return_sheet
from api.pages.rendering import Reader, reader
from api.problems import Problem
from database import policies
from database.reading import documents, purchases
from database.reading.documents import Head
from database.reading.links import link_of
from database.reading.purchases import PurchaseView, WantedPurchases
from database.reading.receiving import CharacteristicView, InvoiceView, LotView, SupplierClaimView
from database.tables import ClaimState, InvoiceState, Tracking
from domain import offer
from domain.decisions import DECISIONS
from domain.stages import PURCHASE, Action, PurchaseStage, Role
from domain.waiting import Clock
from runtime.temporal import purchase_workflow

router = APIRouter()
PAGE: Final = 30


@router.get("/purchase-orders")
async def purchase_list(
    request: Request,
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    which: str = "all",
    stage: str = "",
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> HTMLResponse:
    them = reader(request, house.settings, who, now)
    chosen = PurchaseStage(stage) if stage in set(PurchaseStage) else None
    wanted = WantedPurchases(chosen, which == "overdue", None, who.roles if which == "mine" else ())
    page = await purchases.list_purchases(session, wanted, now=now, limit=PAGE, cursor=cursor)
    listing = Listing("/purchase-orders", {"which": which, "stage": stage})
    return them.page(
        "purchases.html",
        tabs=listing.tabs(to_do(them.language)),
        which=which,
        stage=chosen,
        stages=list(PurchaseStage),
        purchases=page.items,
        next=listing.following(page.next),
        calendar=await newest_calendar(session, house),
        may_order=Role.BUYER in who.roles,
    )


@router.get("/purchase-orders/{number}")
async def purchase_page(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str, done: str = ""
) -> HTMLResponse:
    them = reader(request, house.settings, who, now)
    return await _show(house, session, them, who, await _purchase(session, number, them), done=done)


@router.get("/purchase-orders/{number}/news")
async def news(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str, seq: int
) -> Response:
    """What happened since the page was loaded; nothing to say if nothing did."""
    them = reader(request, house.settings, who, now)
    return await story.news(session, them, number, seq, f"/purchase-orders/{number}")


@router.get("/purchase-orders/{number}/paper.pdf")
async def paper(request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str) -> Response:
    """The purchase order on paper (policy 3.2.2)."""
    them = reader(request, house.settings, who, now)
    sheet = purchase_sheet(await _purchase(session, number, them), them.language)
    return await printing.answer(sheet, them.language)


@router.get("/purchase-orders/{number}/returns/{back}.pdf")
async def return_paper(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str, back: str
) -> Response:
    """The return of refused goods on paper (policy 3.2.3)."""
    them = reader(request, house.settings, who, now)
    purchase = await _purchase(session, number, them)
    found = next((each for each in purchase.returns if each.number == back.upper()), None)
    if found is None:
        raise Problem("not_found")
    return await printing.answer(return_sheet(purchase, found, them.language), them.language)


@router.get("/purchase-orders/{number}/{action}")
async def back_to_purchase(number: str, action: str) -> RedirectResponse:
    return RedirectResponse(f"/purchase-orders/{number}", 303)


@router.post("/purchase-orders/{number}/{action}")
async def decide_on_purchase(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str, action: str
) -> Response:
    them, wanted = reader(request, house.settings, who, now), deciding.action_of(PURCHASE, action)
    purchase = await _purchase(session, number, them)
    offered, values = acts_of(purchase, who, them.language), await deciding.typed(request)
    answer = await deciding.answer(
        house, session, who, PURCHASE, number, wanted, offered, values, them.language, now
    )  # fmt: skip
    if answer.done:
        return RedirectResponse(f"/purchase-orders/{number}?done={wanted}", 303)
    return await _show(house, session, them, who, await _purchase(session, number, them), answer=answer)


async def _purchase(session: AsyncSession, number: str, them: Reader) -> PurchaseView:
    found = await purchases.purchase_view(session, number.upper(), them.now)
    if found is None:
        raise Problem("not_found")
    return found


async def _show(
    house: House,
    session: AsyncSession,
    them: Reader,
    who: Principal,
    purchase: PurchaseView,
    *,
    done: str = "",
    answer: Answer | None = None,
) -> HTMLResponse:
    words = them.language
    offered, sent = acts_of(purchase, who, words), answer.sent if answer else None
    events = await documents.events(session, purchase.number)
    may_tell = not {Role.BUYER, Role.SUPERVISOR, Role.ADMINISTRATOR}.isdisjoint(who.roles)
    token = await link_of(session, purchase.number) if may_tell and Role.ADMINISTRATOR not in who.roles else None
    link = f"{house.settings.api_url}/supply/{token}" if token else ""
    policy = await policies.load(session, purchase.policy_name, purchase.policy_version)
    workflow = purchase_workflow(purchase.number).replace("/", "%2F")
    return them.page(
        "purchase.html",
        answer.status if answer else 200,
        purchase=purchase,
        calendar=(await policies.timekeeper(session, policy)).calendar,
        acts=acts.shown(offered, words, _choices(purchase, words), sent),
        open=acts.first_open(offered, sent),
        may_tell=may_tell,
        link=link,
        story=story.tell(events, await story.told(session, purchase.number, words), words),
        moved_on=answer.moved_on if answer else None,
        done=words.word("Action", done) if words.has("Action", done) else "",
        workflow=""
        if MACHINE_ROOM.isdisjoint(who.roles)
        else f"{house.settings.temporal_ui}/namespaces/{house.settings.temporal_namespace}/workflows/{workflow}",
    )


def acts_of(purchase: PurchaseView, who: Principal, language: Language) -> list[Act]:
    head = Head(purchase.number, PURCHASE, purchase.state, None)
    told = language.text("The supplier is told that it is no longer needed; the next supplier is asked.")
    return [
        Act(
            action,
            role,
            _initial(action, purchase, language),
            (told,) if action in (Action.PASS_ON, Action.REFUSE_ORDER) else (),
            unasked=_unasked(action, purchase),
        )
        for action, role in possible(who, head)
        if action in DECISIONS and _sensible(action, purchase)
    ]


def _unasked(action: Action, purchase: PurchaseView) -> Sequence[str]:
    """Only numbered pieces are refused by their numbers."""
    lot = _next_lot(purchase) if action is Action.INSPECT_GOODS else None
    return ("refused_serials",) if lot and not lot.serials else ()


def _sensible(action: Action, purchase: PurchaseView) -> bool:
    """Whether there is what the action is about; the table of rules knows only stages and roles."""
    conditions: Mapping[Action, Callable[[], bool]] = {
        Action.MOVE_DUE: lambda: purchase.wait is not None,
        Action.ACCEPT_DATE: lambda: purchase.wait is not None and purchase.wait.clock is Clock.PROPOSAL,
        Action.RECEIVE_GOODS: lambda: purchase.coming > 0,
        Action.INSPECT_GOODS: lambda: bool(purchase.uninspected),
        Action.HAND_BACK: lambda: any(each.handed_back_at is None for each in purchase.returns),
        Action.ENTER_INVOICE: lambda: any(line.received > line.paid for line in purchase.lines),
        Action.DECIDE_INVOICE: lambda: bool(_differing(purchase)),
        Action.SETTLE_CLAIM: lambda: bool(_claimed(purchase)),
    }
    return conditions.get(action, lambda: True)()


def _differing(purchase: PurchaseView) -> list[InvoiceView]:
    return [each for each in purchase.invoices if each.state is InvoiceState.DIFFERS]


def _claimed(purchase: PurchaseView) -> list[SupplierClaimView]:
    return [each for each in purchase.claims if each.state is ClaimState.OPEN]


def _next_lot(purchase: PurchaseView) -> LotView | None:
    """The oldest lot that waits."""
    return next((each for each in purchase.lots if each.verdict is None), None)


def _to_inspect(purchase: PurchaseView) -> Mapping[str, Any]:
    """The oldest lot that waits, with everything that is to be measured of its sample."""
    lot = _next_lot(purchase)
    if lot is None:
        return {}
    wanted = [each.code for each in purchase.characteristics if each.part == lot.part]
    return {
        "lot": lot.id,
        "checked": lot.sample,
        "faulty": 0,
        "readings": [{"piece": piece, "characteristic": code} for piece in range(1, lot.sample + 1) for code in wanted],
    }


def _seen(purchase: PurchaseView, language: Language) -> str | None:
    """By which the text is known again that was read."""
    text = purchase.shown.get(language.code)
    return offer.digest(text).hex() if text else None


def _initial(action: Action, purchase: PurchaseView, language: Language) -> Mapping[str, Any]:
    uninspected = purchase.uninspected
    known: Mapping[Action, Mapping[str, Any]] = {
        Action.CONFIRM: {
            "promised_at": purchase.deliver_by,
            "signed_by": purchase.contact,
            "shown": _seen(purchase, language),
        },
        Action.PROPOSE_DATE: {
            "promised_at": purchase.deliver_by,
            "signed_by": purchase.contact,
            "shown": _seen(purchase, language),
        },
        Action.PROMISE_LATER: {"promised_at": purchase.promised_at},
        Action.RECEIVE_GOODS: {
            "lines": [
                {"part": line.part, "counted": coming, "noted": coming}
                for line in purchase.lines
                if (coming := line.outstanding - uninspected.get(line.part, 0))
            ]
        },
        Action.INSPECT_GOODS: _to_inspect(purchase),
        Action.HAND_BACK: {"back": next((each.number for each in purchase.returns if not each.handed_back_at), "")},
        Action.ENTER_INVOICE: {
            "lines": [
                {"part": line.part, "quantity": line.received - line.paid, "unit_price": line.unit_price}
                for line in purchase.lines
                if line.received > line.paid
            ]
        },
        Action.DECIDE_INVOICE: {"invoice": next((each.number for each in _differing(purchase)), "")},
        Action.SETTLE_CLAIM: {"claim": next((each.id for each in _claimed(purchase)), None)},
        Action.MOVE_DUE: {"due": purchase.wait.due} if purchase.wait else {},
    }
    return known.get(action, {})


def _choices(purchase: PurchaseView, language: Language) -> Mapping[str, Sequence[Choice]]:
    return {
        "part": [
            Choice(line.part, f"{language.name(line)} · {line.part}", numbered=line.tracking is Tracking.SERIAL)
            for line in purchase.lines
        ],
        "characteristic": [Choice(each.code, _limits(each, language)) for each in purchase.characteristics],
        "back": [
            Choice(each.number, f"{each.number} · {language.name(each)} × {each.quantity}")
            for each in purchase.returns
            if each.handed_back_at is None
        ],
        "invoice": [
            Choice(each.number, f"{each.number} · {language.money(each.total)}") for each in _differing(purchase)
        ],
    }


def _limits(wanted: CharacteristicView, language: Language) -> str:
    """What is measured, between which limits."""
    least, most = (limit and f"{limit.normalize():f}" for limit in (wanted.low, wanted.high))
    limits = f"{least}–{most}" if least and most else f"≥ {least}" if least else f"≤ {most}"
    return f"{language.name(wanted)} {limits} {wanted.unit}"

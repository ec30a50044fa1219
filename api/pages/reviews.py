"""Suppliers' reviews, and the corrective actions that follow from them (policy 3.1.1, 3.1.3)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.auth import Principal, Signed
from api.dependencies import Database, House, InHouse, Now
from api.engine import possible
from api.i18n import Language
from api.pages import acts, deciding, story
from api.pages.acts import Act
from api.pages.deciding import Answer
from api.pages.forms import Choice
from api.pages.listing import Listing
from api.pages.messages import page_of
from api.pages.orders import MACHINE_ROOM, newest_calendar
from api.pages.rendering import Reader, reader
from api.problems import Problem
from api.v1.costs import reads_costs
from database import policies
from database.reading import documents, reference, reviews
from database.reading.documents import Head
from database.reading.links import link_of
from database.reading.reviews import CorrectionView, ReviewView
from domain.correcting import CORRECTIVE, CorrectiveStage, Standing
from domain.decisions import DECISIONS
from domain.reviews import ReviewFigure
from domain.stages import Action, Role
from runtime.temporal import document_workflow

router = APIRouter()
PAGE: Final = 30
Supplier = Annotated[str, Query(max_length=32)]
Cursor = Annotated[str | None, Query(max_length=400)]
OVERSEES: Final = frozenset({Role.BUYER, Role.SUPERVISOR, Role.ADMINISTRATOR})


@router.get("/supplier-reviews")
async def review_list(
    request: Request,
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    supplier: Supplier = "",
    after: Annotated[str, Query(max_length=32)] = "",
    cursor: Cursor = None,
) -> HTMLResponse:
    """How all suppliers came out of the newest review, or one of them out of every review."""
    reads_costs(who)
    them = reader(request, house.settings, who, now)
    if supplier:
        page = await reviews.list_reviews(session, supplier=supplier, limit=PAGE, cursor=cursor)
        rows, following = page.items, Listing("/supplier-reviews", {"supplier": supplier}).following(page.next)
    else:
        rows = await reviews.newest_reviews(session, after=after, limit=PAGE)
        following = Listing("/supplier-reviews", {"after": rows[-1].supplier}).address() if len(rows) == PAGE else ""
    return them.page(
        "reviews.html",
        rows=rows,
        supplier=supplier,
        suppliers=await _suppliers(session, them),
        figures=list(ReviewFigure),
        counted=await _counted(session, rows),
        next=following,
    )


@router.get("/supplier-reviews/{number}")
async def review_page(
    request: Request,
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    number: int,
    figure: str = "",
    cursor: Cursor = None,
) -> HTMLResponse:
    """One review: its figures, and the rows that one of them was made from."""
    reads_costs(who)
    them, review = reader(request, house.settings, who, now), await reviews.review_view(session, number)
    if review is None:
        raise Problem("not_found")
    chosen = ReviewFigure(figure) if figure in set(ReviewFigure) else _first_with_cases(review)
    page = await reviews.cases(session, number, chosen, limit=PAGE, cursor=cursor)

    def address(of: ReviewFigure, **kept: str) -> str:
        return f"/supplier-reviews/{number}?{urlencode({'figure': of, **kept})}"

    months = {"first": f"{review.first:%Y-%m}", "last": f"{review.last:%Y-%m}", "supplier": review.supplier}
    return them.page(
        "review.html",
        review=review,
        rules=(await policies.load(session, review.policy_name, review.policy_version)).review,
        figures=list(ReviewFigure),
        chosen=chosen,
        tabs=[
            {"url": f"{address(one)}#cases", "text": them.language.label(one), "current": one is chosen}
            for one in ReviewFigure
        ],
        rows=page.items,
        page_of=page_of,
        receipts=f"/costs/receipts?{urlencode(months)}" if chosen is ReviewFigure.PRICE else "",
        next=address(chosen, cursor=page.next) if page.next else "",
    )


def _first_with_cases(review: ReviewView) -> ReviewFigure:
    return next((one for one in ReviewFigure if one in review.figures and review.figures[one].n), ReviewFigure.ON_TIME)


@router.get("/corrective-actions")
async def correction_list(
    request: Request,
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    which: str = "open",
    supplier: Supplier = "",
    cursor: Cursor = None,
) -> HTMLResponse:
    reads_costs(who)
    them = reader(request, house.settings, who, now)
    page = await reviews.list_corrections(
        session, open_only=which != "all", now=now, supplier=supplier, limit=PAGE, cursor=cursor
    )
    text = them.language.text
    listing = Listing("/corrective-actions", {"which": "all" if which == "all" else "open", "supplier": supplier})
    return them.page(
        "corrections.html",
        tabs=listing.tabs({"open": text("Open"), "all": text("All")}),
        which=which,
        supplier=supplier,
        suppliers=await _suppliers(session, them),
        rows=page.items,
        next=listing.following(page.next),
        calendar=await newest_calendar(session, house),
    )


@router.get("/corrective-actions/{number}")
async def correction_page(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str, done: str = ""
) -> HTMLResponse:
    them = reader(request, house.settings, who, now)
    return await _show(house, session, them, who, await _correction(session, number, them, who), done=done)


@router.get("/corrective-actions/{number}/news")
async def news(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str, seq: int
) -> Response:
    """What happened since the page was loaded; nothing to say if nothing did."""
    reads_costs(who)
    them = reader(request, house.settings, who, now)
    return await story.news(session, them, number, seq, f"/corrective-actions/{number}")


@router.get("/corrective-actions/{number}/{action}")
async def back_to_correction(number: str, action: str) -> RedirectResponse:
    return RedirectResponse(f"/corrective-actions/{number}", 303)


@router.post("/corrective-actions/{number}/{action}")
async def decide_on_correction(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str, action: str
) -> Response:
    them, wanted = reader(request, house.settings, who, now), deciding.action_of(CORRECTIVE, action)
    found = await _correction(session, number, them, who)
    offered, values = _acts(found, who, them.language), await deciding.typed(request)
    answer = await deciding.answer(
        house, session, who, CORRECTIVE, number, wanted, offered, values, them.language, now
    )  # fmt: skip
    if answer.done:
        return RedirectResponse(f"/corrective-actions/{number}?done={wanted}", 303)
    return await _show(house, session, them, who, await _correction(session, number, them, who), answer=answer)


async def _correction(session: AsyncSession, number: str, them: Reader, who: Principal) -> CorrectionView:
    """Raises Problem `role_forbidden`, `not_found`."""
    reads_costs(who)
    found = await reviews.correction_view(session, number.upper(), them.now)
    if found is None:
        raise Problem("not_found")
    return found


async def _suppliers(session: AsyncSession, them: Reader) -> Sequence[Choice]:
    known = await reference.suppliers(session, them.language.local(them.now).date())
    return [Choice(one.code, f"{them.language.name(one)} · {one.code}") for one in known]


async def _counted(session: AsyncSession, rows: Sequence[ReviewView]) -> Mapping[int, int]:
    """How many cases a figure must rest on to count, by review."""
    least = {
        (name, version): (await policies.load(session, name, version)).review.smallest_n
        for name, version in {(row.policy_name, row.policy_version) for row in rows}
    }
    return {row.id: least[row.policy_name, row.policy_version] for row in rows}


async def _show(
    house: House,
    session: AsyncSession,
    them: Reader,
    who: Principal,
    found: CorrectionView,
    *,
    done: str = "",
    answer: Answer | None = None,
) -> HTMLResponse:
    words = them.language
    offered, sent = _acts(found, who, words), answer.sent if answer else None
    events = await documents.events(session, found.number)
    policy = await policies.load(session, found.policy_name, found.policy_version)
    workflow = document_workflow(found.number).replace("/", "%2F")
    return them.page(
        "correction.html",
        answer.status if answer else 200,
        correction=found,
        review=found.review,
        figures=list(ReviewFigure),
        counted=await _counted(session, [found.review]),
        calendar=(await policies.timekeeper(session, policy)).calendar,
        link=await _link(house, session, found, who),
        acts=acts.shown(offered, words, {}, sent),
        open=acts.first_open(offered, sent),
        may_tell=not OVERSEES.isdisjoint(who.roles),
        story=story.tell(events, await story.told(session, found.number, words), words),
        moved_on=answer.moved_on if answer else None,
        done=words.word("done", done) if words.has("done", done) else "",
        workflow=""
        if MACHINE_ROOM.isdisjoint(who.roles)
        else f"{house.settings.temporal_ui}/namespaces/{house.settings.temporal_namespace}/workflows/{workflow}",
    )


async def _link(house: House, session: AsyncSession, found: CorrectionView, who: Principal) -> str:
    """The supplier's own page, for who may pass it on; none as long as nothing is demanded."""
    if found.stage is CorrectiveStage.PROPOSED or {Role.BUYER, Role.SUPERVISOR}.isdisjoint(who.roles):
        return ""
    token = await link_of(session, found.number)
    return f"{house.settings.api_url}/corrections/{token}" if token else ""


def _acts(found: CorrectionView, who: Principal, language: Language) -> list[Act]:
    return [
        Act(action, role, _initial(action, found), _consequences(action, found, language))
        for action, role in possible(who, Head(found.number, CORRECTIVE, found.state, None))
        if action in DECISIONS and (action is not Action.RELEASE or who.code != found.state.verified_by)
    ]


def _initial(action: Action, found: CorrectionView) -> Mapping[str, Any]:
    return {"due": found.wait.due} if action is Action.MOVE_DUE and found.wait else {}


def _consequences(action: Action, found: CorrectionView, language: Language) -> Sequence[str]:
    """What will happen, before something that stops deliveries or ends the corrective action."""
    if action is Action.DISMISS and found.goes_back_to:
        return [language.text("The supplier stays as it is; what was demanded of it before is still owing.")]
    if action is Action.DISMISS:
        return [language.text("The corrective action ends; the supplier stays as it is.")]
    after = {Action.IMPOSE: found.standing, Action.WORSEN: found.standing.worse}.get(action)
    if after is None:
        return ()
    said = [language.text("The supplier becomes: %(standing)s.") % {"standing": language.word("standing", after)}]
    if not after.supplies:
        said.append(
            language.text(
                "It gets no more orders; the next one takes over what is unconfirmed, a buyer decides the rest."
            )
        )
    if after is Standing.DROPPED:
        said.append(language.text("The corrective action ends."))
    return [*said, language.text("The supplier is told.")]

"""The warehouses' tasks: what is to be counted, looked at, put right, bought or disposed of; levels and safety."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import APIRouter, Form, Query, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api import reports
from api.auth import Principal, Signed
from api.dependencies import Database, House, InHouse, Now
from api.engine import possible
from api.i18n import Language
from api.pages import acts, deciding, photos, story
from api.pages.acts import Act, Sent
from api.pages.deciding import Answer
from api.pages.forms import Choice, Said
from api.pages.listing import Listing, to_do
from api.pages.orders import MACHINE_ROOM, newest_calendar
from api.pages.rendering import Reader, reader
from api.photos import ALONE
from api.printing import answer as printed
from api.problems import Problem
from api.v1.tasks import CountWish, count_now, task_head, unsaid
from database import levels, policies, purchases
from database.reading import documents, tasks, warehousing
from database.reading.photos import task_photo_bytes
from database.reading.tasks import CountLineView, TaskRow, TaskView, WantedTasks
from database.tables import Place, Supplier, UserAccount, Zone
from domain.counting import CountState
from domain.decisions import DECISIONS
from domain.policy import Policy
from domain.stages import Action, Refusal, Role
from domain.tasks import TASK, TaskKind
from domain.warehouse_rules import CheckItem
from runtime.temporal import document_workflow

router = APIRouter()
PAGE: Final = 30
OVERSEES: Final = frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})
SEES_LEVELS: Final = OVERSEES | {Role.BUYER}
TO_COUNT: Final = (CountState.OPEN, CountState.RECOUNT)


@router.get("/tasks")
async def task_list(
    request: Request,
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    which: str = "mine",
    kind: str = "",
    warehouse: Annotated[str, Query(max_length=32)] = "",
    cursor: Annotated[str | None, Query(max_length=400)] = None,
    error: str = "",
) -> HTMLResponse:
    them = reader(request, house.settings, who, now)
    words = them.language
    chosen = TaskKind(kind) if kind in set(TaskKind) else None
    wanted = WantedTasks(chosen, warehouse or None, which == "overdue", which == "open")
    if which == "mine":
        wanted = replace(wanted, roles=who.roles, service_centre=who.service_centre)
    page = await tasks.list_tasks(session, wanted, now=now, limit=PAGE, cursor=cursor)
    policy = await policies.newest(session, house.settings.policy)
    listing = Listing("/tasks", {"which": which, "kind": kind, "warehouse": warehouse})
    return them.page(
        "tasks.html",
        tabs=listing.tabs(to_do(words, open=words.text("Open"))),
        which=which,
        kind=chosen,
        kinds=list(TaskKind),
        warehouse=warehouse,
        warehouses=await warehousing.warehouses(session),
        rows=[(row, subject(row, policy, words)) for row in page.items],
        next=listing.following(page.next),
        calendar=await newest_calendar(session, house),
        may_count=Role.SUPERVISOR in who.roles,
        sees_levels=not SEES_LEVELS.isdisjoint(who.roles),
        key=uuid4().hex,
        error=words.word("problem", error) if words.has("problem", error) else "",
    )


@router.get("/tasks/count")
async def task_count(request: Request, house: InHouse, session: Database, who: Signed, now: Now) -> HTMLResponse:
    """The number beside the menu's entry."""
    them = reader(request, house.settings, who, now)
    return them.page("message_count.html", number=await tasks.count_mine(session, who.roles, who.service_centre))


@router.get("/tasks/safety")
async def safety_page(request: Request, house: InHouse, session: Database, who: Signed, now: Now) -> HTMLResponse:
    """What to do in an emergency, and what the sensors say (policy 4.1.2, 4.3.1)."""
    them = reader(request, house.settings, who, now)
    return them.page("safety.html", plans=await warehousing.plans(session), sensors=await warehousing.sensors(session))


@router.get("/tasks/levels")
async def levels_page(
    request: Request,
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    warehouse: Annotated[str, Query(max_length=32)] = "",
    after: Annotated[str, Query(max_length=64)] = "",
) -> HTMLResponse:
    """What to keep of each part, and why (policy 4.2.3)."""
    if SEES_LEVELS.isdisjoint(who.roles):
        raise Problem("role_forbidden")
    them = reader(request, house.settings, who, now)
    known = await warehousing.warehouses(session)
    own = next((each.code for each in known if each.service_centre == who.service_centre), known[0].code)
    chosen = warehouse if warehouse in {each.code for each in known} else own
    policy = await policies.newest(session, house.settings.policy)
    looks = await levels.look(session, chosen, policy, now, after=after, limit=PAGE)
    more = urlencode({"warehouse": chosen, "after": looks[-1].part.code}) if len(looks) == PAGE else ""
    return them.page(
        "levels.html",
        warehouse=chosen,
        warehouses=known,
        looks=looks,
        days=policy.warehouse.levels.period_days,
        next=f"/tasks/levels?{more}" if more else "",
        accuracy=await warehousing.accuracy(
            session, policy.warehouse.counting.tolerance, now.replace(year=now.year - 1), now, chosen
        ),
    )


@router.post("/tasks/counts")
async def begin_count(
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    warehouse: Annotated[str, Form(max_length=32)],
    value_class: Annotated[str, Form(pattern="^[ABC]$")],
    key: Annotated[str, Form(max_length=64)],
) -> RedirectResponse:
    if Role.SUPERVISOR not in who.roles:
        raise Problem("role_forbidden")
    wish = CountWish.model_validate({"warehouse": warehouse, "value_class": value_class})
    try:
        number = await count_now(house, session, who, Role.SUPERVISOR, wish, key=key, now=now)
    except Refusal as refusal:
        return RedirectResponse("/tasks?" + urlencode({"which": "open", "error": refusal.code}), 303)
    return RedirectResponse(f"/tasks/{number}", 303)


@router.get("/tasks/{number}")
async def task_page(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str, done: str = ""
) -> HTMLResponse:
    them = reader(request, house.settings, who, now)
    return await _show(house, session, them, who, await _task(session, number, them, who), done=done)


@router.get("/tasks/{number}/news")
async def news(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str, seq: int
) -> Response:
    """What happened since the page was loaded; nothing to say if nothing did."""
    them = reader(request, house.settings, who, now)
    if (await _task(session, number, them, who)).counting:
        return Response(status_code=204)
    return await story.news(session, them, number, seq, f"/tasks/{number}")


@router.get("/tasks/{number}/report.pdf")
async def report(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str
) -> Response:  # fmt: skip
    them = reader(request, house.settings, who, now)
    view = await _task(session, number, them, who)
    if view.kind is not TaskKind.COUNT:
        raise Problem("not_found")
    policy = await policies.load(session, view.policy_name, view.policy_version)
    sheet = reports.count_report(view, policy.warehouse.counting.tolerance, them.language)
    return await printed(sheet, them.language)


@router.get("/tasks/{number}/photos/{photo}")
async def task_photo(session: Database, who: Signed, number: str, photo: str, small: bool = False) -> Response:
    found = await task_photo_bytes(session, number, photo, small=small)
    if found is None:
        raise Problem("not_found")
    return Response(found, media_type="image/jpeg", headers=ALONE)


@router.get("/tasks/{number}/{action}")
async def back_to_task(number: str, action: str) -> RedirectResponse:
    return RedirectResponse(f"/tasks/{number}", 303)


@router.post("/tasks/{number}/{action}")
async def decide_on_task(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str, action: str
) -> Response:
    them, wanted = reader(request, house.settings, who, now), deciding.action_of(TASK, action)
    task = await _task(session, number, them, who)
    policy = await policies.load(session, task.policy_name, task.policy_version)
    offered = _acts(task, who, policy)
    values, wrong = await photos.typed(request, house, session, who, them.language, now)
    counted = _counted_first(values) if wanted is Action.RECORD_COUNTS else (values, values)
    answer = deciding.unusable(wanted, values, wrong) or await deciding.answer(
        house, session, who, TASK, number, wanted, offered, counted[0], them.language, now
    )
    if answer.done:
        return RedirectResponse(f"/tasks/{number}?done={wanted}", 303)
    if answer.sent:
        answer = replace(answer, sent=replace(answer.sent, said=Said(counted[1])))
    return await _show(house, session, them, who, await _task(session, number, them, who), answer=answer)


def _counted_first(values: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What was typed without the lines left for later, and with them below the others."""
    others = {path: value for path, value in values.items() if not path.startswith("lines.")}
    rows = Said(values).rows("lines")
    typed = [row for row in rows if row.get("quantity", "").strip()]
    later = [row for row in rows if row not in typed]

    def flat(rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
        return {f"lines.{n}.{name}": cell for n, row in enumerate(rows) for name, cell in row.items()}

    return others | flat(typed), others | flat([*typed, *later])


async def _task(session: AsyncSession, number: str, them: Reader, who: Principal) -> TaskView:
    found = await tasks.task_view(session, number.upper(), them.now, blind=who.counts)
    if found is None:
        raise Problem("not_found")
    return found


async def _show(
    house: House,
    session: AsyncSession,
    them: Reader,
    who: Principal,
    task: TaskView,
    *,
    done: str = "",
    answer: Answer | None = None,
) -> HTMLResponse:
    words = them.language
    policy = await policies.load(session, task.policy_name, task.policy_version)
    offered, sent = _acts(task, who, policy), answer.sent if answer else None
    events = await documents.events(session, task.number)
    pictures = {
        seq: [f"/tasks/{task.number}/photos/{photo}" for photo in ids] for seq, ids in task.photos.items()
    }  # fmt: skip
    events = [unsaid(event, task) for event in events]
    told = story.tell(events, await story.told(session, task.number, words), words, photos=pictures)
    workflow = document_workflow(task.number).replace("/", "%2F")
    return them.page(
        "task.html",
        answer.status if answer else 200,
        task=task,
        calendar=(await policies.timekeeper(session, policy)).calendar,
        acts=acts.shown(offered, words, await _choices(session, task, policy, words, them.now, sent), sent),
        open=acts.first_open(offered, sent),
        may_tell=not OVERSEES.isdisjoint(who.roles),
        story=told,
        moved_on=answer.moved_on if answer else None,
        done=words.word("Action", done) if words.has("Action", done) else "",
        subject=subject(task, policy, words),
        items={item.code: item for item in policy.warehouse.rounds.items},
        by_line={(line.place, line.part): line for line in task.lines},
        places=await _places(session, task),
        over=reports.over(task.lines),
        accuracy=reports.accuracy(task, policy.warehouse.counting.tolerance),
        difference=reports.difference_value(task.lines),
        plans=await warehousing.plans(session) if task.kind is TaskKind.ROUND else [],
        workflow=""
        if MACHINE_ROOM.isdisjoint(who.roles)
        else f"{house.settings.temporal_ui}/namespaces/{house.settings.temporal_namespace}/workflows/{workflow}",
    )


def subject(task: TaskRow | TaskView, policy: Policy, words: Language) -> str:
    """What a task is about, in words."""
    if task.kind is TaskKind.COUNT:
        return words.text("Class %(letter)s") % {"letter": task.subject}
    if item := next((item for item in policy.warehouse.rounds.items if item.code == task.subject), None):
        return worded(item, words)
    named = task if isinstance(task, TaskRow) else None
    return (named and words.word_of(named, "part_name")) or task.subject


def worded(item: CheckItem, words: Language) -> str:
    return item.zh if words.code == "zh" else item.en


def _acts(task: TaskView, who: Principal, policy: Policy) -> list[Act]:
    return [
        Act(action, role, _initial(action, task, policy))
        for action, role in possible(who, task_head(task))
        if action in DECISIONS and (action is not Action.MOVE_DUE or task.wait is not None)
    ]


def _initial(action: Action, task: TaskView, policy: Policy) -> Mapping[str, Any]:
    """What is known already need not be typed again."""
    bought, surplus = task.replenishment, task.disposal
    known: Mapping[Action, Any] = {
        Action.RECORD_COUNTS: lambda: {"lines": [_to_count(line) for line in task.lines if line.state in TO_COUNT]},
        Action.EXPLAIN_DIFFERENCES: lambda: {
            "lines": [
                {"place": line.place, "part": line.part, "cause": line.cause, "note": line.note}
                for line in task.lines
                if line.state is CountState.DIFFERS
            ]
        },
        Action.REPORT_ROUND: lambda: {"answers": [{"item": item.code} for item in policy.warehouse.rounds.items]},
        Action.PUT_RIGHT: lambda: {
            "lines": [
                {"part": part, "sound": pieces, "unsound": 0}
                for part, pieces in (task.finding.apart if task.finding else {}).items()
            ]
        },
        Action.ORDER_PROPOSED: lambda: {"quantity": bought.quantity} if bought else {},
        Action.DECIDE_DISPOSAL: lambda: {"way": surplus.way, "quantity": surplus.quantity} if surplus else {},
        Action.DISPOSE: lambda: {"quantity": surplus.quantity - surplus.disposed} if surplus else {},
        Action.MOVE_DUE: lambda: {"due": task.wait.due} if task.wait else {},
    }
    return known[action]() if action in known else {}


def _to_count(line: CountLineView) -> Mapping[str, Any]:
    return {"place": line.place, "part": line.part, "quantity": line.said}


async def _choices(
    session: AsyncSession, task: TaskView, policy: Policy, words: Language, now: datetime, sent: Sent | None
) -> Mapping[str, Sequence[Choice]]:
    """Who may put something right; which suppliers offer what is proposed."""
    if task.kind is TaskKind.ROUND:
        rows = await session.execute(
            select(UserAccount.code, UserAccount.name)
            .where(UserAccount.active, UserAccount.roles.overlap([Role.WAREHOUSE_KEEPER, Role.SUPERVISOR]))
            .order_by(UserAccount.code)
        )
        taken = await photos.chosen(session, sent.said.values) if sent else []
        return {"owner": [Choice(code, f"{name} · {code}") for code, name in rows], "photos": taken}
    if task.replenishment:
        part, quantity = task.replenishment.part, task.replenishment.quantity
        time = await policies.timekeeper(session, policy)
        offered = await purchases.offers(session, part, quantity, time, now)
        names = {each.code: each for each in await session.scalars(select(Supplier))}
        return {
            "supplier": [
                Choice(
                    one.supplier, f"{words.name(names[one.supplier])} · {words.money(one.price)} · {one.lead_days} d"
                )
                for one in offered
            ]
        }
    return {"photos": await photos.chosen(session, sent.said.values)} if sent else {}


async def _places(session: AsyncSession, task: TaskView) -> Sequence[str]:
    """Where something may lie that no list knows of."""
    if task.kind is not TaskKind.COUNT:
        return ()
    return (
        await session.scalars(
            select(Place.code)
            .where(Place.warehouse == task.warehouse, Place.zone.not_in((Zone.SCRAP, Zone.OUTSIDE, Zone.IN_TRANSIT)))
            .order_by(Place.code)
        )
    ).all()

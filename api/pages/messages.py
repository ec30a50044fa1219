"""Messages that did not leave the house, for whoever has to do something about them; and the words of all notices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from jinja2 import TemplateError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.auth import Principal, Signed
from api.dependencies import Database, InHouse, Now
from api.pages import deciding
from api.pages.rendering import Reader, reader
from api.problems import Problem
from database import messages, notices
from database.notices import Wording
from database.reading import documents, undelivered
from database.reading.facts import facts
from database.tables import NoticeTemplate
from domain.facts import SAMPLE, Facts
from domain.notices import notices as every_notice
from domain.numbers import is_well_formed
from domain.stages import Action, Role
from domain.waiting import Clock
from messaging.words import BOTH, Unusable, Words, Written, check, write

router = APIRouter()

PAGE: Final = 50
EDITORS: Final = frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})
LANGUAGES: Final = ("zh", "en")
ADDRESSES: Final = {
    "RO": "orders",
    "PO": "purchase-orders",
    "CA": "corrective-actions",
    "WT": "tasks",
    "RFQ": "requests-for-quotation",
}
"""Where the page of each kind of document is; what has no such number is about a supplier."""


# --- messages that did not leave ---------------------------------------------------------------------------


@router.get("/messages")
async def message_list(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, done: str = ""
) -> HTMLResponse:
    them = reader(request, house.settings, who, now)
    return them.page(
        "messages.html",
        rows=await undelivered.undelivered(session, undelivered.Reader(who.roles, who.service_centre), now, PAGE),
        count=await undelivered.count(session, undelivered.Reader(who.roles, who.service_centre), now),
        done=done if done in ("again", "told") else "",
        may_edit=_may_edit(who),
        shows_numbers=who.sees_phones,
        page_of=page_of,
    )


@router.get("/messages/count")
async def message_count(request: Request, house: InHouse, session: Database, who: Signed, now: Now) -> HTMLResponse:
    """The number beside the menu's entry."""
    them = reader(request, house.settings, who, now)
    number = await undelivered.count(session, undelivered.Reader(who.roles, who.service_centre), now)
    return them.page("message_count.html", number=number)


@router.post("/messages/{number}/again")
async def send_again(request: Request, session: Database, who: Signed, now: Now, number: int) -> Response:
    await _theirs(session, who, number, now)
    done = await messages.again(session, number, who.code, now)
    return await _settled(request, session, "again" if done else "")


@router.post("/messages/{number}/told")
async def told_by_phone(request: Request, session: Database, who: Signed, now: Now, number: int) -> Response:
    await _theirs(session, who, number, now)
    done = await messages.told_by_phone(session, number, who.code, now)
    return await _settled(request, session, "told" if done else "")


async def _settled(request: Request, session: AsyncSession, done: str) -> Response:
    """Back to where the button was."""
    await session.commit()
    values = await deciding.typed(request)
    document = values.get("order", "")
    if is_well_formed(document):
        return RedirectResponse(f"{page_of(document)}#story", 303)
    return RedirectResponse(f"/messages?done={done}", 303)


def page_of(document: str) -> str:
    """Where a document is shown."""
    return f"/{ADDRESSES.get(document.partition('-')[0], 'suppliers')}/{document}"


async def _theirs(session: AsyncSession, who: Principal, number: int, now: Any) -> None:
    """Raises Problem `not_found` for a message that is not this reader's task."""
    theirs = undelivered.Reader(who.roles, who.service_centre)
    if not await undelivered.undelivered(session, theirs, now, 1, number):
        raise Problem("not_found")


# --- words -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Field:
    """One text of a notice as the form shows it."""

    name: str
    text: str
    rows: int
    error: str = ""


@router.get("/notices")
async def notice_list(request: Request, house: InHouse, session: Database, who: Signed, now: Now) -> HTMLResponse:
    _check_editor(who)
    them = reader(request, house.settings, who, now)
    rows: dict[Role, list[NoticeTemplate]] = {}
    for row in await notices.newest(session):
        rows.setdefault(row.audience, []).append(row)
    missing = [pair for pair in every_notice() if pair[0] not in {row.notice for row in rows.get(pair[1], ())}]
    return them.page("notice_list.html", rows=rows, missing=missing, called=lambda code: called(code, them))


@router.get("/notices/{audience}/{notice}")
async def notice_page(
    request: Request,
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    audience: Role,
    notice: str,
    order: Annotated[str, Query(max_length=32)] = "",
    done: str = "",
) -> HTMLResponse:
    _check_editor(who)
    them = reader(request, house.settings, who, now)
    words = notices.wording((await _versions(session, notice, audience))[0])
    return await _show(session, them, house.settings.api_url, audience, notice, words, order, done=done)


@router.post("/notices/{audience}/{notice}")
async def edit_notice(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, audience: Role, notice: str
) -> Response:
    """Saves the next version; with `preview` only shows what would be sent."""
    _check_editor(who)
    them = reader(request, house.settings, who, now)
    await _versions(session, notice, audience)
    values = await deciding.typed(request)
    typed = {name: values.get(name, "").replace("\r\n", "\n").strip() for name in Wording.__dataclass_fields__}
    words, order = Wording(**typed), values.get("order", "").strip()
    errors = _errors(words, audience, them)
    if errors or values.get("preview"):
        return await _show(session, them, house.settings.api_url, audience, notice, words, order, errors=errors)
    await notices.edit(session, notice, audience, words, who.code, now)
    await session.commit()
    return RedirectResponse(f"/notices/{audience}/{notice}?done=saved", 303)


async def _show(
    session: AsyncSession,
    them: Reader,
    house: str,
    audience: Role,
    notice: str,
    words: Wording,
    order: str,
    *,
    errors: Mapping[str, str] | None = None,
    done: str = "",
) -> HTMLResponse:
    known, unknown_order = SAMPLE, ""
    if order:
        found = await _facts(session, order.upper(), house)
        known, unknown_order = found or SAMPLE, "" if found else order
    zone = them.language.zone.key
    return them.page(
        "notice.html",
        422 if errors else 200,
        notice=notice,
        audience=audience,
        title=called(notice, them),
        languages=LANGUAGES,
        fields=_fields(words, audience, errors or {}),
        versions=await _versions(session, notice, audience),
        previews={} if errors else _previews(words, known, zone),
        facts=[(name, field.description) for name, field in Facts.model_fields.items()],
        order=order,
        unknown_order=unknown_order,
        done=done == "saved",
        errors=bool(errors),
    )


def _fields(words: Wording, audience: Role, errors: Mapping[str, str]) -> Mapping[str, Sequence[Field]]:
    """The form's texts, by language."""
    kinds = [("subject", 1), ("text", 14)]
    if audience is Role.CUSTOMER:
        kinds += [("sms", 2), ("sms_id", 1)]
    return {
        each: [
            Field(f"{kind}_{each}", getattr(words, f"{kind}_{each}"), rows, errors.get(f"{kind}_{each}", ""))
            for kind, rows in kinds
        ]
        for each in LANGUAGES
    }


def _errors(words: Wording, audience: Role, them: Reader) -> dict[str, str]:
    """What can't be saved, by field, in words that say what to do."""
    found: dict[str, str] = {}
    for each in LANGUAGES:
        texts = {kind: getattr(words, f"{kind}_{each}") for kind in ("subject", "text", "sms")}
        alone = {
            "subject": Words(texts["subject"], ""),
            "text": Words("-", texts["text"]),
            "sms": Words("-", "", texts["sms"]),
        }
        for kind, one in alone.items():
            try:
                check(one)
            except Unusable as unusable:
                found[f"{kind}_{each}"] = f"{them.language.word('problem', unusable.code)} {unusable.what}".strip()
        needed = [("text", texts["text"])] + ([("sms", texts["sms"])] if audience is Role.CUSTOMER else [])
        found |= {f"{kind}_{each}": them.language.text("Write something here.") for kind, text in needed if not text}
    return found


def _previews(words: Wording, known: Facts, zone: str) -> Mapping[str, Written]:
    both = {
        "zh": Words(words.subject_zh, words.text_zh, words.sms_zh),
        "en": Words(words.subject_en, words.text_en, words.sms_en),
    }
    try:
        return {language: write(both, known, language, zone) for language in (*LANGUAGES, BOTH)}
    except TemplateError:
        return {}


async def _facts(session: AsyncSession, document: str, house: str) -> Facts | None:
    """What is known of a real order or purchase order, as of its last step."""
    if not is_well_formed(document) or not await documents.events(session, document, limit=1):
        return None
    last = await documents.last_step(session, document)
    return await facts(session, document, last.seq, house)


async def _versions(session: AsyncSession, notice: str, audience: Role) -> Sequence[NoticeTemplate]:
    """The versions, the newest first. Raises Problem `not_found`."""
    found = await notices.versions(session, notice, audience)
    if not found:
        raise Problem("not_found")
    return found


def called(notice: str, them: Reader) -> str:
    """What a notice is called: its action, or the clock it reminds of."""
    language = them.language
    for action in (Action.REMIND, Action.ESCALATE):
        clock = notice.removeprefix(f"{action}_")
        if clock in set(Clock):
            return language.text("%(action)s: %(clock)s") % {
                "action": language.label(action), "clock": language.label(Clock(clock)),
            }  # fmt: skip
    return language.label(Action(notice)) if notice in set(Action) else language.word("notice", notice)


def _may_edit(who: Principal) -> bool:
    return not EDITORS.isdisjoint(who.roles)


def _check_editor(who: Principal) -> None:
    """Raises Problem `role_forbidden`."""
    if not _may_edit(who):
        raise Problem("role_forbidden")

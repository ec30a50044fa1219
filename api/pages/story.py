"""What has happened to a document, told: who, what, when, why, and who was told."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.i18n import Language
from api.pages.rendering import Reader
from database.reading import documents
from database.reading.documents import Event
from database.reading.mails import MailView
from database.reading.shipments import ShipmentView
from database.reading.undelivered import masked
from database.tables import Channel, Message, MessageState, Outbox
from domain.auditing import Check
from domain.documents import kind_of
from domain.levels import Way
from domain.order_decisions import (
    AuditReason,
    CancelReason,
    Completion,
    Condition,
    Hindrance,
    LossReason,
    RefusalReason,
)
from domain.parcels import Trouble
from domain.quoting import Because, Sureness
from domain.stages import Action, Role
from domain.waiting import Clock

ALARMS: Final = frozenset(
    {Action.REMIND, Action.ESCALATE, Action.NO_PICKUP_SCAN, Action.NO_MOVEMENT, Action.LATE, Action.TROUBLE}
)
_SIGNS: Final = {
    Action.APPROVE: "check",
    Action.CONSENT: "check",
    Action.ANSWER_WORKS: "check",
    Action.CONFIRM: "check",
    Action.RETURN_FOR_CORRECTION: "back",
    Action.TURN_BACK: "back",
    Action.REJECT: "cross",
    Action.MAKE_FINAL: "cross",
    Action.ASK_CUSTOMER: "phone",
    Action.ANSWER_QUESTION: "phone",
    Action.OBJECT: "back",
    Action.REFUSE: "cross",
    Action.CANCEL: "cross",
    Action.DECLINE: "cross",
    Action.PACK: "box",
    Action.RECEIVE_GOODS: "box",
    Action.INSPECT_GOODS: "check",
    Action.HAND_BACK: "back",
    Action.REFUSE_ORDER: "cross",
    Action.CHECK_IN: "phone",
    Action.ENTER_INVOICE: "document",
    Action.RESTOCK: "box",
    Action.HAND_OVER: "truck",
    Action.PICK_UP: "truck",
    Action.BOOK: "truck",
    Action.DELIVER: "truck",
    Action.BOOK_APPOINTMENT: "calendar",
    Action.REPORT_FITTED: "wrench",
    Action.REPORT_NOT_FITTED: "wrench",
    Action.ANSWER_FAULTY: "wrench",
    Action.RECORD_ATTEMPT: "phone",
    Action.QUOTE: "document",
    Action.SUPPLEMENT: "plus",
    Action.AMEND: "document",
    Action.RECORD_COUNTS: "box",
    Action.FINISH_COUNT: "check",
    Action.APPROVE_ADJUSTMENT: "check",
    Action.COUNT_AGAIN: "back",
    Action.REPORT_ROUND: "check",
    Action.PUT_RIGHT: "wrench",
    Action.ACCEPT_REMEDY: "check",
    Action.REOPEN: "back",
    Action.ORDER_PROPOSED: "truck",
    Action.TURN_DOWN: "cross",
    Action.DISPOSE: "box",
    Action.CALL_OFF: "cross",
    Action.IMPOSE: "alert",
    Action.DISMISS: "cross",
    Action.WORSEN: "alert",
    Action.REVIEWED_WORSE: "alert",
    Action.VERIFY: "check",
    Action.RELEASE: "check",
    Action.REJECT_EVIDENCE: "back",
}
_REASONS: Final[Mapping[str, type[StrEnum]]] = {
    Action.REFUSE: RefusalReason,
    Action.RETURN_FOR_CORRECTION: AuditReason,
    Action.REJECT: AuditReason,
    Action.DECLARE_LOST: LossReason,
    Action.CANCEL: CancelReason,
}
_CODED: Final[Mapping[str, type[StrEnum]]] = {
    "trouble": Trouble,
    "condition": Condition,
    "completion": Completion,
    "hindrance": Hindrance,
    "clock": Clock,
    "channel": Channel,
    "sure": Sureness,
    "asked_again": Because,
    "asked_no_more": Because,
    "way": Way,
}
_TEXTS: Final = (
    "explanation",
    "cause",
    "measures",
    "evidence",
    "question",
    "reply",
    "objection",
    "note",
    "advice",
    "finding",
    "report",
    "problem",
    "remark",
    "signed_by",
    "said_by",
    "taken_by",
)
_MOVES: Final = frozenset({"due", "promised_at", "parts_expected_at", "serial", "expected_to", "standing"})
"""Details that say what was before and what is after."""
_UNTOLD: Final = frozenset({"signature", "shipment", "lines", "paused", "final", "quotation", "agreed_to"})
"""Details for the log, not for readers."""


@dataclass(frozen=True)
class Chapter:
    """One thing that happened. `tone` tells people, machines and alarms apart, beside the sign."""

    at: datetime
    sign: str
    tone: str
    who: str
    what: str
    stage: StrEnum | None
    said: Sequence[str]
    facts: Sequence[tuple[str, str]]
    told: Sequence["Told"]
    photos: Sequence[str] = ()


@dataclass(frozen=True)
class Told:
    """What became of one message: a sentence, and its number where something is still to be done about it."""

    text: str
    tone: str = ""
    open: int | None = None


async def told(session: AsyncSession, number: str, language: Language) -> Mapping[int, Sequence[Told]]:
    """What became of the messages about each step."""
    rows = await session.execute(
        select(Outbox, Message)
        .outerjoin(Message, (Message.outbox == Outbox.id) & (Message.state != MessageState.REPLACED))
        .where(Outbox.document == number)
        .order_by(Outbox.id, Message.id)
    )
    found: dict[int, list[Told]] = {}
    for row, message in rows:
        found.setdefault(row.seq, []).append(_of_message(row, message, language))
    return found


def _of_message(row: Outbox, message: Message | None, language: Language) -> Told:
    """Nothing is called sent that has not left the house."""
    who, text = language.label(row.audience), language.text
    if message is None:
        unsent = text("%(who)s: was not sent") if row.addressed_at else text("%(who)s: waits to be sent")
        return Told(unsent % {"who": who}, "amber")
    way = " ".join(filter(None, (language.label(message.channel), masked(message.channel, message.recipient))))
    known = {"who": who, "way": way, "why": language.label(message.failure) if message.failure else ""}
    match message.state:
        case MessageState.SENT if message.sent_at:
            return Told(text("%(who)s: %(way)s, sent %(time)s") % {**known, "time": language.instant(message.sent_at)})
        case MessageState.SHOWN:
            return Told(text("%(who)s: in their list in the house") % known)
        case MessageState.TOLD if message.settled_at:
            by = {"by": message.settled_by, "time": language.instant(message.settled_at)}
            return Told(text("%(who)s: told by phone, %(by)s, %(time)s") % {**known, **by})
        case MessageState.FAILED:
            return Told(text("%(who)s: %(way)s, failed: %(why)s") % known, "red", message.id)
        case _ if message.failure:
            return Told(text("%(who)s: %(way)s, will be tried again: %(why)s") % known, "amber")
        case _:
            return Told(text("%(who)s: %(way)s, waits to be sent") % known, "amber")


async def news(session: AsyncSession, them: Reader, number: str, seq: int, url: str) -> Response:
    """What happened last, if anything did after step `seq`; else an answer that changes nothing."""
    if not await documents.events(session, number, after=seq, limit=1):
        return Response(status_code=204)
    [chapter] = tell([await documents.last_step(session, number)], {}, them.language)
    return them.page("news.html", chapter=chapter, url=url)


def tell(
    events: Iterable[Event],
    messages: Mapping[int, Sequence[Told]],
    language: Language,
    shipments: Iterable[ShipmentView] = (),
    names: Mapping[str, str] = MappingProxyType({}),
    mails: Iterable[MailView] = (),
    photos: Mapping[int, Sequence[str]] = MappingProxyType({}),
) -> list[Chapter]:
    """Everything in one line of time, newest first. `names` are what codes in it are called, `photos` the addresses
    of those that came with each step."""
    chapters = [
        replace(_of_event(event, messages.get(event.seq, ()), language, names), photos=photos.get(event.seq, ()))
        for event in events
    ]
    chapters += [chapter for shipment in shipments for chapter in _of_parcel(shipment, language)]
    chapters += [_of_mail(mail, language) for mail in mails]
    return sorted(chapters, key=lambda chapter: chapter.at)[::-1]


def _of_event(event: Event, messages: Sequence[Told], language: Language, names: Mapping[str, str]) -> Chapter:
    alarm, machine = event.action in ALARMS, event.role in (Role.SYSTEM, Role.CARRIER)
    role, what = language.label(event.role), language.word("done", event.action)
    return Chapter(
        at=event.at,
        sign="bell" if alarm else _SIGNS.get(Action(event.action), "dot") if event.action in set(Action) else "plus",
        tone="alarm" if alarm else "machine" if machine else "",
        who=""
        if machine
        else language.text("%(name)s (%(role)s)") % {"name": event.by_name, "role": role}
        if event.by_name
        else role,
        what=what[:1].upper() + what[1:] if machine else what,
        stage=kind_of(event.document).life.stages(event.to_stage) if event.to_stage != event.from_stage else None,
        said=[text for name in _TEXTS if (text := str((event.said or {}).get(name) or ""))],
        facts=[(name, names.get(value, value)) for name, value in _facts(event, language)],
        told=messages,
    )


def _of_parcel(shipment: ShipmentView, language: Language) -> Iterable[Chapter]:
    for scan in shipment.way:
        trouble = [language.label(scan.trouble)] if scan.trouble else []
        what = " – ".join([language.label(scan.milestone), *trouble])
        facts = [("place", scan.place), ("waybill", shipment.waybill)]
        named = [(language.word("detail", name), value) for name, value in facts if value]
        yield Chapter(scan.at, "truck", "alarm" if trouble else "machine", "", what, None, (), named, ())


def _of_mail(mail: MailView, language: Language) -> Chapter:
    what = language.text("Mail from %(who)s: %(subject)s") % {
        "who": mail.sender_name or mail.sender,
        "subject": mail.subject or language.text("(no subject)"),
    }
    return Chapter(mail.came_at, "mail", "machine" if mail.robot else "", "", what, None, (), (), ())


def _facts(event: Event, language: Language) -> Iterable[tuple[str, str]]:
    for name, value in event.details.items():
        if name in _UNTOLD or value in (None, "", [], {}, False, 0) or not language.has("detail", name):
            continue
        if name == "given_back":
            for inner, given in value.items():
                yield language.word("detail", inner), _written(inner, given, event, language)
        else:
            yield language.word("detail", name), _written(name, value, event, language)


def _written(name: str, value: Any, event: Event, language: Language) -> str:
    """A detail of the log as a reader sees it."""
    match value:
        case [before, after] if name in _MOVES:
            return f"{_written(name, before, event, language)} → {_written(name, after, event, language)}"
        case [technician, str(at)] if name == "appointment":
            return f"{technician} {_instant(at, event, language)}"
        case [str(part), int(quantity), str()] if name in ("reservations", "expired"):
            return f"{part} × {quantity}"
        case [str(part), int(quantity), str(place), str(because)] if name == "given":
            return f"{part} × {quantity} ({place}, {language.word('Precedence', because)})"
        case [str(order), str(part), int(quantity), str(because)] if name == "given_to":
            return f"{order}: {part} × {quantity} ({language.word('Precedence', because)})"
        case {"part": part, "accepted": accepted, "refused": refused}:
            return f"{part} × {accepted}" + (
                f" ({language.word('field', 'line.refused')}: {refused})" if refused else ""
            )
        case list():
            return language.listed(_written(name, one, event, language) for one in value)
        case dict() if name in ("outstanding", "moved"):
            return language.listed(f"{part} × {quantity}" for part, quantity in value.items())
        case dict():
            return language.listed(_written(inner, one, event, language) for inner, one in value.items())
        case None:
            return "–"
        case True:
            return language.text("yes")
        case _:
            return _WRITERS.get(name, _as_it_is)(str(value), event, language)


def _as_it_is(value: str, event: Event, language: Language) -> str:
    for name, kind in _CODED.items():
        if value in set(kind) and language.has(kind.__name__, value) and event.details.get(name) == value:
            return language.word(kind.__name__, value)
    return value


def _reason(value: str, event: Event, language: Language) -> str:
    kind = _REASONS.get(event.action)
    return language.word(kind.__name__, value) if kind else value


def _instant(value: str, event: Event, language: Language) -> str:
    return language.instant(datetime.fromisoformat(value))


def _money(value: str, event: Event, language: Language) -> str:
    return language.money(Decimal(value))


_WRITERS: Final[Mapping[str, Callable[[str, Event, Language], str]]] = {
    "reason": _reason,
    "reasons": _reason,
    "amended": lambda value, event, language: language.word("field", value),
    "unsigned": lambda value, event, language: language.word("signed", value),
    "changed": lambda value, event, language: language.word("signed", value),
    "overridden": lambda value, event, language: language.label(Check(value)),
    "second_signature_by": lambda value, event, language: language.label(Role(value)),
    "paused_from": _instant,
    "objection_until": _instant,
    "due": _instant,
    "done_by": _instant,
    "standing": lambda value, event, language: language.word("standing", value),
    "expected_to": _instant,
    "promised_at": _instant,
    "parts_expected_at": _instant,
    "starts_at": _instant,
    "comes_at": _instant,
    "to_pay": _money,
    "amount": _money,
    "loss": _money,
    "adjusted_value": _money,
    "last_at": _instant,
    "against_rules": lambda value, event, language: language.word("Breach", value),
    "finding": lambda value, event, language: language.word("Finding", value),
    "satisfaction": lambda value, event, language: language.word("satisfaction", value),
}

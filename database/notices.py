"""The words of notices: those that come with the program, and what people made of them.

A version never changes; an edit is the next one. Words that nobody edited follow the program.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import NoticeTemplate
from domain.notices import notices
from domain.stages import Action, Role

_FILES: Final = Path(__file__).with_name("reference") / "notices"
_ONE_AT_A_TIME: Final = 0x6E6F7469636573
_OF: Final = {Role.CUSTOMER: "customer", Role.SUPPLIER: "supplier"}
_STAFF: Final = "staff"
_BY_CLOCK: Final = (Action.REMIND, Action.ESCALATE)


@dataclass(frozen=True)
class Wording:
    """What a version says."""

    subject_zh: str
    subject_en: str
    text_zh: str
    text_en: str
    sms_zh: str = ""
    sms_en: str = ""
    sms_id_zh: str = ""
    sms_id_en: str = ""


def shipped() -> Iterator[tuple[str, Role, Wording]]:
    """The words that come with the program, of every notice that has any."""
    files = {name: tomllib.loads((_FILES / f"{name}.toml").read_text("utf-8")) for name in (*_OF.values(), _STAFF)}
    for notice, audience in notices():
        said = files[_OF.get(audience, _STAFF)]
        if words := said.get(notice) or _of_clock(said, notice):
            yield notice, audience, _framed(words, said["frame"])


async def enter_shipped(session: AsyncSession) -> int:
    """Enters what the program brings and nobody has edited. Returns how many versions are new."""
    await session.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
    known = {(row.notice, row.audience): row for row in await newest(session)}
    new = 0
    for notice, audience, words in shipped():
        row = known.get((notice, audience))
        if row is None or (row.entered_by == Role.SYSTEM and not _same(row, words)):
            await _enter(session, notice, audience, words, Role.SYSTEM, row)
            new += 1
    return new


async def newest(session: AsyncSession) -> Sequence[NoticeTemplate]:
    """The newest version of every notice, by audience and notice."""
    table = NoticeTemplate
    return (
        await session.scalars(
            select(table)
            .ext(distinct_on(table.audience, table.notice))
            .order_by(table.audience, table.notice, table.version.desc())
        )
    ).all()


async def versions(session: AsyncSession, notice: str, audience: Role) -> Sequence[NoticeTemplate]:
    """All versions of one notice, the newest first."""
    table = NoticeTemplate
    return (
        await session.scalars(
            select(table).where(table.notice == notice, table.audience == audience).order_by(table.version.desc())
        )
    ).all()


async def newest_of(session: AsyncSession, notice: str, audience: Role) -> NoticeTemplate | None:
    """The version of one notice that counts now."""
    table = NoticeTemplate
    wanted = select(table).where(table.notice == notice, table.audience == audience)
    return await session.scalar(wanted.order_by(table.version.desc()).limit(1))


async def edit(
    session: AsyncSession, notice: str, audience: Role, words: Wording, by: str, at: datetime
) -> NoticeTemplate:
    """The next version. Whoever saves what stands there already makes none."""
    await session.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
    row = await newest_of(session, notice, audience)
    if row is not None and wording(row) == words:
        return row
    return await _enter(session, notice, audience, words, by, row, at)


def wording(row: NoticeTemplate) -> Wording:
    return Wording(**{name: getattr(row, name) for name in Wording.__dataclass_fields__})


async def _enter(
    session: AsyncSession, notice: str, audience: Role, words: Wording, by: str, before: NoticeTemplate | None,
    at: datetime | None = None,
) -> NoticeTemplate:  # fmt: skip
    said = asdict(words)
    if at is None and before is not None:  # a provider's ids are the house's own, not the program's
        said |= {"sms_id_zh": before.sms_id_zh, "sms_id_en": before.sms_id_en}
    version = before.version + 1 if before else 1
    row = NoticeTemplate(notice=notice, audience=audience, version=version, entered_by=by, **said)
    if at is not None:
        row.entered_at = at
    session.add(row)
    await session.flush()
    return row


def _same(row: NoticeTemplate, words: Wording) -> bool:
    return all(getattr(row, name) == said for name, said in asdict(words).items() if not name.startswith("sms_id"))


def _of_clock(said: Mapping[str, Any], notice: str) -> dict[str, str] | None:
    """Reminders and escalations have one wording, with the name of the clock in it."""
    for action in _BY_CLOCK:
        names = said.get("clocks", {}).get(notice.removeprefix(f"{action}_"))
        if notice.startswith(action) and names:
            called = dict(zip(("zh", "en"), names, strict=True))
            return {field: text.replace("«clock»", called[field[-2:]]) for field, text in said[action].items()}
    return None


def _framed(words: Mapping[str, str], frame: Mapping[str, str]) -> Wording:
    texts = {f"text_{each}": frame[each].strip().replace("«text»", words[each].strip()) for each in ("zh", "en")}
    short = {
        f"sms_{each}": frame[f"sms_{each}"].replace("«sms»", words[f"sms_{each}"])
        for each in ("zh", "en")
        if f"sms_{each}" in words
    }
    return Wording(words["subject_zh"], words["subject_en"], **texts, **short)

"""A form that was sent becomes a decision, or comes back saying what is wrong or has changed meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

from fastapi import Request
from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Principal
from api.dependencies import House
from api.engine import decide
from api.i18n import Language
from api.pages.acts import Act, Sent
from api.pages.forms import Said
from api.problems import LastStep, Problem
from database import submissions
from domain.decisions import DECISIONS
from domain.stages import Action, Life, Refusal

BESIDE: Final[Mapping[str, str]] = {
    "serial_needed": "serials",
    "serial_known": "serials",
    "without_serials": "serials",
    "serial_not_picked": "serials",
    "refused_serials": "refused_serials",
}
"""What is refused because of a field is said beside it."""

_BACK_TO_THE_FORM: Final = frozenset({403, 409, 422, 500, 503})


@dataclass(frozen=True)
class MovedOn:
    """Somebody was faster: what happened last, and what was typed in vain."""

    text: str
    typed: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What becomes of a form that was sent: done, or shown again with this status."""

    status: int
    sent: Sent | None = None
    moved_on: MovedOn | None = None

    @property
    def done(self) -> bool:
        return self.status == 303


DONE: Final = Answer(303)


async def typed(request: Request) -> dict[str, str]:
    """What was typed, by the name of the field; of several photos their ids, one after the other."""
    form = await request.form()
    values = {name: value for name, value in form.items() if isinstance(value, str)}
    photos = [value for value in form.getlist("photos") if isinstance(value, str)]
    return values | ({"photos": " ".join(photos)} if photos else {})


def action_of(life: Life, name: str) -> Action:
    """The action that an address names. Raises Problem `not_found`."""
    found = next((action for action in life.rules if action == name and action in DECISIONS), None)
    if found is None:
        raise Problem("not_found")
    return found


def unusable(action: Action, values: dict[str, str], wrong: Sequence[str]) -> Answer | None:
    """The form once more, if photos that came with it could not be taken; what was typed and the others are kept."""
    if not wrong:
        return None
    return Answer(422, Sent(action, Said(values), values.get("key") or uuid4().hex, error=" ".join(wrong)))


async def answer(
    house: House,
    session: AsyncSession,
    who: Principal,
    life: Life,
    number: str,
    action: Action,
    acts: Sequence[Act],
    values: dict[str, str],
    language: Language,
    now: datetime,
) -> Answer:
    """Decides what the form says. The form's key makes a second press the same as the first; what was refused comes
    back with a new key, because what is sent next will be something else."""
    offered = next((act for act in acts if act.action is action), None)
    act = offered or Act(action, who.acting(life.rules[action]) or who.roles[0], {})
    said, key = Said(values), values.get("key") or uuid4().hex
    if offered and (values.get("more") or values.get("drop")):
        return Answer(200, Sent(action, said, key, more_rows=1))
    if offered and (swap := values.get("put")):
        return Answer(200, Sent(action, said.put(swap), key))
    try:
        decision: BaseModel = act.read(said, language)
    except ValidationError as invalid:
        if offered is None:  # nothing says any more what the form did not ask: it was sent before, or comes too late
            before = await submissions.on_record(session, number, action, who.code, key)
            return DONE if before else Answer(409, moved_on=_moved_on(act, said, language, None))
        return Answer(422, Sent(action, said, key, invalid=invalid))
    if offered and offered.grave and values.get("sure") != "yes":
        return Answer(200, Sent(action, said, key, asks=True))
    try:
        await decide(house, session, who, life, number, decision, key=key, now=now)
    except Problem as problem:
        if problem.code == "stage_moved_on" or (offered is None and problem.status_code in _BACK_TO_THE_FORM):
            return Answer(409, moved_on=_moved_on(act, said, language, problem))
        if problem.status_code not in _BACK_TO_THE_FORM:
            raise
        code = problem.code if language.has("problem", problem.code) else str(problem.status_code)
        error = language.word("problem", code)
        key = key_after(problem, key)
        if path := _refused_for(problem, said):
            scanned = [one for one in said.values.get(path, "").split() if one in _words(problem)]
            beside = {path: " ".join(filter(None, (error, language.listed(scanned))))}
            return Answer(problem.status_code, Sent(action, said, key, beside=beside))
        return Answer(problem.status_code, Sent(action, said, key, error=error))
    return DONE


def _refused_for(problem: Problem, said: Said) -> str | None:
    """The field because of which something was refused: in a table that of the row whose part is named."""
    name = BESIDE.get(problem.code)
    paths = [path for path in said.values if name and path.rpartition(".")[2] == name]
    parts = {path: said.values.get(f"{path.rpartition('.')[0]}.part", "") for path in paths}
    return next((path for path in paths if parts[path] in _words(problem)), next(iter(paths), None))


def _words(problem: Problem) -> list[str]:
    return [word.strip(",.:;") for word in (problem.said or "").split()]


def key_after(refused: Refusal | Problem, key: str) -> str:
    """The key of a form that comes back: another one, because what is sent next will be something else. Where nobody
    answered, the same must be sent again."""
    return key if isinstance(refused, Problem) and refused.status_code == 503 else uuid4().hex


def _moved_on(act: Act, said: Said, language: Language, problem: Problem | None) -> MovedOn:
    last = problem.members["last"] if problem else None
    text = language.word("problem", "stage_moved_on")
    if isinstance(last, LastStep):
        text = language.text("%(who)s was faster: %(what)s (%(time)s). What you sent was not carried out.") % {
            "who": last.by_name or (language.word("Role", last.by)),
            "what": language.word("done", last.action),
            "time": language.instant(last.at),
        }
    kept = [
        (language.word("field", name.rpartition(".")[2]), value)
        for name, value in said.values.items()
        if name not in ("csrf", "key", "more", "drop", "photos", "put", "sure", "shown") and value.strip()
    ]
    return MovedOn(text, kept)

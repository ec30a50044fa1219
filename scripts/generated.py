"""Keeps what the documents take from the code up to date: `python scripts/generated.py`.

Each part stands between `<!-- begin NAME -->` and `<!-- end NAME -->`. The tests fail while one is out of date.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from pydantic_core import PydanticUndefined, to_jsonable_python
from pydantic_settings import BaseSettings

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from api.i18n import languages  # noqa: E402
from bench import growth, picture, report  # noqa: E402
from bench import results as measured  # noqa: E402
from bench.others import picture as engines  # noqa: E402
from database.tables import Zone  # noqa: E402
from domain.correcting import CORRECTIVE, CorrectiveStage  # noqa: E402
from domain.parcels import Milestone, Trouble  # noqa: E402
from domain.requests import REQUEST, RequestStage  # noqa: E402
from domain.stages import ORDER, PURCHASE, Action, Life, PurchaseStage, Role, Rule, Stage  # noqa: E402
from domain.tasks import TASK, TaskStage  # noqa: E402
from domain.waiting import OWNERS, Clock  # noqa: E402
from runtime.settings import Settings  # noqa: E402
from scripts.diagram import MANY, Words, elsewhere, state_diagram  # noqa: E402
from standalone import StandaloneSettings  # noqa: E402

_LANGUAGES: Final = languages("UTC")
_CONDITIONS: Final = {
    "the customer agreed on the phone": "客户已在电话里同意",
    "a correction costs the customer more": "补正后费用增加",
    "every line is reserved": "备件全部预留",
    "a signature is missing": "尚缺签字",
    "the last attempt reached nobody": "末次回访仍未联系上",
    "something is still owing": "尚有未结事项",
    "the customer has objected before": "客户曾提出异议",
    "nothing is owing any more": "全部结清",
    "nothing is outstanding": "全部到货",
    "there is no other supplier": "没有其他供应商",
    "no order waits for it": "已无换件单等待",
    "the supplier is dropped": "取消合作",
    "the supplier was suspended": "供应商曾被暂停",
    "the policy puts it into effect by itself": "按制度自动生效",
    "it was demanded before": "此前已要求整改",
}


def plain(member: StrEnum) -> str:
    """A code as words, as it stands in the API, the log and Temporal's UI."""
    return member.replace("_", " ")


ENGLISH: Final = Words(plain, str, "any open stage", "any open stage but {}".format)
CHINESE: Final = Words(_LANGUAGES["zh"].label, _CONDITIONS.__getitem__, "任一在办阶段", "{}以外的在办阶段".format)


def diagram(life: Life, words: Words) -> str:
    return f"```mermaid\n{state_diagram(life, words)}\n```"


def table(head: str, rows: Iterator[tuple[str, ...]]) -> str:
    """A Markdown table; `head` names its columns, separated by bars."""
    columns = head.count("|") + 1
    return "\n".join([f"| {head} |", "|" + "---|" * columns, *(f"| {' | '.join(row)} |" for row in rows)])


def named(member: StrEnum) -> tuple[str, str, str]:
    """Code, English, 中文."""
    return f"`{member}`", _LANGUAGES["en"].label(member), _LANGUAGES["zh"].label(member)


def words(kind: type[StrEnum]) -> str:
    return table("code | English | 中文", map(named, kind))


def clocks() -> str:
    return table("code | English | 中文 | waits for", ((*named(clock), plain(OWNERS[clock])) for clock in Clock))


def actions(life: Life) -> str:
    rows = ((*named(action), _who(rule), _where(life, action)) for action, rule in life.rules.items())
    return table("code | English | 中文 | by | at → leads to", rows)


def _who(rule: Rule) -> str:
    return ", ".join(plain(role) for role in Role if role in rule.by)


def _where(life: Life, action: Action) -> str:
    """The stages grouped by where the action leads; one that it does not leave stands alone."""
    moves, others = life.rules[action].moves, elsewhere(life, action)
    grouped: dict[StrEnum | None, list[str]] = {}
    for stage, to in moves.items():
        grouped.setdefault(None if to == stage else to, []).append(plain(stage))
    if len(moves) >= MANY and len(others) <= 1:
        but = "".join(f" but {plain(stage)}" for stage in others)
        grouped = {to: [f"any open stage{but}"] for to in grouped}
    return "; ".join(", ".join(stages) + (f" → {plain(to)}" if to else "") for to, stages in grouped.items())


def settings(kind: type[BaseSettings], without: type[BaseSettings] | None = None) -> str:
    """Every setting: its variable, its default as the variable would say it, its meaning."""
    known = without.model_fields if without else {}
    rows = (
        (f"`HUANJIAN_{name.upper()}`", _default(field.default), _meaning(field.description, field.annotation))
        for name, field in kind.model_fields.items()
        if name not in known
    )
    return table("variable | default | meaning", rows)


def _default(value: Any) -> str:
    if value is None or value is PydanticUndefined:
        return ""
    written = to_jsonable_python(value)
    return f"`{written if isinstance(written, str) else json.dumps(written)}`"


def _meaning(description: str | None, annotation: Any) -> str:
    choices = f"One of {', '.join(get_args(annotation))}." if get_origin(annotation) is Literal else ""
    return " ".join(filter(None, (description, choices)))


PARTS: Final[Mapping[str, Mapping[str, Callable[[], str]]]] = {
    "README.md": {
        "order": lambda: diagram(ORDER, ENGLISH),
        "purchase order": lambda: diagram(PURCHASE, ENGLISH),
        "corrective action": lambda: diagram(CORRECTIVE, ENGLISH),
    },
    "README.zh.md": {
        "order": lambda: diagram(ORDER, CHINESE),
        "purchase order": lambda: diagram(PURCHASE, CHINESE),
        "corrective action": lambda: diagram(CORRECTIVE, CHINESE),
    },
    "docs/costs.md": {
        "budgets": report.budgets,
        **{name: partial(report.section, name) for name in measured.SECTIONS},
    },
    "docs/settings.md": {
        "settings": lambda: settings(Settings),
        "standalone": lambda: settings(StandaloneSettings, without=Settings),
    },
    "docs/vocabulary.md": {
        "stages": lambda: words(Stage),
        "purchase stages": lambda: words(PurchaseStage),
        "task stages": lambda: words(TaskStage),
        "request stages": lambda: words(RequestStage),
        "roles": lambda: words(Role),
        "clocks": clocks,
        "actions": lambda: actions(ORDER),
        "purchase actions": lambda: actions(PURCHASE),
        "task actions": lambda: actions(TASK),
        "corrective stages": lambda: words(CorrectiveStage),
        "corrective actions": lambda: actions(CORRECTIVE),
        "request actions": lambda: actions(REQUEST),
        "milestones": lambda: words(Milestone),
        "troubles": lambda: words(Trouble),
        "zones": lambda: words(Zone),
    },
}


PICTURES: Final[Mapping[str, Callable[[Mapping[str, measured.Results]], str]]] = {
    "docs/images/bench.svg": picture.draw,
    "docs/images/engines.svg": engines.draw,
    "docs/images/growth.svg": growth.draw,
}
"""What is drawn of what the bench measured."""


def renewed(document: str, text: str) -> str:
    """The document's text with its generated parts as they should be. Raises ValueError for a part without marks."""
    for name, content in PARTS[document].items():
        between = re.compile(rf"(?<=<!-- begin {name} -->\n).*?(?=\n<!-- end {name} -->)", re.DOTALL)
        text, found = between.subn(lambda _, content=content: content(), text)  # type: ignore[misc]
        if found != 1:
            raise ValueError(f"{document} has {found} parts named {name}")
    return text


def main() -> None:
    for document in PARTS:
        _put(document, renewed(document, (ROOT / document).read_text(encoding="utf-8")))
    for file, draw in PICTURES.items():
        _put(file, draw(measured.read()))


def _put(file: str, new: str) -> None:
    path = ROOT / file
    if not path.exists() or path.read_text(encoding="utf-8") != new:
        path.write_text(new, encoding="utf-8")
        print(f"{file} is up to date again")  # noqa: T201


if __name__ == "__main__":
    main()

"""Templates of notices: Jinja2 of a small set of things, over a fixed set of facts.

A template may put facts in, choose with `if` and repeat with `for`. Everything else is refused when it is saved, so
that what was saved can always be written.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency
from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from domain.facts import SAMPLE, Facts, Named

NAMES: Final = frozenset(Facts.model_fields)
BOTH: Final = ""
"""The language of readers whose language nobody knows: Chinese, and English below."""
LONGEST: Final = 8000
_LOCALES: Final = {"zh": Locale.parse("zh_CN"), "en": Locale.parse("en")}
_INSTANTS: Final = {"zh": "y年M月d日 EEE HH:mm", "en": "EEE d MMM y, HH:mm"}
_DAYS: Final = {"zh": "y年M月d日", "en": "EEE d MMM y"}
_BETWEEN: Final = "\n\n———\n\n"
_PLAIN: Final = (nodes.Output, nodes.TemplateData, nodes.Name)
_ALLOWED: Final = (
    *_PLAIN,
    nodes.If, nodes.For, nodes.CondExpr, nodes.Getattr, nodes.Const, nodes.Compare, nodes.Operand, nodes.And, nodes.Or,
    nodes.Not,
)  # fmt: skip


class Unusable(ValueError):
    """A template that can't be kept; `code` is stable, `what` the names or the place it is about."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(f"{code}: {what}")
        self.code = code
        self.what = what


@dataclass(frozen=True)
class Words:
    """A notice's words in one language. `sms` names nothing but facts; providers have its wording registered under
    `sms_id`."""

    subject: str
    body: str
    sms: str = ""
    sms_id: str = ""


@dataclass(frozen=True)
class Sms:
    """A registered wording with what fills it, and the text they add up to."""

    wording: str
    values: dict[str, str]
    text: str


@dataclass(frozen=True)
class Written:
    """A notice as somebody gets it."""

    subject: str
    body: str
    sms: Sms | None


def check(words: Words) -> None:
    """Whether this can be written for every document. Raises Unusable: `template_syntax`, `template_too_long`,
    `template_name_unknown`, `template_not_allowed`, `template_subject`."""
    for template, allowed in ((words.subject, _ALLOWED), (words.body, _ALLOWED), (words.sms, _PLAIN)):
        _check(template, allowed)
    if not words.subject.strip() or len(words.subject.splitlines()) != 1:
        raise Unusable("template_subject", words.subject)


def write(words: dict[str, Words], facts: Facts, language: str, zone: str) -> Written:
    """The notice in `language`, or in both for BOTH. Raises jinja2's TemplateError."""
    if language != BOTH:
        return _write(words[language], facts, language, zone)
    chinese, english = (_write(words[each], facts, each, zone) for each in ("zh", "en"))
    return Written(
        f"{chinese.subject} / {english.subject}", f"{chinese.body}{_BETWEEN}{english.body}", chinese.sms or english.sms
    )


def _write(words: Words, facts: Facts, language: str, zone: str) -> Written:
    values = {name: getattr(facts, name) for name in NAMES}
    subject, body = (_template(text, language, zone).render(values) for text in (words.subject, words.body))
    sms = None
    if words.sms:
        filling = {name: str(_in_words(values[name], language, zone)) for name in _named_in(words.sms)}
        sms = Sms(words.sms_id, filling, _template(words.sms, language, zone).render(values))
    return Written(" ".join(subject.split()), body.strip(), sms)


def _check(template: str, allowed: tuple[type[nodes.Node], ...]) -> None:
    if len(template) > LONGEST:
        raise Unusable("template_too_long", str(LONGEST))
    environment = _environment("zh", "UTC")
    try:
        tree = environment.parse(template)
    except TemplateSyntaxError as error:
        raise Unusable("template_syntax", f"{error.lineno}: {error.message}") from None
    if unknown := find_undeclared_variables(tree) - NAMES:
        raise Unusable("template_name_unknown", ", ".join(sorted(unknown)))
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, allowed) and type(node) is not nodes.Template:
            raise Unusable("template_not_allowed", f"{node.lineno}: {type(node).__name__.lower()}")
    try:
        for facts in (SAMPLE, Facts(number="")):
            environment.from_string(template).render({name: getattr(facts, name) for name in NAMES})
    except (TemplateError, TypeError) as error:
        raise Unusable("template_name_unknown", str(error)) from None


@lru_cache
def _environment(language: str, zone: str) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: _in_words(value, language, zone),
    )
    environment.globals.clear()
    return environment


@lru_cache(512)
def _template(text: str, language: str, zone: str) -> Template:
    """Compiled once: a notice is written far more often than it is worded anew."""
    return _environment(language, zone).from_string(text)


@lru_cache(512)
def _named_in(text: str) -> tuple[str, ...]:
    """The facts that a wording names."""
    return tuple(sorted(find_undeclared_variables(_environment("zh", "UTC").parse(text))))


def _in_words(value: Any, language: str, zone: str) -> Any:
    """A fact as it stands in a text."""
    match value:
        case None:
            return ""
        case Named():
            return (value.zh if language == "zh" else value.en) or value.zh or value.en
        case datetime():
            return format_datetime(value.astimezone(ZoneInfo(zone)), _INSTANTS[language], locale=_LOCALES[language])
        case date():
            return format_date(value, _DAYS[language], locale=_LOCALES[language])
        case Decimal():
            return format_currency(value, "CNY", locale=_LOCALES[language])
        case _:
            return value

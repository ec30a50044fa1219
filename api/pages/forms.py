"""Forms made from the models of what people say: a field each, with its label, help, value and error.

A field's name is its path in the model with dots (`customer.phone`, `lines.0.part`), which is also where an error is.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType, UnionType
from typing import Any, Literal, Union, get_args, get_origin
from uuid import uuid4

from annotated_types import Ge, Gt, Le
from pydantic import AwareDatetime, BaseModel, ValidationError
from pydantic.fields import FieldInfo

from api.i18n import Language

Choices = Mapping[str, Sequence["Choice"]]
MOST_ROWS = 20
SCALE = 5
LONG = 4000
HIDDEN = frozenset({"shown", "lot"})
"""What a form says that nobody types."""
RENEWED = frozenset({"shown"})
"""What of that is as it is now when a form comes back."""
FIXED = frozenset({"counted", "characteristic", "lead_days", "supplier"})
"""Columns of tables whose lines stand beforehand: what they are about is not typed."""
SHORT = frozenset(
    {
        "serial",
        "serial_number",
        "batch",
        "bought_under",
        "signed_by",
        "said_by",
        "waybill",
        "product",
        "name",
        "phone",
        "email",
        "province",
        "city",
        "district",
        "address",
    }
)
"""Texts of one line; other texts get an area to write in."""


@dataclass(frozen=True)
class Choice:
    """Something to choose. `fits` are the kinds of product it is for, as far as it is for some only; `instead` names
    what has taken its place; `numbered` if its pieces have serial numbers."""

    value: str
    text: str
    group: str = ""
    fits: str = ""
    instead: str = ""
    numbered: bool = False


@dataclass(frozen=True)
class Field:
    """One field as it is shown: `required` if it can't be empty. `rows` holds the fields of each row of lines."""

    name: str
    kind: str
    label: str
    help: str = ""
    required: bool = False
    value: str = ""
    error: str = ""
    choices: Sequence[Choice] = ()
    least: str | None = None
    most: str | None = None
    rows: Sequence[Sequence["Field"]] = ()

    @property
    def id(self) -> str:
        return self.name.replace(".", "-")


@dataclass(frozen=True)
class Form:
    """A form as it is shown. Its `key` makes sending it twice the same as sending it once."""

    name: str
    fields: Sequence[Field]
    key: str
    error: str = ""
    asks: bool = False

    @property
    def has_files(self) -> bool:
        return any(field.kind == "photos" for field in self.fields)

    @property
    def wrong(self) -> Sequence[Field]:
        """The fields in error, for the summary on top."""
        flat = [f for one in self.fields for f in (one, *(cell for row in one.rows for cell in row))]
        return [one for one in flat if one.error]


@dataclass(frozen=True)
class Said:
    """What somebody sent: text by field name, as typed."""

    values: Mapping[str, str] = field(default_factory=dict)

    def rows(self, name: str) -> list[dict[str, str]]:
        """The rows of a table of lines whose first column was typed: the part, as a rule."""
        found: dict[int, dict[str, str]] = {}
        for path, value in self.values.items():
            head, _, rest = path.partition(".")
            index, _, column = rest.partition(".")
            if head == name and index.isdecimal():
                found.setdefault(int(index), {})[column] = value
        return [row for _, row in sorted(found.items()) if next(iter(row.values()), "")]

    def renewed(self, initial: "Said") -> "Said":
        """As typed, with what nobody types as it is now."""
        return Said({**self.values, **{name: initial.values[name] for name in RENEWED & initial.values.keys()}})

    def put(self, swap: str) -> "Said":
        """With one part in another's place, `OLD=NEW`, in every line; or one line more, `=NEW`."""
        old, _, new = swap.partition("=")
        if old:
            swapped = {path: new for path, value in self.values.items() if path.endswith(".part") and value == old}
            return Said({**self.values, **swapped})
        rows = [*(row for row in self.rows("lines") if row["part"] != new), {"part": new, "quantity": "1"}]
        others = {path: value for path, value in self.values.items() if not path.startswith("lines.")}
        return Said(
            {**others, **{f"lines.{n}.{name}": cell for n, row in enumerate(rows) for name, cell in row.items()}}
        )


def initial(model: type[BaseModel], values: Mapping[str, Any], language: Language) -> Said:
    """What a form says before anybody typed: the model's defaults, and nested values that are known."""
    return Said({**_defaults(model), **dict(_flat("", values, language))})


def _flat(path: str, value: Any, language: Language) -> Iterable[tuple[str, str]]:
    match value:
        case Mapping():
            for name, inner in value.items():
                yield from _flat(f"{path}.{name}" if path else name, inner, language)
        case list() | tuple():
            for index, inner in enumerate(value):
                yield from _flat(f"{path}.{index}", inner, language)
        case datetime():
            yield path, f"{language.local(value):%Y-%m-%dT%H:%M}"
        case bool():
            yield path, "on" if value else ""
        case None:
            yield path, ""
        case _:
            yield path, str(value)


def read(model: type[BaseModel], said: Said, language: Language) -> BaseModel:
    """The message that was typed. Raises pydantic's ValidationError."""
    return model.model_validate(_content(model, said, language, ""))


def _content(model: type[BaseModel], said: Said, language: Language, prefix: str) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        kind, inner, path = kind_of(name, info), plain(info.annotation), prefix + name
        typed = said.values.get(path, "").strip()
        if kind == "fixed":
            continue
        if kind == "group":
            content[name] = _content(inner, said, language, path + ".")
        elif kind == "photos":
            content[name] = typed.split()
        elif kind == "rows":
            content[name] = [_row(row_model(info), row, language) for row in said.rows(path)]
        elif kind == "several":
            content[name] = [one for one in several_of(info) if said.values.get(f"{path}.{one}")]
        elif kind in ("check", "confirm"):
            content[name] = bool(typed)
        elif kind == "instant" and typed:
            content[name] = _instant(typed, language)
        elif typed or info.is_required():
            content[name] = typed
    return content


def _row(model: type[BaseModel], row: Mapping[str, str], language: Language) -> dict[str, Any]:
    kinds = {name: kind_of(name, info) for name, info in model.model_fields.items()}
    return {
        name: _instant(typed, language) if kinds.get(name) == "instant" else typed
        for name, typed in row.items()
        if typed.strip()
    }


def _instant(typed: str, language: Language) -> str | datetime:
    """A date and time as browsers send it is meant in the reader's zone."""
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=language.zone)
    except ValueError:
        return typed


def build(
    name: str,
    model: type[BaseModel],
    language: Language,
    choices: Choices,
    said: Said,
    *,
    invalid: ValidationError | None = None,
    key: str | None = None,
    error: str = "",
    asks: bool = False,
    more_rows: int = 0,
    hidden: Container[str] = (),
    beside: Mapping[str, str] = MappingProxyType({}),
) -> Form:
    """A form for `model`, showing what was `said` and what was wrong with it, `beside` its fields what was refused
    because of them; `hidden` fields are left out."""
    errors = {**(_errors(invalid, language) if invalid else {}), **beside}
    maker = _Maker(name, language, choices, said, errors, more_rows)
    fields = tuple(one for one in maker.fields(model) if one.name not in hidden)
    return Form(name, fields, key or uuid4().hex, error, asks)


def _defaults(model: type[BaseModel], prefix: str = "") -> dict[str, str]:
    values: dict[str, str] = {}
    for name, info in model.model_fields.items():
        if kind_of(name, info) == "group":
            values |= _defaults(plain(info.annotation), f"{prefix}{name}.")
        elif isinstance(info.default, bool):
            values[prefix + name] = "on" if info.default else ""
        elif isinstance(info.default, str | int | Decimal):
            values[prefix + name] = str(info.default)
    return values


@dataclass(frozen=True)
class _Maker:
    form: str
    language: Language
    choices: Choices
    said: Said
    errors: Mapping[str, str]
    more_rows: int

    def fields(self, model: type[BaseModel], prefix: str = "") -> Iterable[Field]:
        for name, info in model.model_fields.items():
            match kind_of(name, info):
                case "fixed":
                    continue
                case "group":
                    yield from self.fields(plain(info.annotation), f"{prefix}{name}.")
                case "rows":
                    yield self._table(prefix + name, info)
                case "several":
                    yield self._several(prefix + name, info)
                case _:
                    yield self._field(prefix + name, name, info, self.said.values)

    def _field(self, path: str, name: str, info: FieldInfo, values: Mapping[str, str], value: str = "") -> Field:
        least, most = _bounds(info)
        made = Field(
            name=path,
            kind=kind_of(name, info),
            label=self._word("field", path, name),
            help=self._word("help", path, ""),
            required=info.is_required() or info.default not in (None, "", ()),
            value=values.get(path, value),
            error=self.errors.get(path, ""),
            least=least,
            most=most,
        )
        if made.kind not in ("select", "scale", "text", "line", "photos"):
            return made
        offered = self.choices.get(name) or self._members(name, info)
        if offered and made.kind in ("text", "line"):
            made = replace(made, kind="select")
        return replace(made, choices=offered)

    def _table(self, path: str, info: FieldInfo) -> Field:
        columns = row_model(info).model_fields
        rows = self.said.rows(path)
        fixed = not FIXED.isdisjoint(columns)
        more = not fixed and len(rows) < MOST_ROWS and (self.more_rows or not rows)
        blank: list[dict[str, str]] = [{}] if more else []
        return Field(
            name=path,
            kind="received" if fixed else "rows",
            label=self._word("field", path, path),
            help=self._word("help", path, ""),
            required=info.is_required(),
            error=self.errors.get(path, ""),
            rows=tuple(
                tuple(self._cell(f"{path}.{index}.", column, inner, row) for column, inner in columns.items())
                for index, row in enumerate([*rows, *blank])
            ),
        )

    def _several(self, path: str, info: FieldInfo) -> Field:
        """A box for each; those that are ticked have their own names after a dot."""
        members = several_of(info)
        ticked = [member for member in members if self.said.values.get(f"{path}.{member}")]
        return Field(
            name=path,
            kind="several",
            label=self._word("field", path, path),
            help=self._word("help", path, ""),
            required=info.is_required(),
            value=" ".join(ticked),
            error=self.errors.get(path, ""),
            choices=[Choice(member.value, self.language.label(member)) for member in members],
        )

    def _cell(self, prefix: str, column: str, info: FieldInfo, row: Mapping[str, str]) -> Field:
        default = "" if info.is_required() or info.default in (None, ()) else str(info.default)
        cell = self._field(
            prefix + column, column, info, {prefix + column: row[column]} if column in row else {}, default
        )
        return replace(cell, label=self._word("field", f"line.{column}", column), help="")

    def _members(self, name: str, info: FieldInfo) -> Sequence[Choice]:
        kind = plain(info.annotation)
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return [Choice(member.value, self.language.label(member)) for member in kind]
        if kind_of(name, info) == "scale":
            return [Choice(str(n), self.language.word(name, str(n))) for n in range(1, SCALE + 1)]
        return ()

    def _word(self, kind: str, path: str, otherwise: str) -> str:
        """The words for this form's field, else for every field of that name."""
        for code in (f"{self.form}.{path}", path):
            if self.language.has(kind, code):
                return self.language.word(kind, code)
        return self.language.word(kind, otherwise) if otherwise else ""


def kind_of(name: str, info: FieldInfo) -> str:
    """How a field is typed in."""
    kind = plain(info.annotation)
    if get_origin(kind) is Literal:
        return "confirm" if get_args(kind) == (True,) else "fixed"
    if get_origin(kind) is tuple:
        if name == "photos":
            return "photos"
        inner = plain(get_args(kind)[0])
        return "codes" if inner is str else "several" if issubclass(inner, StrEnum) else "rows"
    least, most = _bounds(info)
    return next(
        found
        for found, fits in (
            ("hidden", name in HIDDEN),
            ("group", isinstance(kind, type) and issubclass(kind, BaseModel)),
            ("select", isinstance(kind, type) and issubclass(kind, StrEnum)),
            ("check", kind is bool),
            ("instant", kind in (datetime, AwareDatetime)),
            ("date", kind is date),
            ("scale", kind is int and (least, most) == ("1", str(SCALE))),
            ("number", kind is int),
            ("decimal", kind is Decimal),
            ("line", name in SHORT or _longest(info) <= 200),
            ("text", True),
        )
        if fits
    )


def plain(annotation: Any) -> Any:
    """The type without `| None` and without what is annotated to it."""
    if get_origin(annotation) in (Union, UnionType):
        return plain(next(kind for kind in get_args(annotation) if kind is not type(None)))
    if hasattr(annotation, "__metadata__"):
        return plain(annotation.__origin__)
    return annotation


def several_of(info: FieldInfo) -> Sequence[StrEnum]:
    """What a field of several may hold."""
    return list(get_args(plain(info.annotation))[0])


def row_model(info: FieldInfo) -> type[BaseModel]:
    model: type[BaseModel] = get_args(plain(info.annotation))[0]
    return model


def _limits(info: FieldInfo) -> list[Any]:
    """What is annotated to a field, or to what it is if it is not None."""
    inner = [kind for kind in get_args(info.annotation) if hasattr(kind, "__metadata__")]
    return [*info.metadata, *(limit for kind in inner for limit in kind.__metadata__)]


def _bounds(info: FieldInfo) -> tuple[str | None, str | None]:
    least = next((str(m.ge if isinstance(m, Ge) else m.gt) for m in _limits(info) if isinstance(m, Ge | Gt)), None)
    return least, next((str(m.le) for m in _limits(info) if isinstance(m, Le)), None)


def _longest(info: FieldInfo) -> int:
    return min((most for m in _limits(info) if (most := getattr(m, "max_length", None))), default=LONG)


def _errors(invalid: ValidationError, language: Language) -> dict[str, str]:
    """What is wrong, by field name, in words that say what to do."""
    errors: dict[str, str] = {}
    for error in invalid.errors():
        place = [str(step) for step in error["loc"]]
        while len(place) > 1 and place[-1].isdecimal():  # one of several codes
            place.pop()
        path = ".".join(place)
        codes = (f"{place[-1] if place else ''}.{error['type']}", error["type"], "other")
        code = next(code for code in codes if language.has("error", code) or code == "other")
        errors.setdefault(path, language.word("error", code) % error.get("ctx", {}))
    return errors

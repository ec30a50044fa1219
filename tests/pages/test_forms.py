"""Every decision has a form; what was typed becomes the decision, or comes back with what is wrong."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from api.i18n import FOLDERS, Language, languages
from api.pages import forms
from api.pages.forms import Choice, Said
from database.applications import Application
from domain.decisions import DECISIONS
from domain.order_decisions import (
    AnswerWorks,
    Approve,
    BookAppointment,
    Completion,
    HandOver,
    Pack,
    Quote,
    Refuse,
    ReportFitted,
)
from domain.purchase_decisions import ReceiveGoods
from domain.shared_decisions import SettleClaim

MODELS: dict[str, type[BaseModel]] = {str(action): model for action, model in DECISIONS.items()} | {
    "apply": Application
}
PARTS = {"part": [Choice("P1", "Motor"), Choice("P2", "Switch")]}


def language(code: str = "en") -> Language:
    return languages("Asia/Shanghai")[code]


def read(model: type[BaseModel], **values: str) -> Any:
    return forms.read(model, Said({name.replace("__", "."): value for name, value in values.items()}), language())


def errors(model: type[BaseModel], **values: str) -> dict[str, str]:
    """What is said beside which field."""
    said = Said({name.replace("__", "."): value for name, value in values.items()})
    with pytest.raises(ValidationError) as raised:
        forms.read(model, said, language())
    form = forms.build("form", model, language(), PARTS, said, invalid=raised.value)
    return {field.name: field.error for field in form.wrong}


@pytest.mark.parametrize("code", FOLDERS)
@pytest.mark.parametrize("name", MODELS)
def test_every_field_is_labelled_and_told_apart(name: str, code: str) -> None:
    form = forms.build(name, MODELS[name], language(code), PARTS, forms.initial(MODELS[name], {}, language(code)))
    fields = [cell for field in form.fields for cell in (field, *(cell for row in field.rows for cell in row))]
    assert all(field.label and field.label != field.name for field in fields)
    assert len({field.id for field in fields}) == len(fields)


def test_every_required_field_left_empty_is_named() -> None:
    for name, model in MODELS.items():
        form = forms.build(name, model, language(), PARTS, Said({}))
        wanted = {field.name for field in form.fields if field.kind == "confirm"}
        wanted |= {name for name, info in model.model_fields.items() if info.is_required() and name != "customer"}
        try:
            forms.read(model, Said({}), language())
        except ValidationError as invalid:
            wrong = forms.build(name, model, language(), PARTS, Said({}), invalid=invalid).wrong
            assert wanted <= {field.name for field in wrong}
        else:
            assert not wanted


def test_lines_are_read_in_their_order_and_empty_ones_left_out() -> None:
    quote = read(
        Quote,
        lines__0__part="P1",
        lines__0__quantity="2",
        lines__1__part="",
        lines__1__quantity="1",
        lines__2__part="P2",
    )
    assert [(line.part, line.quantity) for line in quote.lines] == [("P1", 2), ("P2", 1)]


def test_a_line_in_error_keeps_what_was_typed() -> None:
    said = Said({"lines.0.part": "", "lines.1.part": "P2", "lines.1.quantity": "0"})
    with pytest.raises(ValidationError) as raised:
        forms.read(Quote, said, language())
    form = forms.build("quote", Quote, language(), PARTS, said, invalid=raised.value)
    [[part, quantity, *_]] = form.fields[0].rows
    assert (part.value, quantity.value, quantity.error) == ("P2", "0", "1 or more.")


def test_another_line_adds_one_and_keeps_the_others() -> None:
    said = Said({"lines.0.part": "P1", "lines.0.quantity": "3"})
    rows = forms.build("quote", Quote, language(), PARTS, said, more_rows=1).fields[0].rows
    assert [[cell.value for cell in row] for row in rows] == [["P1", "3", "", ""], ["", "1", "", ""]]


def test_a_successor_takes_its_predecessors_place_and_a_hint_becomes_a_line() -> None:
    said = Said({"lines.0.part": "OLD", "lines.0.quantity": "3", "lines.1.part": "P2", "note": "kept"})
    swapped = said.put("OLD=NEW")
    assert swapped.values == {**said.values, "lines.0.part": "NEW"}
    more = swapped.put("=P3")
    assert [row["part"] for row in more.rows("lines")] == ["NEW", "P2", "P3"]
    assert more.values["note"] == "kept"
    assert more.put("=P3").rows("lines") == more.rows("lines"), "a second press adds nothing"


def test_received_lines_are_those_ordered() -> None:
    known = {"lines": [{"part": "P1", "counted": 4, "noted": 4}]}
    [_, lines, _] = forms.build(
        "receive_goods", ReceiveGoods, language(), PARTS, forms.initial(ReceiveGoods, known, language())
    ).fields
    assert lines.kind == "received"
    assert [cell.value for cell in lines.rows[0]] == ["P1", "4", "4", "", ""]


def test_times_are_those_of_the_reader() -> None:
    visit = read(BookAppointment, technician="technician", starts_at="2026-11-27T18:00", minutes="90")
    assert visit.starts_at == datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
    said = forms.initial(BookAppointment, {"starts_at": visit.starts_at}, language())
    assert said.values["starts_at"] == "2026-11-27T18:00"


def test_what_a_field_is_typed_in() -> None:
    kinds = {
        field.name: field.kind
        for model in (BookAppointment, Pack, HandOver, Refuse, AnswerWorks, Approve, SettleClaim, ReportFitted)
        for field in forms.build("form", model, language(), PARTS, Said({})).fields
    }
    assert kinds == {
        "technician": "line", "starts_at": "instant", "minutes": "number", "carrier": "line", "weight_kg": "decimal",
        "waybill": "line", "reason": "select", "explanation": "text", "satisfaction": "scale", "remark": "text",
        "customer_data": "confirm", "fault_and_part": "confirm", "warranty": "confirm", "company_policy": "confirm",
        "customer_data_reason": "text", "fault_and_part_reason": "text", "warranty_reason": "text",
        "company_policy_reason": "text", "note": "text", "claim": "number", "amount": "decimal", "completion": "select",
        "customer_instructed": "check",
        "report": "text", "serials": "codes",
    }  # fmt: skip


def test_offered_choices_make_a_field_a_choice() -> None:
    form = forms.build("pack", Pack, language(), {"carrier": [Choice("sf", "SF")]}, Said({}))
    assert form.fields[0].kind == "select"


def test_checks_left_open_are_false_and_money_is_exact() -> None:
    assert read(ReportFitted, completion="fitted_and_tested").customer_instructed is False
    assert read(ReportFitted).completion is Completion.FITTED_AND_TESTED
    assert read(SettleClaim, claim="1", amount="12.50", explanation="x").amount == Decimal("12.50")


@pytest.mark.parametrize(
    ("model", "values", "wrong"),
    [
        (Refuse, {"explanation": "x"}, {"reason": "Choose one of these."}),
        (Refuse, {"reason": "other", "explanation": " "}, {"explanation": "Please fill this in."}),
        (AnswerWorks, {"satisfaction": "many"}, {"satisfaction": "Write a whole number, such as 2."}),
        (
            SettleClaim,
            {"claim": "1", "amount": "a lot", "explanation": "x"},
            {"amount": "Write a number, such as 12.50."},
        ),
        (Pack, {"weight_kg": "0"}, {"weight_kg": "More than 0."}),
        (HandOver, {"waybill": "??"}, {"waybill": "4 to 40 letters, digits or hyphens."}),
        (BookAppointment, {"technician": "t", "starts_at": "soon"}, {"starts_at": "Choose a date and a time."}),
        (Quote, {}, {"lines": "Add at least one line."}),
        (
            Application,
            {"customer__name": "王芳", "customer__phone": "call me", "fault": "x"},
            {"customer.phone": "Write the number with digits, such as 138 1234 5678."},
        ),
    ],
)
def test_errors_say_what_to_do(model: type[BaseModel], values: dict[str, str], wrong: dict[str, str]) -> None:
    assert errors(model, **values) == wrong

"""What is said of time can be counted on from: a step that can't would be tried again for ever."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any, get_args

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from api.v1.absences import Away
from domain.contracts import ContractTerms, PaperTerms, QualificationProof
from domain.decisions import DECISIONS

FAR = ("0001-01-01", "1999-12-31", "2100-01-02", "9999-12-31")


def kinds(annotation: Any) -> Iterator[Any]:
    """A type, and all that it is made of."""
    yield annotation
    for inner in get_args(annotation):
        yield from kinds(inner)


def said_of_time(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        made_of = [kind for kind in kinds(field.annotation) if isinstance(kind, type)]
        if any(kind.__name__ == "AwareDatetime" or issubclass(kind, date) for kind in made_of):
            yield f"{model.__name__}.{name}", Annotated[field.annotation, name, *field.metadata]
        for inner in made_of:
            if issubclass(inner, BaseModel):
                yield from said_of_time(inner)


MODELS: list[type[BaseModel]] = [*DECISIONS.values(), Away, ContractTerms, PaperTerms, QualificationProof]
OF_TIME = dict(each for model in MODELS for each in said_of_time(model))


def test_there_is_something_of_time() -> None:
    assert {"MoveDue.due", "BookAppointment.starts_at", "Bid.valid_until", "Away.since"} <= OF_TIME.keys()


@pytest.mark.parametrize("day", FAR)
@pytest.mark.parametrize("name", OF_TIME)
def test_only_years_of_our_time_are_understood(name: str, day: str) -> None:
    of_time = TypeAdapter[date | datetime](OF_TIME[name])
    with pytest.raises(ValidationError, match="not_of_our_time"):
        of_time.validate_python(day if "valid" in name or "expires" in name else f"{day}T12:00:00+08:00")


@pytest.mark.parametrize("name", OF_TIME)
def test_today_is(name: str) -> None:
    of_time = TypeAdapter[date | datetime](OF_TIME[name])
    assert of_time.validate_python("2026-11-27" if "valid" in name or "expires" in name else "2026-11-27T12:00:00Z")

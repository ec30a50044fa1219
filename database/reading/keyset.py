"""Paging by the last row seen: stable while rows are added, and as fast on the last page as on the first."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import BaseModel

from domain.stages import Refusal

Row = TypeVar("Row")


class Page(BaseModel, Generic[Row]):
    """Some rows of a list. `next` is the cursor of the following page, null on the last."""

    items: list[Row]
    next: str | None


class Cursor(BaseModel):
    """The last row seen of a list sorted in a certain way."""

    sort: str
    at: datetime | None
    number: str

    def __str__(self) -> str:
        return urlsafe_b64encode(self.model_dump_json().encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str | None, sort: str) -> "Cursor | None":
        """Raises Refusal `invalid_cursor` if it is not one, or of another list."""
        if text is None:
            return None
        try:
            cursor = cls.model_validate_json(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except ValueError as error:
            raise Refusal("invalid_cursor", "this is no cursor") from error
        if cursor.sort != sort:
            raise Refusal("invalid_cursor", "this cursor is of a list with other filters")
        return cursor

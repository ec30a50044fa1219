"""What the pages of lists have in common: addresses that keep what is asked, tabs, and the way to what follows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from api.i18n import Language

Tab = Mapping[str, Any]


@dataclass(frozen=True)
class Listing:
    """A list at `path` as it is asked for now; what is empty is not asked."""

    path: str
    asked: Mapping[str, str | None]

    def address(self, **changed: str | None) -> str:
        said = {name: value for name, value in {**self.asked, **changed}.items() if value}
        return f"{self.path}?{urlencode(said)}" if said else self.path

    def tabs(self, names: Mapping[str, str]) -> list[Tab]:
        """One for each value of `which` that has a name."""
        return [
            {"url": self.address(which=code), "text": name, "current": code == self.asked["which"]}
            for code, name in names.items()
        ]

    def following(self, cursor: str | None) -> str:
        """Where the rows after these are; empty if these are the last."""
        return self.address(cursor=cursor) if cursor else ""


def to_do(words: Language, **more: str) -> dict[str, str]:
    """The tabs of a list of documents."""
    return {"mine": words.text("For me to do"), "overdue": words.text("Overdue"), **more, "all": words.text("All")}

"""Keeps the catalogues complete: `python scripts/messages.py` adds what the pages say and takes out what they don't.

New entries come without words; the tests fail until somebody has written them, in both languages.
"""

# ruff: noqa: T201
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from babel.messages.catalog import Catalog  # noqa: E402
from babel.messages.extract import extract_from_dir  # noqa: E402
from babel.messages.pofile import read_po, write_po  # noqa: E402

from api.i18n import FOLDERS, catalogue  # noqa: E402
from api.pages.codes import all_codes  # noqa: E402

METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "text": None, "count": (1, 2)}
OPTIONAL = ("help", "explain", "press", "detail", "category", "error", "problem", "field")
"""Kinds with words that are looked up and may be missing; those that are written stay."""

Message = tuple[str | None, str | tuple[str, ...]]


def sentences() -> Iterator[Message]:
    """What templates and pages say in whole sentences, by themselves in English."""
    for _, _, message, _, _ in extract_from_dir(ROOT / "api", METHODS, keywords=KEYWORDS):
        yield None, message


def read(language: str) -> Catalog:
    path = catalogue(language)
    if not path.exists():
        return Catalog(locale=FOLDERS[language], domain="huanjian")
    with path.open("rb") as file:
        return read_po(file, locale=FOLDERS[language], domain="huanjian")


def wanted(language: str) -> set[Message]:
    """Everything a language must have words for; English sentences are their own words."""
    codes: set[Message] = set(all_codes())
    return codes if language == "en" else codes | set(sentences())


def missing(language: str) -> list[Message]:
    """What has no words in a language."""
    written = read(language)
    found = {key: written.get(_id(key[1]), key[0]) for key in wanted(language)}
    return sorted(
        (key for key, entry in found.items() if entry is None or not entry.string or entry.string == ("",)), key=str
    )


def _id(message: str | Sequence[str]) -> str:
    return message if isinstance(message, str) else message[0]


def main() -> None:
    for language in FOLDERS:
        old = read(language)
        new = Catalog(
            locale=FOLDERS[language],
            domain="huanjian",
            header_comment="# What Huanjian's pages say.",
            project="Huanjian",
            version="1",
            last_translator="",
            language_team="",
            creation_date=old.creation_date,
            revision_date=old.revision_date,
            charset="utf-8",
            fuzzy=False,
        )
        kept = {(entry.context, entry.id) for entry in old if entry.context in OPTIONAL}
        for context, message in sorted(wanted(language) | kept, key=lambda key: (key[0] or "", str(key[1]))):
            entry = old.get(_id(message), context)
            new.add(message, entry.string if entry else "", context=context)
        catalogue(language).parent.mkdir(parents=True, exist_ok=True)
        with catalogue(language).open("wb") as file:
            write_po(file, new, omit_header=False, width=120, ignore_obsolete=True)
        for context, message in missing(language):
            print(f"{language}: no words for {f'{context} ' if context else ''}{message!r}")


if __name__ == "__main__":
    main()

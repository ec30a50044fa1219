"""From what a document says to a PDF that prints on A4: headings, facts, tables and lines to sign on.

The text is set by Typst from `templates/sheet.typ`. Whatever people typed reaches it as data and is never read as
markup. The font is embedded, as far as its letters are used, so that Chinese prints everywhere.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

import typst
from starlette.responses import Response

from api.i18n import Language

_ROOT: Final = Path(__file__).parent
_TEMPLATE: Final = _ROOT / "templates" / "sheet.typ"
_FONTS: Final = _ROOT / "static" / "vendor"


@dataclass(frozen=True)
class Column:
    """A column of a table; numbers stand to the right. `share` is its width as a part of what the others leave over;
    0 takes what its text needs."""

    text: str
    number: bool = False
    share: int = 0


@dataclass(frozen=True)
class Table:
    """Rows under columns; `total` is a last row in bold."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    title: str = ""
    total: Sequence[str] = ()


@dataclass(frozen=True)
class Sheet:
    """A document as it is printed; `at` is when it came to say what it says. `facts` are labels with what they say,
    `notes` titles with their text; `signatures` are lines to sign on; `foot` stands at the foot of each page, beside
    its number."""

    title: str
    number: str
    at: datetime
    facts: Sequence[tuple[str, str]] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[tuple[str, str]] = ()
    signatures: Sequence[str] = ()
    foot: str = ""


def pdf(sheet: Sheet, language: Language) -> bytes:
    """The sheet as a PDF/A. Takes a tenth of a second: don't call it on the event loop."""
    said = json.dumps({**asdict(sheet), "at": "", "language": language.code})
    printed = _press().compile(
        sys_inputs={"sheet": said}, pdf_standards="a-2a", timestamp=sheet.at.replace(microsecond=0)
    )
    assert isinstance(printed, bytes)
    return printed


@lru_cache
def _press() -> typst.Compiler:
    return typst.Compiler(_TEMPLATE, font_paths=[_FONTS], ignore_system_fonts=True)


async def answer(sheet: Sheet, language: Language) -> Response:
    """The PDF as a browser shows it; saved, it is called by the sheet's number."""
    printed = await asyncio.to_thread(pdf, sheet, language)
    named = {"Content-Disposition": f'inline; filename="{sheet.number}.pdf"', "Cache-Control": "no-store"}
    return Response(printed, media_type="application/pdf", headers=named)

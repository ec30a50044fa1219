"""What a customer's letter says that can be told without understanding it: codes, telephone numbers, name, address."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

MOST_CODES: Final = 200
_CODE: Final = re.compile(r"[A-Z0-9][A-Z0-9-]{3,62}[A-Z0-9]")
_PHONE: Final = re.compile(
    r"(?<![\d-])(?:(?:\+?86[- ]?)?(1[3-9]\d[- ]?\d{4}[- ]?\d{4})|(0\d{2,3}[- ]\d{4}[- ]?\d{3,4}))(?![\d-])"
)
_LABELLED: Final = {
    "name": re.compile(r"^\W*(?:姓名|联系人|聯絡人|name|contact) ?: ?(.{1,60}?)\s*$", re.I | re.M),
    "address": re.compile(r"^\W*(?:.{0,4}地址|住址|(?:postal )?address) ?: ?(.{4,190}?)\s*$", re.I | re.M),
}
_CHINESE: Final = re.compile(r"[一-鿿]")
_DASHES: Final = str.maketrans(dict.fromkeys("‐‑‒–—−－﹣", "-"))


@dataclass(frozen=True)
class Letter:
    """`codes` may be serial numbers or models, in capitals; `phones` are without spaces."""

    codes: tuple[str, ...]
    phones: tuple[str, ...]
    name: str
    address: str
    language: str


def read_letter(text: str) -> Letter:
    """Reads subject and text; full-width letters and every kind of dash are the plain ones."""
    plain = unicodedata.normalize("NFKC", text).translate(_DASHES)
    said = {what: found[1].strip() if (found := label.search(plain)) else "" for what, label in _LABELLED.items()}
    return Letter(
        codes=tuple(dict.fromkeys(_CODE.findall(plain.upper())))[:MOST_CODES],
        phones=tuple(dict.fromkeys(re.sub(r"[- ]", "", one or other) for one, other in _PHONE.findall(plain))),
        name=said["name"],
        address=said["address"],
        language="zh" if _CHINESE.search(plain) else "en",
    )

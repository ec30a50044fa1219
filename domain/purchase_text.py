"""The purchase order in words: the text that the supplier is shown and signs (policy 3.2.2).

Each line is a name, a colon and what is said of it, as in a quotation. The text is kept with its digest.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

LANGUAGES: Final = ("zh", "en")
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "zh": {
        "number": "采购订单号", "supplier": "供应商", "deliver_by": "交货时间", "place": "交货地点", "part": "备件",
        "line": "{name}（{code}），规格：{specification}，{quantity} {unit}，单价 {price}，金额 {amount}",
        "total": "合计", "terms": "条款", "colon": "：", "money": "¥{amount:,.2f}", "at": "%Y 年 %m 月 %d 日 %H:%M",
    },
    "en": {
        "number": "Purchase order", "supplier": "Supplier", "deliver_by": "To be delivered by", "place": "Deliver to",
        "part": "Part",
        "line": "{name} ({code}), specification {specification}, {quantity} {unit} at {price}, {amount}",
        "total": "Total", "terms": "Terms", "colon": ": ", "money": "CN¥{amount:,.2f}", "at": "%a %d %b %Y, %H:%M",
    },
}  # fmt: skip


@dataclass(frozen=True)
class OrderedLine:
    """A part as it is ordered; names by language, yuan a piece."""

    part: str
    name: Mapping[str, str]
    specification: str
    quantity: int
    unit: str
    price: Decimal


@dataclass(frozen=True)
class PurchaseText:
    """Everything that a purchase order states. Times are those of `zone`; names and terms go by language."""

    number: str
    supplier: Mapping[str, str]
    lines: Sequence[OrderedLine]
    deliver_by: datetime
    place: Mapping[str, str]
    terms: Mapping[str, str]
    zone: ZoneInfo

    def texts(self) -> dict[str, str]:
        """The text in each language."""
        return {language: "\n".join(self._lines(language)) for language in LANGUAGES}

    def _lines(self, language: str) -> Iterator[str]:
        words = _WORDS[language]

        def money(amount: Decimal) -> str:
            return words["money"].format(amount=amount)

        def line(name: str, said: str) -> str:
            return f"{words[name]}{words['colon']}{said}"

        yield line("number", self.number)
        yield line("supplier", self.supplier[language])
        yield line("deliver_by", self.deliver_by.astimezone(self.zone).strftime(words["at"]))
        yield line("place", self.place[language])
        for one in self.lines:
            said = words["line"].format(
                name=one.name[language],
                code=one.part,
                specification=one.specification,
                quantity=one.quantity,
                unit=one.unit,
                price=money(one.price),
                amount=money(one.price * one.quantity),
            )
            yield line("part", said)
        yield line("total", money(sum((one.price * one.quantity for one in self.lines), Decimal("0.00"))))
        yield line("terms", self.terms[language])

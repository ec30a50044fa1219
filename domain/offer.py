"""The quotation in the customer's words: the text that is shown, and that consent is given to (policy 2.2.2).

Each line is a name, a colon and what is said of it. The text is kept with its digest, so it says everything itself.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Final
from zoneinfo import ZoneInfo

from domain.order_decisions import LineRefusal
from domain.quoting import Because, Charge, Costs, Expected, Sureness

LANGUAGES: Final = ("zh", "en")

_ZH: Final[Mapping[str, str]] = {
    "again": "再次征求您的意见",
    Because.COST: "您需支付的金额高于您此前同意的金额（原为 {before}）。",
    Because.DATE: "供应商交期推迟，送达时间晚于此前告知您的时间（原为最晚 {before}）。",
    "expected": "预计送达",
    "range": "{first} 至 {last}",
    "sure": "把握程度",
    Sureness.IN_STOCK: "较高，备件均有现货",
    Sureness.SUPPLIER_CONFIRMED: "较高，供应商已书面确认交期",
    Sureness.ESTIMATE: "估计，备件需采购，供应商尚未确认交期",
    "part": "更换备件",
    Charge.WARRANTY: "{price}，保修承担",
    Charge.GOODWILL: "{price}，公司优惠承担",
    Charge.CUSTOMER: "{price}，由您承担",
    "refused": "不予更换",
    LineRefusal.WEAR: "属正常磨损",
    LineRefusal.NOT_FAULTY: "该件没有故障",
    LineRefusal.MISUSE: "因使用不当损坏",
    LineRefusal.NOT_SUPPLIED: "该件已停止供应",
    LineRefusal.OTHER: "不符合更换条件",
    "parts": "备件费",
    "labour": "人工费",
    "travel": "上门费",
    "by_warranty": "保修承担",
    "by_goodwill": "公司优惠承担",
    "to_pay": "您需支付",
    "guarantee": "换件质保",
    "months": "{months} 个月，自安装之日起计算",
    "order": "换件申请单号",
    "colon": "：",
    "money": "¥{amount:,.2f}",
}
_EN: Final[Mapping[str, str]] = {
    "again": "We ask you again",
    Because.COST: "You would pay more than you agreed to ({before} before).",
    Because.DATE: "The supplier delivers later; the parts come later than we told you ({before} at the latest before).",
    "expected": "Expected with you",
    "range": "{first} to {last}",
    "sure": "How sure",
    Sureness.IN_STOCK: "fairly sure, every part is in stock",
    Sureness.SUPPLIER_CONFIRMED: "fairly sure, the supplier has confirmed its date in writing",
    Sureness.ESTIMATE: "an estimate, parts must be bought and the supplier has not confirmed a date yet",
    "part": "Part replaced",
    Charge.WARRANTY: "{price}, covered by the warranty",
    Charge.GOODWILL: "{price}, covered by us as goodwill",
    Charge.CUSTOMER: "{price}, paid by you",
    "refused": "Not replaced",
    LineRefusal.WEAR: "it is worn by normal use",
    LineRefusal.NOT_FAULTY: "it has no fault",
    LineRefusal.MISUSE: "it was damaged by improper use",
    LineRefusal.NOT_SUPPLIED: "it is no longer supplied",
    LineRefusal.OTHER: "it is no case for a replacement",
    "parts": "Parts",
    "labour": "Labour",
    "travel": "Travel",
    "by_warranty": "Covered by the warranty",
    "by_goodwill": "Covered by us as goodwill",
    "to_pay": "You pay",
    "guarantee": "Guarantee on the new parts",
    "months": "{months} months from the day they are fitted",
    "order": "Replacement order",
    "colon": ": ",
    "money": "CN¥{amount:,.2f}",
}
_WORDS: Final = {"zh": _ZH, "en": _EN}
_WEEKDAYS: Final = ("一", "二", "三", "四", "五", "六", "日")


@dataclass(frozen=True)
class OfferedLine:
    """A part as it is offered, or why it is not replaced; names by language."""

    name: Mapping[str, str]
    quantity: int
    amount: Decimal
    charge: Charge
    refused_for: LineRefusal | None = None


@dataclass(frozen=True)
class Again:
    """Why consent is asked again, and what was agreed: money to pay, or the latest date."""

    because: Because
    before: Decimal | datetime


@dataclass(frozen=True)
class Offer:
    """Everything that the customer is told. Days are those of `zone`."""

    order: str
    lines: Sequence[OfferedLine]
    costs: Costs
    expected: Expected
    guarantee_months: int
    zone: ZoneInfo
    again: Again | None = None

    def texts(self) -> dict[str, str]:
        """The text in each language."""
        return {language: "\n".join(self._lines(language)) for language in LANGUAGES}

    def _lines(self, language: str) -> Iterator[str]:
        words, costs = _WORDS[language], self.costs

        def money(amount: Decimal) -> str:
            return words["money"].format(amount=amount)

        def line(name: str, said: str) -> str:
            return f"{words[name]}{words['colon']}{said}"

        if self.again:
            before = self.again.before
            told = self._day(before, language) if isinstance(before, datetime) else money(before)
            yield line("again", words[self.again.because].format(before=told))
        yield line("expected", self._range(language))
        yield line("sure", words[self.expected.sure])
        yield line("to_pay", money(costs.to_pay))
        yield line("guarantee", words["months"].format(months=self.guarantee_months))
        for one in self.lines:
            name = f"{one.name[language]} × {one.quantity}"
            if one.refused_for:
                yield line("refused", f"{name} – {words[one.refused_for]}")
            else:
                yield line("part", f"{name} – {words[one.charge].format(price=money(one.amount))}")
        sums = {"parts": costs.parts, "labour": costs.labour, "travel": costs.travel}
        yield from (line(name, money(amount)) for name, amount in sums.items())
        borne = {"by_warranty": costs.warranty, "by_goodwill": costs.goodwill}
        yield from (line(name, f"−{money(amount)}") for name, amount in borne.items() if amount)
        yield line("order", self.order)

    def _range(self, language: str) -> str:
        first, last = (self._day(at, language) for at in (self.expected.earliest, self.expected.latest))
        return first if first == last else _WORDS[language]["range"].format(first=first, last=last)

    def _day(self, at: datetime, language: str) -> str:
        day: date = at.astimezone(self.zone).date()
        if language == "zh":
            return f"{day.year} 年 {day.month} 月 {day.day} 日（周{_WEEKDAYS[day.weekday()]}）"
        return f"{day:%a} {day.day} {day:%b %Y}"


def digest(text: str) -> bytes:
    """By which a text is known again, to the letter."""
    return sha256(text.encode()).digest()


def agreed_text(shown: Mapping[str, str], digest_seen: str | None, language: str) -> str | None:
    """The text among those `shown` that somebody saw, by its digest in hex; without one, that of their language.

    None if it was another text.
    """
    if digest_seen is None:
        return shown.get(language)
    return next((text for text in shown.values() if digest(text).hex() == digest_seen), None)


def rows(text: str) -> Iterable[tuple[str, str]]:
    """A shown text's lines, each as its name and what is said of it."""
    for line in text.splitlines():
        name, _, said = line.replace("：", ": ", 1).partition(": ")
        yield name, said.strip()

"""The quotation in words: what is agreed to is what was shown, to the letter (policy 2.2.2)."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from domain.offer import LANGUAGES, Again, Offer, OfferedLine, agreed_text, digest, rows
from domain.order_decisions import LineRefusal
from domain.quoting import Because, Charge, Costs, Expected, Sureness

EARLY, LATE = datetime(2026, 11, 26, 20, tzinfo=UTC), datetime(2026, 11, 30, 2, tzinfo=UTC)
COSTS = Costs(Decimal("276.00"), Decimal("80.00"), Decimal("50.00"), Decimal("148.00"), Decimal("0.00"))
MOTOR = OfferedLine({"zh": "风机电机", "en": "Fan motor"}, 1, Decimal("258.00"), Charge.CUSTOMER)
CAPACITOR = OfferedLine({"zh": "风机电容", "en": "Fan capacitor"}, 1, Decimal("18.00"), Charge.WARRANTY)
FILTER = OfferedLine({"zh": "油网", "en": "Filter"}, 2, Decimal("0.00"), Charge.CUSTOMER, LineRefusal.WEAR)


def offer(again: Again | None = None) -> Offer:
    when = Expected(EARLY, LATE, LATE, Sureness.ESTIMATE)
    return Offer("RO-1", (MOTOR, CAPACITOR, FILTER), COSTS, when, 6, ZoneInfo("Asia/Shanghai"), again)


def test_it_says_when_how_sure_how_much_and_how_long_it_is_guaranteed() -> None:
    english = dict(rows(offer().texts()["en"]))
    assert english["Expected with you"] == "Fri 27 Nov 2026 to Mon 30 Nov 2026", "the office's days, not Greenwich's"
    assert english["How sure"].startswith("an estimate")
    assert english["You pay"] == "CN¥258.00"
    assert english["Covered by the warranty"] == "−CN¥148.00"
    assert english["Guarantee on the new parts"] == "6 months from the day they are fitted"
    assert english["Not replaced"] == "Filter × 2 – it is worn by normal use"
    chinese = dict(rows(offer().texts()["zh"]))
    assert chinese["预计送达"] == "2026 年 11 月 27 日（周五） 至 2026 年 11 月 30 日（周一）"
    assert chinese["换件质保"] == "6 个月，自安装之日起计算"
    assert chinese["更换备件"] == "风机电容 × 1 – ¥18.00，保修承担"


def test_both_languages_say_the_same_lines() -> None:
    said = [[said for _, said in rows(text)] for text in offer().texts().values()]
    assert [len(lines) for lines in said] == [len(said[0])] * len(LANGUAGES)


def test_asked_again_it_says_why_and_what_it_was_before() -> None:
    dearer = offer(Again(Because.COST, Decimal("100.00"))).texts()
    assert "¥100.00" in dearer["zh"].splitlines()[0]
    later = offer(Again(Because.DATE, EARLY)).texts()
    assert "Fri 27 Nov 2026" in later["en"].splitlines()[0]


def test_what_was_seen_is_found_again_by_its_digest() -> None:
    texts = offer().texts()
    assert agreed_text(texts, digest(texts["en"]).hex(), "zh") == texts["en"]
    assert agreed_text(texts, None, "zh") == texts["zh"]
    assert agreed_text(texts, digest("something else").hex(), "zh") is None

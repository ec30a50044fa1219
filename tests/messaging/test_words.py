"""Every notice can be written, in every language, whatever is known of its order; what can't be is refused."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from database.notices import Wording, shipped
from domain.facts import SAMPLE, Facts, Named
from domain.notices import notices
from domain.stages import Role
from messaging.words import BOTH, Unusable, Words, check, write

ZONE = "Asia/Shanghai"
SHIPPED = {(notice, audience): words for notice, audience, words in shipped()}
FULL = SAMPLE.model_copy(
    update={
        "expected_from": datetime(2026, 11, 27, 1, tzinfo=UTC),
        "expected_to": datetime(2026, 11, 30, 9, tzinfo=UTC),
        "to_pay": Decimal("258.00"),
        "guarantee_months": 12,
        "carrier": Named(zh="顺丰速运", en="SF Express"),
        "waybill": "SF0000000000001",
        "arrives_at": datetime(2026, 11, 29, 2, tzinfo=UTC),
        "visit_from": datetime(2026, 11, 29, 6, tzinfo=UTC),
        "visit_to": datetime(2026, 11, 29, 7, tzinfo=UTC),
        "technician": "何强",
        "technician_phone": "15400000201",
        "outlet": Named(zh="西湖服务网点", en="Xihu service outlet"),
        "outlet_address": "杭州市西湖区示范路 12 号",
        "supplier": Named(zh="恒川示范电机有限公司", en="Hengchuan Motors"),
        "deliver_by": datetime(2026, 11, 30, 9, tzinfo=UTC),
        "promised_at": datetime(2026, 12, 2, 9, tzinfo=UTC),
        "due": datetime(2026, 11, 24, 9, tzinfo=UTC),
        "reason": "duplicate",
        "explanation": "已核实",
    }
)


def both(words: Wording) -> dict[str, Words]:
    return {
        "zh": Words(words.subject_zh, words.text_zh, words.sms_zh, words.sms_id_zh),
        "en": Words(words.subject_en, words.text_en, words.sms_en, words.sms_id_en),
    }


@pytest.mark.parametrize(("notice", "audience"), [*notices()])
@pytest.mark.parametrize("facts", [SAMPLE, FULL, Facts(number="PO-20261123-0017")], ids=["little", "all", "nothing"])
def test_every_notice_is_written_in_both_languages(notice: str, audience: Role, facts: Facts) -> None:
    words = both(SHIPPED[notice, audience])
    for one in words.values():
        check(one)
    chinese, english, mixed = (write(words, facts, language, ZONE) for language in ("zh", "en", BOTH))
    for written in (chinese, english):
        assert written.subject
        assert facts.number in written.body
        assert not {"{", "«", "None"} & {*written.body.split()}
        assert "{" not in written.body
        assert "«" not in written.body + written.subject
        assert "\n\n\n" not in written.body
    assert english.body != chinese.body
    assert mixed.body.index(chinese.body) < mixed.body.index(english.body)
    if audience is Role.CUSTOMER:
        assert facts.tracking_url in chinese.body
        for written in (chinese, english):
            assert written.sms is not None
            assert facts.number in written.sms.text
            assert set(written.sms.values) <= set(Facts.model_fields)
            assert all(value in written.sms.text for value in written.sms.values.values())


def test_instants_and_money_are_written_for_the_reader() -> None:
    words = {each: Words("s", "{{ due }} {{ to_pay }} {{ carrier }}") for each in ("zh", "en")}
    assert write(words, FULL, "zh", ZONE).body == "2026年11月24日 周二 17:00 ¥258.00 顺丰速运"
    assert write(words, FULL, "en", ZONE).body == "Tue 24 Nov 2026, 17:00 CN¥258.00 SF Express"


@pytest.mark.parametrize(
    ("body", "code", "what"),
    [
        ("{{ nubmer }} {{ colour }}", "template_name_unknown", "colour, nubmer"),
        ("{% for line in parts %}{{ line.price }}{% endfor %}", "template_name_unknown", "price"),
        ("one\n{% if number %}", "template_syntax", "2: "),
        ("{{ number }", "template_syntax", "1: "),
        ("{{ number * 1000000 }}", "template_not_allowed", "1: mul"),
        ("{{ number | length }}", "template_not_allowed", "1: filter"),
        ("{{ number.lower() }}", "template_not_allowed", "1: call"),
        ("{{ ''.__class__ }}", "template_name_unknown", "__class__"),
        ("{% set number = 1 %}", "template_not_allowed", "1: assign"),
        ("{% include 'x' %}", "template_not_allowed", "1: include"),
        ("x" * 8001, "template_too_long", "8000"),
    ],
)
def test_what_could_not_be_written_is_refused(body: str, code: str, what: str) -> None:
    with pytest.raises(Unusable) as refused:
        check(Words("subject", body))
    assert refused.value.code == code
    assert what in refused.value.what


def test_a_subject_is_one_line() -> None:
    for subject in ("", "  ", "one\ntwo"):
        with pytest.raises(Unusable) as refused:
            check(Words(subject, "body"))
        assert refused.value.code == "template_subject"


def test_an_sms_only_puts_facts_in() -> None:
    check(Words("s", "b", "{{ number }} ok"))
    with pytest.raises(Unusable):
        check(Words("s", "b", "{% if number %}{{ number }}{% endif %}"))


def test_a_fact_brings_no_line_into_the_subject() -> None:
    words = {each: Words("{{ customer }}", "b") for each in ("zh", "en")}
    facts = Facts(number="x", customer="a\r\nBcc: somebody@example.com")
    assert write(words, facts, "zh", ZONE).subject == "a Bcc: somebody@example.com"

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from carriers.accounts import open_carriers
from carriers.kuaidi100 import Kuaidi100
from carriers.protocol import (
    Account,
    AccountKind,
    BadSignature,
    Booking,
    Carrier,
    NoData,
    NotOffered,
    Recall,
    Waybill,
    masked,
    phone_last4,
)
from tests.carriers.serving import account
from tests.carriers.test_kuaidi100 import consignment

OWN = Account("own-van", AccountKind.MANUAL, min_spacing=timedelta(), calls_per_minute=1)


@pytest.fixture
async def van() -> Carrier:
    async with open_carriers([OWN]) as carriers:
        return carriers["own-van"]


async def test_the_keeper_s_number_is_the_waybill(van: Carrier) -> None:
    typed = replace(consignment(company="zhixian"), typed_number=" ZX-0042 ")
    assert await van.book(typed) == Booking(Waybill("ZX-0042", "zhixian", "5678"))
    assert await van.book(consignment()) == Booking(waybill=None)


async def test_what_nobody_answers_a_person_does(van: Carrier) -> None:
    parcel = Waybill("ZX-0042", "zhixian")
    assert await van.cancel(parcel, "客户取消") is Recall.BY_HAND
    assert await van.intercept(parcel, "客户取消") is Recall.BY_HAND
    with pytest.raises(NoData):
        await van.track(parcel)
    for call in (
        van.quote(consignment()),
        van.arrival(consignment(), datetime.now(UTC)),
        van.label(Booking(parcel)),
        van.subscribe(parcel, "http://127.0.0.1:9/push"),
    ):
        with pytest.raises(NotOffered, match="own-van"):
            await call
    with pytest.raises(BadSignature):
        van.parse_push(b"param=&sign=", "")


async def test_one_carrier_an_account() -> None:
    async with open_carriers([OWN, account("http://127.0.0.1:9")]) as carriers:
        assert {code: type(carrier).__name__ for code, carrier in carriers.items()} == {
            "own-van": "Manual",
            "demo": "Kuaidi100",
        }
        demo = carriers["demo"]
    with pytest.raises(RuntimeError, match="closed"):
        await demo.track(Waybill("SF1234567890123", "shunfeng"))
    assert isinstance(demo, Kuaidi100)


async def test_two_accounts_of_one_code() -> None:
    with pytest.raises(ValueError, match="own-van"):
        async with open_carriers([OWN, OWN]):
            pass


@pytest.mark.parametrize("field", ["poll_url", "label_url", "customer", "key", "secret", "salt", "push_token"])
def test_an_account_that_lacks_something(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        Account(**{**vars(account("http://127.0.0.1:9")), field: ""})


def test_a_push_token_that_can_be_guessed() -> None:
    with pytest.raises(ValueError, match="128 bits"):
        replace(account("http://127.0.0.1:9"), push_token="0123456789")


@pytest.mark.parametrize(
    ("phone", "last4"),
    [
        ("13800138001", "8001"),
        ("138 0013 8001", "8001"),
        ("+86 13800138001", "8001"),
        ("17000000000-1234", "1234"),
        ("0755-12345678", "5678"),
        ("0755-12345678-801", "5678"),
        ("0755-12345678转8012", "5678"),
        ("", ""),
    ],
)
def test_the_digits_a_carrier_checks(phone: str, last4: str) -> None:
    assert phone_last4(phone) == last4


def test_digits_are_blotted_out() -> None:
    assert masked("手机13800138001,运单SF6000000000001,错误301") == "手机…,运单SF…,错误301"

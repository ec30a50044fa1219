"""The register of suppliers: what counts on a day, what may be ordered, and what speaks against it (policy 3.1)."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from database import contracts
from database.policies import newest, timekeeper
from database.purchases import offers
from database.session import Sessions
from database.tables import Supplier
from domain.contracts import ContractTerms, Paper, QualificationProof
from domain.policy import Timekeeper
from domain.stages import Refusal
from domain.suppliers import Breach, PaperKind, Then

PART, NOW = "CXW-MOTOR-200", datetime.now(ZoneInfo("Asia/Shanghai"))
TODAY = NOW.date()


def terms(**changes: Any) -> ContractTerms:
    said = {
        "specification": "220 V 50 Hz 200 W",
        "quality_standard": "GB 4706.28; GB/T 2828.1 AQL 1.0",
        "price": "130.00",
        "lead_days": 7,
        "valid_from": TODAY,
        "valid_until": TODAY + timedelta(days=365),
        "payment_terms": "30 days",
    }
    return ContractTerms.model_validate(said | changes)


async def rules(session: AsyncSession) -> Timekeeper:
    return await timekeeper(session, await newest(session, "standard"))


async def asked(session: AsyncSession, quantity: int = 1, at: datetime = NOW) -> dict[str, Decimal]:
    """Who may be ordered from, and for what a piece."""
    return {offer.supplier: offer.price for offer in await offers(session, PART, quantity, await rules(session), at)}


async def agree(session: AsyncSession, supplier: str = "S01", version: int = 2, **changes: Any) -> bool:
    return await contracts.enter_contract(session, supplier, PART, version, terms(**changes), "buyer", NOW)


async def qualify(session: AsyncSession, supplier: str, version: int, since: date, until: date) -> None:
    proof = QualificationProof.model_validate(
        {"valid_from": since, "valid_until": until, "proof": "sample_test", "reference": "ST-1"}
    )
    await contracts.enter_qualification(session, supplier, PART, version, proof, "buyer", NOW)


async def found(session: AsyncSession, supplier: str, price: str, quantity: int = 1) -> set[Breach]:
    return set(await contracts.breaches(session, supplier, PART, quantity, Decimal(price), await rules(session), NOW))


@pytest.mark.clause("3.1.2")
async def test_a_price_break_applies_from_its_number_of_pieces_on(sessions: Sessions) -> None:
    async with sessions() as session:
        await agree(session, breaks=[{"from_quantity": 50, "price": "120"}, {"from_quantity": 200, "price": "110"}])
        assert [(await asked(session, n))["S01"] for n in (1, 49, 50, 199, 200, 9999)] == [130, 130, 120, 120, 110, 110]


@pytest.mark.clause("3.1.2")
async def test_a_contract_that_begins_later_leaves_the_one_before_in_force_until_then(sessions: Sessions) -> None:
    async with sessions() as session:
        before = (await asked(session))["S01"]
        await agree(session, price="99.00", valid_from=TODAY + timedelta(days=10))
        assert (await asked(session))["S01"] == before
        assert (await asked(session, at=NOW + timedelta(days=10)))["S01"] == 99


@pytest.mark.clause("3.1.2")
async def test_a_contract_that_was_ended_is_not_followed_by_the_one_before(sessions: Sessions) -> None:
    async with sessions() as session:
        yesterday = TODAY - timedelta(days=1)
        await agree(session, valid_from=yesterday, valid_until=yesterday)
        assert "S01" not in await asked(session)
        assert await found(session, "S01", "1.00") == {Breach.NO_CONTRACT}


@pytest.mark.clause("3.1.1")
async def test_only_the_qualified_are_ordered_from(sessions: Sessions) -> None:
    async with sessions() as session:
        assert "S01" in await asked(session)
        await qualify(session, "S01", 2, TODAY, TODAY)
        assert "S01" in await asked(session)
        assert "S01" not in await asked(session, at=NOW + timedelta(days=1))
        await qualify(session, "S01", 3, TODAY - timedelta(days=9), TODAY - timedelta(days=1))
        assert "S01" not in await asked(session)
        assert await found(session, "S01", "1.00") == {Breach.UNQUALIFIED}
        await session.execute(update(Supplier).where(Supplier.code == "S05").values(standing="suspended"))
        assert await found(session, "S05", "1.00") == {Breach.NOT_SUPPLYING}


@pytest.mark.clause("3.1.1")
async def test_an_expired_licence_keeps_a_supplier_from_orders_until_it_is_renewed(sessions: Sessions) -> None:
    async with sessions() as session:
        licence = Paper.model_validate({"kind": "business_licence", "number": "1", "expires_on": TODAY})
        await contracts.enter_paper(session, "S01", 2, licence, "buyer", NOW)
        assert "S01" in await asked(session)
        assert "S01" not in await asked(session, at=NOW + timedelta(days=1))
        gone = licence.model_copy(update={"expires_on": TODAY - timedelta(days=1)})
        await contracts.enter_paper(session, "S01", 3, gone, "buyer", NOW)
        assert await found(session, "S01", "1.00") == {Breach.DOCUMENT_EXPIRED}
        renewed = licence.model_copy(update={"expires_on": TODAY + timedelta(days=900)})
        await contracts.enter_paper(session, "S01", 4, renewed, "buyer", NOW)
        assert "S01" in await asked(session)
        other = gone.model_copy(update={"kind": PaperKind.QUALITY_CERTIFICATE})
        await contracts.enter_paper(session, "S01", 2, other, "buyer", NOW)
        assert "S01" in await asked(session)


@pytest.mark.clause("3.1.2")
async def test_above_the_contract_price_a_reason_is_asked_for_and_an_unqualified_supplier_refused(
    sessions: Sessions,
) -> None:
    async with sessions() as session:
        await agree(session, breaks=[{"from_quantity": 50, "price": "120"}])
        assert await found(session, "S01", "130.00") == set()
        assert await found(session, "S01", "130.01") == {Breach.ABOVE_CONTRACT}
        assert await found(session, "S01", "130.00", 50) == {Breach.ABOVE_CONTRACT}
        assert await found(session, "S03", "1.00") == {Breach.NO_CONTRACT}
        assert await found(session, "S04", "1.00") == {Breach.UNQUALIFIED, Breach.NO_CONTRACT}
        purchasing = (await rules(session)).policy.purchasing
    contracts.require(purchasing, (), "")
    contracts.require(purchasing, (Breach.ABOVE_CONTRACT, Breach.NO_CONTRACT), "the line stands still")
    with pytest.raises(Refusal, match="say why") as refused:
        contracts.require(purchasing, (Breach.ABOVE_CONTRACT,), "")
    assert refused.value.code == "reason_needed"
    with pytest.raises(Refusal) as refused:
        contracts.require(purchasing, (Breach.UNQUALIFIED,), "the line stands still")
    assert refused.value.code == "against_contract"
    lenient = purchasing.model_copy(update={"breaches": dict.fromkeys(Breach, Then.REASON)})
    contracts.require(lenient, (Breach.UNQUALIFIED,), "the line stands still")


@pytest.mark.clause("3.1.2")
async def test_a_version_is_entered_once_and_nothing_is_entered_over_it(sessions: Sessions) -> None:
    async with sessions() as session:
        assert await agree(session)
        assert not await agree(session)
        for version, price in ((2, "131.00"), (4, "130.00"), (0, "130.00")):
            with pytest.raises(Refusal) as refused:
                await agree(session, version=version, price=price)
            assert refused.value.code == "version_moved_on"
        assert await agree(session, version=3, price="131.00")
        assert (await contracts.terms_of(session, "S01", PART, 2)).price == 130
        with pytest.raises(Refusal, match="no supplier"):
            await agree(session, supplier="S99", version=1)


async def test_prices_of_the_release_before_are_read_from_contracts(sessions: Sessions) -> None:
    async with sessions() as session:
        await agree(session, price="77.00", valid_from=TODAY - timedelta(days=1))  # the view goes by UTC
        row = (
            await session.execute(
                text("select price, lead_days from supplier_price where supplier = 'S01' and part = :part"),
                {"part": PART},
            )
        ).one()
        assert tuple(row) == (77, 7)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"breaks": [{"from_quantity": 50, "price": "131"}]}, "breaks_in_order"),
        ({"breaks": [{"from_quantity": 9, "price": "9"}, {"from_quantity": 9, "price": "8"}]}, "breaks_in_order"),
        ({"valid_until": TODAY - timedelta(days=1)}, "ends_before_it_begins"),
        ({"price": "0"}, "greater_than"),
    ],
)
def test_terms_that_contradict_themselves_are_no_terms(changes: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        terms(**changes)

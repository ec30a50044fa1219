"""The reference data hang together, and seeding again changes nothing that people changed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pwdlib import PasswordHash
from sqlalchemy import Column, Table, func, select, text, update

from carriers.accounts import account_of
from database.policies import newest, timekeeper
from database.purchases import offers
from database.reference import DEMO_PASSWORD, DEMO_USERS, seed
from database.session import Sessions
from database.stock import OPENING
from database.tables import (
    Base,
    CarrierAccount,
    Certificate,
    Customer,
    Fault,
    Movement,
    Part,
    PartModel,
    Place,
    PolicyVersion,
    ProductModel,
    RegisteredUnit,
    Stock,
    Supplier,
    UserAccount,
    Warehouse,
    Zone,
)
from domain.stages import Role
from domain.warranty import is_covered
from runtime.settings import Settings

STAFF = [role for role in Role if role not in {Role.CUSTOMER, Role.SUPPLIER, Role.CARRIER, Role.SYSTEM}]
TODAY = datetime.now(UTC).date()


@pytest.mark.parametrize(
    ("table", "least"),
    [(ProductModel, 12), (Part, 40), (RegisteredUnit, 60), (Supplier, 6), (Certificate, 8), (Customer, 20)],
)
async def test_there_is_enough_of_everything(table: type[Base], least: int, sessions: Sessions) -> None:
    async with sessions() as session:
        assert (await session.scalar(select(func.count()).select_from(table)) or 0) >= least


async def test_faults_are_a_tree_of_three_levels(sessions: Sessions) -> None:
    async with sessions() as session:
        faults = dict((await session.execute(select(Fault.code, Fault.parent))).all())
    levels = [sum(code.count(".") == level for code in faults) for level in range(3)]
    assert levels[1] >= 12
    assert levels[2] >= 40
    assert sum(levels) == len(faults)
    assert all(parent == (code.rpartition(".")[0] or None) for code, parent in faults.items())


async def test_every_part_fits_something_and_so_does_what_supersedes_it(sessions: Sessions) -> None:
    async with sessions() as session:
        successors = dict((await session.execute(select(Part.code, Part.superseded_by))).all())
        fits: dict[str, set[str]] = {}
        for part, model in await session.execute(select(PartModel.part, PartModel.model)):
            fits.setdefault(part, set()).add(model)
        models = set(await session.scalars(select(ProductModel.code)))
    assert set(fits) == set(successors)
    assert set.union(*fits.values()) == models
    for part, successor in successors.items():
        chain = [part]
        while successor:
            assert successor not in chain
            assert fits[part] <= fits[successor]
            chain.append(successor)
            successor = successors[successor]
    assert any(successors.get(successor or "") for successor in successors.values())


async def test_every_part_can_be_bought_from_two_suppliers_in_good_standing(sessions: Sessions) -> None:
    now = datetime.now(UTC)
    async with sessions() as session:
        time = await timekeeper(session, await newest(session, "standard"))
        for part in await session.scalars(select(Part.code)):
            found = await offers(session, part, 1, time, now)
            assert len({offer.supplier for offer in found} - {"S06"}) >= 2


async def test_every_role_has_its_people_and_the_auditor_a_colleague(sessions: Sessions) -> None:
    async with sessions() as session:
        users = {user.code: user for user in await session.scalars(select(UserAccount))}
        assert set(await session.scalars(select(Certificate.technician))) <= set(users)
        assert await session.scalar(select(Certificate.number).where(Certificate.expires_on < TODAY))
    for centre in {user.service_centre for user in users.values()}:
        roles = {role for user in users.values() if user.service_centre == centre for role in user.roles}
        assert roles <= set(STAFF)
        assert roles >= set(STAFF) - {Role.BUYER, Role.ADMINISTRATOR}
    at_home = [
        role for user in users.values() if user.service_centre == users["agent"].service_centre for role in user.roles
    ]
    assert set(at_home) == set(STAFF)
    assert at_home.count(Role.AUDITOR) == 2
    assert sum(Role.TECHNICIAN in user.roles for user in users.values()) == 8
    assert users["import"].roles == users["web"].roles == [Role.SERVICE_AGENT]


async def test_only_the_demonstration_s_users_can_log_in(sessions: Sessions) -> None:
    async with sessions() as session:
        users = {user.code: user for user in await session.scalars(select(UserAccount))}
    assert {role for _, _, role in DEMO_USERS} == set(STAFF)
    for code, password, role in DEMO_USERS:
        assert role in users[code].roles
        assert password == DEMO_PASSWORD
    hashes = {user.password_hash for user in users.values() if user.password_hash}
    assert {user.code for user in users.values() if user.password_hash} == {code for code, _, _ in DEMO_USERS}
    assert all(PasswordHash.recommended().verify(DEMO_PASSWORD, each) for each in hashes)


async def test_some_products_are_out_of_warranty(sessions: Sessions) -> None:
    async with sessions() as session:
        units = await session.execute(
            select(RegisteredUnit.sold_on, ProductModel.warranty_months).join(
                ProductModel, ProductModel.code == RegisteredUnit.model
            )
        )
        covered = [is_covered(sold_on, months, TODAY) for sold_on, months in units]
    assert covered.count(True) >= 30
    assert covered.count(False) >= 10


async def test_the_books_balance_from_the_first_piece_on(sessions: Sessions) -> None:
    """Each balance is what was moved in less what was moved out, and each movement says what, when and by whom."""
    moved = text("""
        select place, part, sum(quantity) from (
            select target as place, part, quantity from movement
            union all select source, part, -quantity from movement
        ) as entries group by place, part
    """)
    async with sessions() as session:
        balances = {(row.place, row.part): row.on_hand for row in await session.scalars(select(Stock))}
        assert balances == {(place, part): total for place, part, total in await session.execute(moved)}
        assert sum(balances.values()) == 0
        entries = (await session.scalars(select(Movement))).all()
    assert all(entry.source == OPENING and entry.at.tzinfo and entry.by for entry in entries)


async def test_parts_lie_in_the_zone_of_their_kind(sessions: Sessions) -> None:
    async with sessions() as session:
        rows = (await session.execute(select(Stock.zone, Part).join(Part, Part.code == Stock.part))).all()
        zones = {zone for (zone,) in await session.execute(select(Place.zone))}
        complete = {
            Zone.QUALIFIED,
            Zone.AWAITING_INSPECTION,
            Zone.NONCONFORMING,
            Zone.VALUABLES,
            Zone.HAZARDOUS,
            Zone.SCRAP,
        }
        for warehouse in await session.scalars(select(Warehouse.code)):
            has = set(await session.scalars(select(Place.zone).where(Place.warehouse == warehouse)))
            assert has >= complete | {Zone.TECHNICIAN}
    assert zones == set(Zone)
    for zone, part in rows:
        if zone in {Zone.QUALIFIED, Zone.VALUABLES, Zone.HAZARDOUS}:
            own = Zone.VALUABLES if part.value_class == "A" else Zone.QUALIFIED
            assert zone is (own if part.hazard_class == "none" else Zone.HAZARDOUS)


async def test_some_parts_are_out_of_stock(sessions: Sessions) -> None:
    async with sessions() as session:
        inside = select(Stock.part).where(Stock.zone != Zone.OUTSIDE, Stock.on_hand > 0)
        out = set(await session.scalars(select(Part.code).where(Part.code.not_in(inside))))
    assert {"WQP-PUMP", "RO-PUMP"} <= out
    assert len(out) < 15


async def test_carrier_accounts_open(sessions: Sessions) -> None:
    async with sessions() as session:
        accounts = {
            row.code: account_of(row.code, row.kind, row.calls_per_minute, row.push_token, row.settings)
            for row in await session.scalars(select(CarrierAccount))
        }
    assert set(accounts) == {"sf", "manual"}
    assert accounts["sf"].min_spacing == timedelta(seconds=1)
    assert accounts["sf"].poll_url == accounts["sf"].label_url == f"http://127.0.0.1:{Settings().carrier_port}"


async def test_seeding_again_keeps_what_people_changed(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await session.execute(update(Supplier).where(Supplier.code == "S01").values(contact="somebody else"))
        await session.execute(update(UserAccount).where(UserAccount.code == "agent").values(password_hash=None))
        await session.execute(text("delete from recall"))
        before = await _everything(session.execute)
    await seed(sessions, Settings())
    async with sessions() as session:
        assert await _everything(session.execute) == before


async def test_the_test_carrier_is_followed_to_another_port_and_no_other_account(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await session.execute(
            update(CarrierAccount).where(CarrierAccount.code == "manual").values(settings={"min_spacing": "PT2H"})
        )
    await seed(sessions, Settings(carrier_port=12345))
    async with sessions() as session:
        told: dict[str, dict[str, Any]] = dict(
            (await session.execute(select(CarrierAccount.code, CarrierAccount.settings))).all()
        )
    assert told["sf"]["poll_url"] == told["sf"]["label_url"] == "http://127.0.0.1:12345"
    assert told["manual"] == {"min_spacing": "PT2H"}


async def test_a_new_policy_version_arrives_and_an_old_one_stays(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await session.execute(text("delete from policy_version where name = 'demo'"))
        await session.execute(update(PolicyVersion).values(entered_by="somebody"))
    await seed(sessions, Settings())
    async with sessions() as session:
        entered = dict((await session.execute(select(PolicyVersion.name, PolicyVersion.entered_by))).all())
    assert entered == {"standard": "somebody", "demo": "system"}


async def _everything(execute: Callable[..., Any]) -> dict[str, list[Any]]:
    """Every row of every table."""
    contents = {}
    for table in Base.metadata.sorted_tables:
        contents[table.name] = list((await execute(select(table).order_by(*_key(table)))).all())
    return contents


def _key(table: Table) -> list[Column[Any]]:
    return list(table.primary_key.columns)

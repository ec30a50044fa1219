"""A company's own data come in as a folder of files: all of it or nothing, and again without harm."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from database.reference.folder import UnusableFile, load
from database.session import Sessions
from database.tables import CarrierAccount, Movement, Part, PartModel, RegisteredUnit, Stock, StockLot, Warehouse

NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
PARTS = "code,name_en,name_zh,specification,unit,weight_kg,length_cm,width_cm,height_cm,value_class,list_price,guarantee_months,superseded_by,models\n"  # noqa: E501

Files = dict[str, str]

COMPANY: Files = {
    "warehouse": "code,service_centre,name_en,name_zh,address\nNB1,HZ,Ningbo,宁波备件库,宁波市 1 号\n",
    "place": "code,warehouse,zone\nNB1/qualified,NB1,qualified\n",
    "part": PARTS
    + "OLD-1,Old,旧,x,pc,0.1,1,1,1,C,5.00,12,NEW-1,HG-CXW268\nNEW-1,New,新,x,pc,0.1,1,1,1,C,6.00,12,,HG-CXW268\n",
    "registered_unit": "serial,model,sold_on,customer\nNB-1,HG-CXW268,2026-01-31,15400000001\nNB-2,HG-CXW268,-10,\n",
    "carrier_account": "code,kind,carrier,name_en,name_zh,calls_per_minute,preferred,settings\n"
    'own,manual,manual,Own,自有,60,0,"{""min_spacing"": ""PT1H""}"\n',
    "opening_stock": "place,part,quantity\nNB1/qualified,NEW-1,7\n",
}


def written(folder: Path, files: Files) -> Path:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


async def test_a_company_s_folder_is_loaded_and_brought_up_to_date(sessions: Sessions, tmp_path: Path) -> None:
    folder = written(tmp_path, COMPANY)
    tokens = []
    for price in ("6.00", "6.50"):
        written(folder, {"part": COMPANY["part"].replace("6.00", price)})
        async with sessions.begin() as session:
            counts = await load(session, folder, NOW, NOW.date())
        assert counts == {
            "warehouse": 1, "place": 1, "part": 2, "registered_unit": 2, "carrier_account": 1, "opening_stock": 1,
        }  # fmt: skip
        async with sessions() as session:
            tokens.append((await session.get_one(CarrierAccount, "own")).push_token)
    assert tokens[0] == tokens[1], "carriers keep the address they push to"
    async with sessions() as session:
        assert (await session.get_one(Part, "OLD-1")).superseded_by == "NEW-1"
        assert str((await session.get_one(Part, "NEW-1")).list_price) == "6.50"
        assert (await session.get_one(Stock, ("NB1/qualified", "NEW-1"))).on_hand == 7
        assert (await session.get_one(RegisteredUnit, "NB-1")).sold_on == date(2026, 1, 31)
        assert (await session.get_one(RegisteredUnit, "NB-1")).customer is not None
        assert (await session.get_one(RegisteredUnit, "NB-2")).sold_on == NOW.date() - timedelta(days=10)
        moved = await session.scalar(select(func.count()).select_from(Movement).where(Movement.part == "NEW-1"))
        assert moved == 1


async def test_a_model_a_part_no_longer_fits_is_taken_out(sessions: Sessions, tmp_path: Path) -> None:
    for models in ("HG-CXW268 HG-CXW300T", "HG-CXW300T"):
        folder = written(tmp_path, {"part": PARTS + f"NEW-1,New,新,x,pc,0.1,1,1,1,C,6.00,12,,{models}\n"})
        async with sessions.begin() as session:
            await load(session, folder, NOW, NOW.date())
    async with sessions() as session:
        assert list(await session.scalars(select(PartModel.model).where(PartModel.part == "NEW-1"))) == ["HG-CXW300T"]


async def test_many_rows_are_no_trouble(sessions: Sessions, tmp_path: Path) -> None:
    rows = "".join(f"BULK-{number:05},HG-CXW268,-10,\n" for number in range(20_000))
    folder = written(tmp_path, {"registered_unit": f"serial,model,sold_on,customer\n{rows}"})
    async with sessions.begin() as session:
        assert await load(session, folder, NOW, NOW.date()) == {"registered_unit": 20_000}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "has none of"),
        ({"warehouse": "code,colour\nNB1,red\n"}, "warehouse.csv line 2: there is no column colour"),
        ({"place": "code,warehouse,zone\nNB1/q,NB1,cellar\n"}, "place.csv line 2: zone can't be “cellar”"),
        ({"place": "code,warehouse,zone\nNB1/q,NB1,qualified\n"}, "place.csv: Key (warehouse)=(NB1) is not present"),
        ({"place": "code,warehouse,zone\nNB1/q\n"}, "place.csv line 2: warehouse is missing"),
        ({"registered_unit": "serial,model,sold_on,customer\nX,HG-CXW268,31.1.2026,\n"}, "sold_on can't be"),
        ({"working_day_override": "day,worked,note\n2026-12-01,perhaps,x\n"}, "worked can't be “perhaps”"),
        ({"opening_stock": "place,part\nHZ1/qualified,CXW-MOTOR-200\n"}, "opening_stock.csv line 2: place, part and"),
        (
            {"opening_stock": "place,part,quantity,serials\nHZ1/qualified,KFR-BOARD-35,2,A\n"},
            "opening_stock.csv line 2: place, part and a whole quantity are needed, and as many serial numbers",
        ),
        ({"opening_stock": "place,part,quantity\nCD1/qualified,JSQ-EXCHANGER,2\n"}, "comes in with its serial number"),
        (
            {"opening_stock": "place,part,quantity\nnowhere,CXW-MOTOR-200,1\n"},
            "line 2: there is no place nowhere",
        ),
        ({"fault": "code,name_en,name_zh\nx.y,Y\n"}, "fault.csv line 2: name_zh is missing"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_loaded(
    files: Files, said: str, sessions: Sessions, tmp_path: Path
) -> None:
    good = {"warehouse": COMPANY["warehouse"].replace("NB1", "NB2")} if files else {}
    folder = written(tmp_path, good | files)
    with pytest.raises(UnusableFile) as error:
        async with sessions.begin() as session:
            await load(session, folder, NOW, NOW.date())
    assert said in str(error.value)
    async with sessions() as session:
        assert await session.get(Warehouse, "NB2") is None


@pytest.mark.clause("4.2.1")
async def test_opening_stock_names_lots_and_serial_numbers(sessions: Sessions, tmp_path: Path) -> None:
    rows = "NB1/qualified,L-1,2,A,\nNB1/qualified,L-1,3,B,\nNB1/qualified,S-1,2,,X1 X2\nNB1/qualified,L-2,4,,\n"
    parts = "".join(f"{code},P,件,x,pc,0.1,1,1,1,C,5.00,12,,,{kind}\n" for code, kind in (
        ("L-1", "lot"), ("L-2", "lot"), ("S-1", "serial")))  # fmt: skip
    files = {"part": PARTS.replace("models\n", "models,tracking\n") + parts}
    files |= {name: COMPANY[name] for name in ("warehouse", "place")}
    folder = written(tmp_path, files | {"opening_stock": "place,part,quantity,lot,serials\n" + rows})
    for _ in range(2):
        async with sessions.begin() as session:
            await load(session, folder, NOW, NOW.date())
    async with sessions() as session:
        named = select(StockLot.part, StockLot.lot, StockLot.serial, StockLot.on_hand)
        lots = await session.execute(named.where(StockLot.place == "NB1/qualified").order_by(*named.selected_columns))
        assert [tuple(row) for row in lots] == [
            ("L-1", "A", "", 2), ("L-1", "B", "", 3), ("L-2", "OPENING", "", 4), ("S-1", "", "X1", 1),
            ("S-1", "", "X2", 1),
        ]  # fmt: skip
        assert (await session.get_one(Stock, ("NB1/qualified", "L-1"))).on_hand == 5


async def test_a_file_in_another_encoding_is_refused(sessions: Sessions, tmp_path: Path) -> None:
    (tmp_path / "warehouse.csv").write_bytes(COMPANY["warehouse"].encode("gb18030"))
    with pytest.raises(UnusableFile, match=r"warehouse.csv: .*utf-8"):
        async with sessions.begin() as session:
            await load(session, tmp_path, NOW, NOW.date())

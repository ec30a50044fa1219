"""The register of suppliers: qualifications, contracts, papers (policy 3.1.1, 3.1.2).

Whatever is entered is a version of its own, named by its number in the address: sent again it is the same one.
"""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from api.auth import Signed, only
from api.dependencies import Database, InHouse, Now
from api.problems import Problem, responses
from api.v1.orders import CursorParameter, Limit
from database import contracts
from database.policies import newest, timekeeper
from database.reading import suppliers
from database.reading.suppliers import AgreedView, SupplierPage
from domain.contracts import ContractTerms, Paper, PaperTerms, QualificationProof
from domain.stages import Role
from domain.suppliers import PaperKind

router = APIRouter(prefix="/suppliers", tags=["suppliers"])

Code = Annotated[str, Path(max_length=32)]
PartCode = Annotated[str, Path(max_length=64)]
Number = Annotated[int, Path(ge=1, le=9999, description="The version's number: one more than the newest.")]
Buyer = Annotated[Role, Depends(only(Role.BUYER))]
ENTERING = responses(
    "not_logged_in", "role_forbidden", "csrf_failed", "unknown_supplier", "unknown_part", "version_moved_on",
    "invalid_request",
)  # fmt: skip


async def today_of(house: InHouse, session: Database, now: Now) -> date:
    """The day in the office, by which things are valid."""
    return (await timekeeper(session, await newest(session, house.settings.policy))).today(now)


Today = Annotated[date, Depends(today_of)]


@router.get("/{code}", responses=responses("not_logged_in", "not_found", "invalid_cursor"))
async def get_supplier(
    session: Database,
    who: Signed,
    today: Today,
    code: Code,
    text: Annotated[str, Query(max_length=100)] = "",
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> SupplierPage:
    """A supplier with its papers, and its parts by code: until when it is qualified for them, and what it asks."""
    found = await suppliers.supplier_page(session, code, today, text=text.strip(), limit=limit, cursor=cursor)
    if found is None:
        raise Problem("not_found")
    return found


@router.get("/{code}/parts/{part}", responses=responses("not_logged_in", "not_found"))
async def get_agreed(session: Database, who: Signed, today: Today, code: Code, part: PartCode) -> AgreedView:
    """Every version of the contract and of the qualification, the newest first."""
    found = await suppliers.agreed(session, code, part, today)
    if found is None:
        raise Problem("not_found")
    return found


@router.put("/{code}/parts/{part}/contracts/{version}", status_code=201, responses=ENTERING)
async def enter_contract(
    session: Database, who: Signed, role: Buyer, now: Now, today: Today, response: Response, code: Code,
    part: PartCode, version: Number, terms: ContractTerms,
) -> AgreedView:  # fmt: skip
    """What is agreed from `valid_from` on. An end is a version that ends."""
    new = await contracts.enter_contract(session, code, part, version, terms, who.code, now)
    await session.commit()
    response.status_code = 201 if new else 200
    return await get_agreed(session, who, today, code, part)


@router.put("/{code}/parts/{part}/qualifications/{version}", status_code=201, responses=ENTERING)
async def enter_qualification(
    session: Database, who: Signed, role: Buyer, now: Now, today: Today, response: Response, code: Code,
    part: PartCode, version: Number, proof: QualificationProof,
) -> AgreedView:  # fmt: skip
    """That the supplier may deliver the part, how long, and on what evidence."""
    new = await contracts.enter_qualification(session, code, part, version, proof, who.code, now)
    await session.commit()
    response.status_code = 201 if new else 200
    return await get_agreed(session, who, today, code, part)


@router.put("/{code}/papers/{kind}/{version}", status_code=201, responses=ENTERING)
async def enter_paper(
    session: Database, who: Signed, role: Buyer, now: Now, today: Today, response: Response, code: Code,
    kind: PaperKind, version: Number, terms: PaperTerms,
) -> SupplierPage:  # fmt: skip
    """A licence or certificate, or its renewal."""
    paper = Paper(kind=kind, **terms.model_dump())
    new = await contracts.enter_paper(session, code, version, paper, who.code, now)
    await session.commit()
    response.status_code = 201 if new else 200
    return await get_supplier(session, who, today, code)

"""What there is to choose from."""

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query

from api.auth import Signed
from api.dependencies import Database, InHouse, Now
from api.problems import responses
from database.reading import reference
from database.reading.reference import (
    CarrierView,
    CentreView,
    FaultView,
    ModelView,
    OutletView,
    PartView,
    SupplierView,
    TechnicianView,
)

router = APIRouter(tags=["reference"], responses=responses("not_logged_in"))

Code = Annotated[str | None, Query(max_length=96)]


@router.get("/models")
async def list_models(session: Database, who: Signed) -> list[ModelView]:
    return await reference.models(session)


@router.get("/parts")
async def list_parts(session: Database, who: Signed, model: Code = None) -> list[PartView]:
    """Every part, or those that fit a model."""
    return await reference.parts(session, model)


@router.get("/faults")
async def list_faults(session: Database, who: Signed) -> list[FaultView]:
    """The fault tree; a code begins with its parent's."""
    return await reference.faults(session)


@router.get("/suppliers")
async def list_suppliers(
    house: InHouse, session: Database, who: Signed, now: Now, part: Code = None
) -> list[SupplierView]:
    """Every supplier with its prices, or those that offer a part."""
    return await reference.suppliers(session, now.astimezone(ZoneInfo(house.settings.time_zone)).date(), part)


@router.get("/technicians")
async def list_technicians(session: Database, who: Signed, now: Now, category: Code = None) -> list[TechnicianView]:
    """Technicians with their certificates, or those with a valid one for a category of products."""
    return await reference.technicians(session, now.date(), category)


@router.get("/service-centres")
async def list_service_centres(session: Database, who: Signed) -> list[CentreView]:
    return await reference.service_centres(session)


@router.get("/service-outlets")
async def list_service_outlets(session: Database, who: Signed) -> list[OutletView]:
    return await reference.service_outlets(session)


@router.get("/carriers")
async def list_carriers(session: Database, who: Signed) -> list[CarrierView]:
    """Contracts with carriers; their code is what `pack` takes as carrier."""
    return await reference.carriers(session)

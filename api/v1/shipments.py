"""Shipments: where a parcel is, and its label."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.auth import Signed
from api.dependencies import Database
from api.problems import Problem, responses
from database.reading import shipments
from database.reading.shipments import ShipmentDetail

router = APIRouter(prefix="/shipments", tags=["shipments"])

ShipmentId = Annotated[str, Path(max_length=40)]


@router.get("/{shipment}", responses=responses("not_logged_in", "not_found"))
async def get_shipment(session: Database, who: Signed, shipment: ShipmentId) -> ShipmentDetail:
    """A shipment with its packing list and the carrier's scans."""
    found = await shipments.shipment_detail(session, shipment)
    if found is None:
        raise Problem("not_found")
    return found if who.sees_phones else found.masked()


@router.get(
    "/{shipment}/label",
    response_class=Response,
    responses={
        200: {
            "content": {
                "image/png": {"schema": {"type": "string", "format": "binary"}},
                "application/pdf": {"schema": {"type": "string", "format": "binary"}},
            },
            "description": "The label to print",
        },
        **responses("not_logged_in", "role_forbidden", "not_found"),
    },
)
async def get_label(session: Database, who: Signed, shipment: ShipmentId) -> Response:
    """The label as the carrier drew it; it shows address and phone."""
    if not who.sees_phones:
        raise Problem("role_forbidden")
    found = await shipments.label(session, shipment)
    if found is None:
        raise Problem("not_found")
    return Response(found.label, media_type=found.label_type)

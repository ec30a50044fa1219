"""The API, a module an audience. Everything here is stable: fields are added, never taken away."""

from fastapi import APIRouter

from api.problems import responses
from api.v1 import (
    absences,
    applications,
    carriers,
    corrective_actions,
    costs,
    movements,
    orders,
    photos,
    problems,
    purchase_orders,
    reference,
    requests,
    session,
    shipments,
    stock,
    suppliers,
    tasks,
    tracking,
)

router = APIRouter(prefix="/v1", responses=responses("invalid_request", "database_unreachable", "internal"))
for _part in (
    session, absences, applications, photos, orders, purchase_orders, costs, corrective_actions, stock,
    shipments, reference, tracking, carriers, problems, suppliers, tasks, movements, requests,
):  # fmt: skip
    router.include_router(_part.router)

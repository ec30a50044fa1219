"""What is known of customer and product, put right while the case is open (policy 2.1.2, 2.3.1)."""

from typing import Any, Final

from activities.steps.work import OrderSteps, OrderWork
from database import customers
from database.applications import search_text
from database.tables import Customer, Fault, ProductModel, RegisteredUnit
from domain.order_decisions import Amend
from domain.stages import Action, Refusal

_CUSTOMERS: Final = ("name", "phone", "email", "province", "city", "district", "address")
_PRODUCTS: Final = ("serial", "model", "fault_code")


async def amend(work: OrderWork) -> None:
    """The log says which fields are different now, and no word of what is in them. A signature that stood for what was
    different before is asked for anew when the parts are about to leave (policy 2.3.2).

    Raises Refusal `unknown_model`, `unknown_fault`, and `nothing_amended` if all of it was so before.
    """
    order, said = work.document, work.said(Amend)
    customer = await work.session.get_one(Customer, order.customer)
    before = _known(customer, _CUSTOMERS) | _known(order, _PRODUCTS)
    if said.model and not await work.session.get(ProductModel, said.model):
        raise Refusal("unknown_model", f"there is no product model {said.model}")
    if said.fault_code and not await work.session.get(Fault, said.fault_code):
        raise Refusal("unknown_fault", f"there is no fault code {said.fault_code}")
    told = {name: value for name in _CUSTOMERS if (value := getattr(said, name))}
    customer = await customers.put_right(work.session, customer, told, order.number)
    order.customer = customer.id
    for name in _PRODUCTS:
        setattr(order, name, getattr(said, name) or getattr(order, name))
    await take_registered_model(work)
    now = _known(customer, _CUSTOMERS) | _known(order, _PRODUCTS)
    if now == before:
        raise Refusal("nothing_amended", "nothing is different from what is known")
    order.search_text = search_text(order, customer)
    work.details |= {"amended": [name for name in now if now[name] != before[name]]}


async def take_registered_model(work: OrderWork) -> None:
    """What a serial number is registered as stands above what was said."""
    if registered := await work.session.get(RegisteredUnit, work.document.serial or ""):
        work.document.model = registered.model


def _known(row: object, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


STEPS: OrderSteps = {Action.AMEND: amend}

"""How a request comes to its route."""

from collections.abc import Iterator
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any

from fastapi.dependencies.models import Dependant

from api import health, pages, v1
from api.routes import every


def asked_for(dependant: Dependant) -> Iterator[Any]:
    """What is called before the route is, and the route."""
    yield dependant.call
    for needed in dependant.dependencies:
        yield from asked_for(needed)


def waits(call: Any) -> bool:
    return any(test(way) for test in (iscoroutinefunction, isasyncgenfunction) for way in (call, type(call).__call__))


def test_no_request_is_sent_to_a_thread_and_back() -> None:
    """FastAPI does so with every plain function, even one that waits for nothing."""
    routes = [route for router in (health.router, v1.router, pages.router) for route in every(router.routes)]
    assert len(routes) > 100
    assert not {call for route in routes for call in asked_for(route.dependant) if not waits(call)}

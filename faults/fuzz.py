"""Bad input: every operation of the API's own description, asked by everybody with what fits it and what does not.

What an answer may be is what the description says: its status, media type, headers and shape; never 500 or more but
a described 503.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Err
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import Select, String, cast, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import InstrumentedAttribute

from database import accounts
from database.reference import DEMO_USERS
from database.session import Sessions
from database.tables import (
    CorrectiveAction,
    Invitation,
    PurchaseOrder,
    ReplacementOrder,
    RequestForQuotation,
    Shipment,
    Supplier,
    SupplierLink,
    SupplierReview,
    WarehouseTask,
)
from faults.tally import Difference
from faults.world import EARLIER

Operation = APIOperation[Any, Any, Any, Any]
AnyCase = Case[Any]
Known = Mapping[str, Sequence[str]]

NOBODY: Final = "anonymous"
_TIMEOUT: Final = 15
_CONFORMANCE: Final = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
_CHECKS: Final = [not_a_server_error, *_CONFORMANCE]
_ALONE: Final = {("POST", "/v1/session"), ("DELETE", "/v1/session")}
"""Only nobody asks these: wrong passwords lock people out, and leaving ends what the others are asked with."""


_NAMED: Final[Mapping[str, InstrumentedAttribute[Any]]] = {
    "/orders": ReplacementOrder.number,
    "/applications": ReplacementOrder.number,
    "/tracking": ReplacementOrder.tracking_token,
    "/track": ReplacementOrder.tracking_token,
    "/purchase-orders": PurchaseOrder.number,
    "/shipments": Shipment.id,
    "/tasks": WarehouseTask.number,
    "/requests-for-quotation": RequestForQuotation.number,
    "/bids": Invitation.token,
    "/corrective-actions": CorrectiveAction.number,
    "/corrections": SupplierLink.token,
    "/supply": SupplierLink.token,
    "/supplier-reviews": SupplierReview.id,
    "/suppliers": Supplier.code,
}
"""What is there, by the address it stands below, of a page or after /v1."""
_OF_EACH: Final = 3


@dataclass
class Fuzzed:
    """How often each status came back, and what should never have."""

    codes: Counter[int] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)
    differences: list[Difference] = field(default_factory=list)

    def summary(self) -> str:
        codes = ", ".join(f"{count} × {code}" for code, count in sorted(self.codes.items()))
        return f"bad input: {len(self.operations)} operations, {self.codes.total()} requests: {codes}"


def fuzz(
    address: str,
    people: Mapping[str, Mapping[str, str]],
    known: Known,
    number: int,
    examples: int,
) -> Fuzzed:
    """Asks `examples` things of every operation, drawn by the seed `number`, each as everybody and as nobody.

    `people` are headers by name; `known` are names of what is there, by the address they stand below.
    """
    result = Fuzzed()
    described = httpx.get(f"{address}/v1/openapi.json", timeout=_TIMEOUT).raise_for_status().json()
    schema = schemathesis.openapi.from_dict(described)
    with ExitStack() as leaving:
        sessions = {NOBODY: leaving.enter_context(requests.Session())}
        for who, headers in people.items():
            sessions[who] = leaving.enter_context(requests.Session())
            sessions[who].headers.update(headers)
        for found in schema.get_all_operations():
            if isinstance(found, Err):
                result.differences.append(Difference("lost", f"bad input: not described: {found.err()}"))
                continue
            operation = found.ok()
            alone = (operation.method.upper(), operation.path) in _ALONE
            asking = {NOBODY: sessions[NOBODY]} if alone else sessions
            result.operations.add(operation.label)
            _ask(result, address, asking.values(), _cases(operation, known), number, examples)
    return result


def _ask(
    result: Fuzzed,
    address: str,
    sessions: Iterable[requests.Session],
    cases: st.SearchStrategy[AnyCase],
    number: int,
    examples: int,
) -> None:
    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def ask(case: AnyCase) -> None:
        for session in sessions:
            _send(result, address, session, case)

    ask()


def _send(result: Fuzzed, address: str, session: requests.Session, case: AnyCase) -> None:
    try:
        answer = case.call(base_url=address, session=session, timeout=_TIMEOUT)
    except requests.RequestException as error:
        result.differences.append(Difference("lost", f"bad input: {case.as_curl_command()[:600]} got {error!r}"))
        return
    result.codes[answer.status_code] += 1
    checks = _CONFORMANCE if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE else _CHECKS
    try:
        case.validate_response(answer, checks=checks)
    except FailureGroup as failures:
        for failure in failures.exceptions:
            result.differences.append(Difference("lost", _told(case, answer.status_code, failure)))


def _cases(operation: Operation, known: Known) -> st.SearchStrategy[AnyCase]:
    """What fits the description and what does not, half of it about things that are there."""
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    ways = [operation.as_strategy(mode) for mode in modes]
    parameters = [parameter.name for parameter in operation.path_parameters]
    there = next((values for path, values in known.items() if operation.path.startswith(f"/v1{path}/{{")), ())
    ways += [
        operation.as_strategy(mode, path_parameters=dict.fromkeys(parameters, value))
        for mode in modes
        for value in there
    ]
    return st.one_of(ways)


def _told(case: AnyCase, status: int, failure: Exception) -> str:
    what = failure.title if isinstance(failure, Failure) else repr(failure)
    return f"bad input: {case.as_curl_command()[:600]} got {status}: {what} {str(failure)[:300]}"


async def there(sessions: Sessions) -> Known:
    """One at each stage of everything that has stages, and the newest of what else has a name, by the address it
    stands below."""
    async with sessions() as session:
        return {path: [str(name) for name in await session.scalars(_some(column))] for path, column in _NAMED.items()}


def _some(column: InstrumentedAttribute[Any]) -> Select[Any]:
    names = select(column).where(cast(column, String).not_like(f"{EARLIER}%"))
    if stage := getattr(column.class_, "stage", None):
        return names.ext(distinct_on(stage)).order_by(stage, column.desc())
    return names.order_by(column.desc()).limit(_OF_EACH)


async def with_keys(sessions: Sessions) -> dict[str, dict[str, str]]:
    """An API key for everybody of the demonstration."""
    async with sessions.begin() as session:
        return {
            user: {"Authorization": f"Bearer {await accounts.create_key(session, user, 'faults')}"}
            for user, _, _ in DEMO_USERS
        }

"""Bad input: every endpoint of the API's own description, asked by every role with what nobody should send."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from urllib.parse import quote

import httpx

from database.reference import DEMO_USERS
from domain.stages import Action
from faults.people import Experience, People
from faults.stack import Stack
from faults.tally import Difference

NASTY: Final[Sequence[Any]] = (
    "", " ", "\x00", "a\x00b", "换件" * 3000, "😀", "\ud800", "'; drop table stock; --", "%s%n", "../../etc/passwd",
    "null", "NaN", "2026-13-45T99:99:99Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00", "-1", "1e999",
    "RO-20261124-00404", 0, -1, 1, 2**31, 2**63, 10**40, 1.5, 1e308, True, False, None, [], [[]], {},
    {"part": None}, ["x"] * 1000,
)  # fmt: skip
_METHODS: Final = ("get", "post", "put", "patch", "delete")
_KEY: Final = "Idempotency-Key"


@dataclass
class Fuzzed:
    """How often each status came back, and what should never have."""

    codes: Counter[int] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    def summary(self) -> str:
        codes = ", ".join(f"{count} × {code}" for code, count in sorted(self.codes.items()))
        return f"bad input: {self.codes.total()} requests: {codes}"


class _Nonsense:
    """Requests that fit a description in part. Numbers of real documents are among what is sent."""

    def __init__(self, random: Random, schemas: Mapping[str, Any], numbers: Sequence[str]) -> None:
        self._random = random
        self._schemas = schemas
        self._numbers = numbers

    def value(self, schema: Mapping[str, Any], depth: int = 0) -> Any:
        """Something of that shape, or something else altogether."""
        random = self._random
        if "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        if random.random() < 0.15 or depth > 6:
            return random.choice(NASTY)
        for choice in ("oneOf", "anyOf"):
            if choice in schema:
                return self.value(random.choice(schema[choice]), depth + 1)
        if "const" in schema or "enum" in schema:
            return schema.get("const") or random.choice(schema["enum"])
        match schema.get("type"):
            case "object":
                wanted = schema.get("properties", {})
                said = {
                    name: self.value(inner, depth + 1)
                    for name, inner in wanted.items()
                    if name in schema.get("required", ()) or random.random() < 0.7
                }
                return said | ({"surplus": 1} if random.random() < 0.1 else {})
            case "array":
                return [self.value(schema.get("items", {}), depth + 1) for _ in range(random.randrange(4))]
            case "integer" | "number":
                return random.choice((0, 1, 2, -1, 2**31, 2**63, 10**20))
            case "boolean":
                return random.choice((True, False))
            case _:
                return random.choice(
                    (*self._numbers, "agent", "technician", "HZ", "1", "x" * 70, "2026-11-24T10:00:00Z")
                )

    def text(self, schema: Mapping[str, Any]) -> str:
        """A value as it stands in an address or a header."""
        return str(self.value(schema)).encode("utf-8", "replace").decode()


async def fuzz(stack: Stack, seed: int, rounds: int) -> Fuzzed:
    """Asks every endpoint as every role, `rounds` times each. Anything from 500 on is a fault."""
    result, random = Fuzzed(), Random(seed)
    async with AsyncExitStack() as leaving:
        people = People(stack, leaving, Experience())
        agent = await people.of("agent")
        described = (await agent.get("/v1/openapi.json")).raise_for_status().json()
        orders = (await agent.get("/v1/orders", params={"limit": 20})).raise_for_status().json()["items"]
        purchases = (await agent.get("/v1/purchase-orders")).raise_for_status().json()["items"]
        numbers = [row["number"] for row in (*orders, *purchases[:5])] or ["RO-20261124-00015"]
        nonsense = _Nonsense(random, described["components"]["schemas"], numbers)
        clients = [await people.of(user) for user, _, _ in DEMO_USERS]
        clients.append(await leaving.enter_async_context(httpx.AsyncClient(base_url=stack.api, timeout=15)))
        for path, methods in described["paths"].items():
            for method in (each for each in _METHODS if each in methods and path != "/v1/session"):
                for client in clients:
                    for _ in range(rounds):
                        await _ask(result, client, method, path, methods[method], nonsense, random)
    return result


async def _ask(
    result: Fuzzed,
    client: httpx.AsyncClient,
    method: str,
    path: str,
    described: Mapping[str, Any],
    nonsense: _Nonsense,
    random: Random,
) -> None:
    query, headers = {}, {_KEY: f"fuzz-{random.getrandbits(64)}"} if random.random() < 0.95 else {}
    for parameter in described.get("parameters", ()):
        text = nonsense.text(parameter["schema"])
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(text, safe="") or "-")
        elif parameter["in"] == "query" and random.random() < 0.5:
            query[parameter["name"]] = text
    body: bytes | None = None
    if "requestBody" in described:
        content = described["requestBody"]["content"]
        schema = content.get("application/json", {}).get("schema", {})
        body = _body(nonsense.value(schema), random)
        headers["Content-Type"] = "application/json"
    try:
        answer = await client.request(method.upper(), path, params=query, headers=headers, content=body)
    except (httpx.InvalidURL, httpx.LocalProtocolError):
        return  # it never left
    except httpx.TransportError as error:
        result.differences.append(Difference("lost", f"bad input: {method} {path} {query} got {error!r}"))
        return
    result.codes[answer.status_code] += 1
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        asked = f"{method} {path} {query} {(body or b'')[:400]!r}"
        result.differences.append(
            Difference("lost", f"bad input: {asked} got {answer.status_code} {answer.text[:200]}")
        )


def _body(value: Any, random: Random) -> bytes:
    if isinstance(value, dict) and "action" in value and random.random() < 0.2:
        value["action"] = random.choice(list(Action))
    text = json.dumps(value, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
    return text[: random.randrange(1, len(text) + 1)] if random.random() < 0.05 else text

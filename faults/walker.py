"""Bad input by the pages: everybody walks through the house and sends every form they see, as it is and spoiled."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from random import Random
from string import Formatter
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, urlencode, urljoin, urlsplit

import httpx
from fastapi.routing import APIRoute
from starlette.routing import Match

from api import pages
from api.routes import every
from domain.decisions import DECISIONS
from domain.stages import Action
from faults.fuzz import NOBODY, Known
from faults.spoiled import NASTY, Spoiled

MARK: Final = "\"'><s id=spoiled>"
"""What no page may say as it was typed."""
OF_EACH: Final = 3
"""How many pages of a kind that others lead to everybody looks at, and how often they send a form of a kind."""
_TYPED: Final = (*(str(value) for value in NASTY), *[MARK] * 5)
_ACTION: Final = "/{action}"
_ACTIONS: Final = 10
_HEADERS: Final = {"Accept": "text/html"}
_TIMEOUT: Final = 15
_LONGEST: Final = 8_000
"""Signs of an address that still can be sent."""

Pairs = list[tuple[str, str]]


@dataclass
class Form:
    """A form as a browser would send it; `choices` are the other values that it offers for a field, and its buttons."""

    method: str
    address: str
    fields: Pairs = field(default_factory=list)
    choices: dict[str, list[str]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


class Screen(HTMLParser):
    """Where a page leads, and its forms."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._select = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self.links += [said[name] for name in ("href", "hx-get") if said.get(name)]
        name, kind = said.get("name", ""), said.get("type", "")
        if tag == "form":
            self.forms.append(Form(said.get("method", "get").upper(), said.get("action", "")))
        elif tag == "select":
            self._select = name
        elif tag == "option":
            self._offer(self._select, said.get("value", ""), "selected" in said)
        elif tag == "button" or kind in ("radio", "checkbox"):
            self._offer(name, said.get("value", "on"), tag == "input" and "checked" in said)
        elif kind == "file":
            self.forms[-1].files.append(name)
        elif tag in ("input", "textarea") and name and self.forms:
            self.forms[-1].fields.append((name, said.get("value", "")))

    def _offer(self, name: str, value: str, chosen: bool) -> None:
        if not name or not self.forms:
            return
        form = self.forms[-1]
        form.choices.setdefault(name, []).append(value)
        if chosen or (name == self._select and len(form.choices[name]) == 1):
            form.fields = [*(pair for pair in form.fields if pair[0] != name), (name, value)]


@dataclass
class Walk:
    """One person's way through the pages; every form is sent `spoils` times more than as it is."""

    who: str
    client: httpx.Client
    random: Random
    spoils: int
    result: Spoiled
    sent: Counter[str] = field(default_factory=Counter)

    def through(self, starts: Sequence[str]) -> None:
        """From each start to where it leads, a few pages of each kind."""
        seen: Counter[str] = Counter()
        ahead, known = deque(starts), set[str]()
        while ahead:
            path = ahead.popleft()
            kind = _kind("GET", path)
            if kind is None or path in known or (seen[kind] >= OF_EACH and path not in starts):
                continue
            known.add(path)
            seen[kind] += 1
            screen = Screen(self.ask("GET", path))
            self.ask("GET", f"{urlsplit(path).path}?{_encoded(self._spoiled(self._questions(path)))}")
            ahead.extend(urljoin(path, link) for link in screen.links)
            for form in screen.forms:
                self.fill(form, urljoin(path, form.address))

    def fill(self, form: Form, path: str) -> None:
        """Sends a form as it is, and then spoiled, unless it has been sent often enough."""
        kind = _kind(form.method, path)
        if kind is None or self.sent[kind] >= OF_EACH:
            return
        self.sent[kind] += 1
        for fields in (form.fields, *(self._spoiled(form.fields, form.choices) for _ in range(self.spoils))):
            if form.method == "GET":
                self.ask("GET", f"{urlsplit(path).path}?{_encoded(fields)}")
            else:
                self.ask("POST", path, fields, form.files)

    def unseen(self, known: Known) -> None:
        """The forms that nobody showed them: sent all the same."""
        for route in _routes("POST"):
            decides = route.path.endswith(_ACTION)
            for action in self.random.sample([*DECISIONS], _ACTIONS * self.spoils) if decides else [None]:
                path = self.random.choice(_addresses(route.path, known, action or "0"))
                if not self.sent[_kind("POST", path) or ""]:
                    self.fill(Form("POST", path, _asked(route, action)), path)

    def ask(self, method: str, path: str, fields: Pairs | None = None, files: Sequence[str] = ()) -> str:
        """What a page says. Redirects are followed by what is seen next, not here."""
        try:
            answer = self._send(method, path, fields or [], files)
        except httpx.HTTPError as error:
            self.result.wrong(f"{self.who}: {method} {path[:300]} {str(fields)[:600]} got {error!r}")
            return ""
        self.result.outcomes[f"× {answer.status_code}"] += 1
        text = answer.text if "text/html" in answer.headers.get("Content-Type", "") else ""
        if answer.status_code >= 500 and answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            self.result.wrong(f"{self.who}: {method} {path[:300]} {str(fields)[:600]} got {answer.status_code}")
        if MARK[2:] in text:
            self.result.wrong(f"{self.who}: {method} {path[:300]} {str(fields)[:600]} says what was typed as it was")
        return text

    def _send(self, method: str, path: str, fields: Pairs, files: Sequence[str]) -> httpx.Response:
        if method == "POST" and files:
            photo = self.random.choice((b"", b"\xff\xd8\xff\xe0", b"GIF89a", b"<svg/>"))
            parts = [(name, (None, value.encode("utf-8", "surrogatepass"))) for name, value in fields]
            return self.client.post(path, files=[*parts, *((name, ("p.jpg", photo)) for name in files)])
        if method == "POST":
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            return self.client.post(path, content=_encoded(fields), headers=kind)
        return self.client.get(path[:_LONGEST])

    def _spoiled(self, fields: Pairs, choices: Mapping[str, Sequence[str]] = MappingProxyType({})) -> Pairs:
        """Half of it as it was, the rest nasty, left out, twice, or another choice; now and then with a button pressed,
        and sure of what it asks twice."""
        spoiled: Pairs = [(name, self.random.choice(offered)) for name, offered in choices.items() if self._seldom()]
        for name, value in fields:
            match self.random.randrange(8):
                case 0 | 1 | 2:
                    spoiled.append((name, self.random.choice(_TYPED)))
                case 3:
                    continue
                case 4:
                    spoiled += [(name, value), (name, self.random.choice(_TYPED))]
                case _:
                    spoiled.append((name, value))
        return [*spoiled, ("sure", self.random.choice(("yes", "no")))]

    def _seldom(self) -> bool:
        return self.random.random() < 0.2

    def _questions(self, path: str) -> Pairs:
        """What a page can be asked, by the names of its own parameters."""
        route = _route("GET", path)
        return [(parameter.alias, "") for parameter in route.dependant.query_params] if route else []


def walk(address: str, people: Mapping[str, Mapping[str, str]], known: Known, seed: int, spoils: int) -> Spoiled:
    """Everybody's way, and nobody's. `people` are headers by name; `known` are names of what is there; every form is
    sent `spoils` times more than as it is."""
    result, met = Spoiled("pages"), set[str]()
    for who, headers in {NOBODY: {}, **people}.items():
        with httpx.Client(base_url=address, timeout=_TIMEOUT, headers={**_HEADERS, **headers}) as client:
            way = Walk(who, client, Random(f"{seed} {who}"), spoils, result)
            way.through([path for route in _routes("GET") for path in _addresses(route.path, known)])
            met |= way.sent.keys()
            way.unseen(known)
    result.outcomes["forms"] = len(met)
    return result


@cache
def _routes(method: str) -> Sequence[APIRoute]:
    return [route for route in every(pages.router.routes) if method in (route.methods or ())]


def _route(method: str, path: str) -> APIRoute | None:
    scope = {"type": "http", "method": method, "path": urlsplit(path).path}
    return next((route for route in _routes(method) if route.matches(scope)[0] is Match.FULL), None)


def _kind(method: str, path: str) -> str | None:
    """Which page or form this is, each action's its own; None if it is not one of the pages."""
    route = _route(method, path)
    if route is None:
        return None
    action = urlsplit(path).path.rpartition("/")[2] if route.path.endswith(_ACTION) else "*"
    return f"{method} {route.path.replace('{action}', action)}"


def _addresses(path: str, known: Known, action: str = "0") -> list[str]:
    """Where a page of the kind is: of what is there, and of what is not."""
    names = [name for _, name, _, _ in Formatter().parse(path) if name]
    there = next((values for above, values in known.items() if path.startswith(f"{above}/{{")), ())
    return [
        path.format(**{**dict.fromkeys(names, quote(value, safe="")), "action": action})
        for value in (*there, "0", "x\x00😀")
    ]


def _asked(route: APIRoute, action: Action | None) -> Pairs:
    """The fields of a form that nobody has seen, empty."""
    named = [parameter.alias for parameter in route.dependant.body_params]
    decided = [*DECISIONS[action].model_fields, "lines.0.part", "lines.0.quantity"] if action else []
    return [(name, "") for name in (*named, *decided, "key")]


def _encoded(fields: Pairs) -> str:
    return urlencode(fields, errors="surrogatepass")

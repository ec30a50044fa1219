"""From a template and what it shows to a page in the reader's language."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from api.auth import Principal
from api.i18n import DEFAULT, FOLDERS, Language, languages, preferred
from api.pages.forms import Choice
from domain.stages import Role
from runtime.settings import Settings

ROOT: Final = Path(__file__).parent.parent
STATIC: Final = ROOT / "static"
LANGUAGE_COOKIE: Final = "huanjian_language"
HOME: Final = "/orders"
BUYS: Final = frozenset({Role.BUYER, Role.SUPERVISOR, Role.ADMINISTRATOR, Role.AUDITOR})
HAS_TASKS: Final = frozenset({Role.WAREHOUSE_KEEPER, Role.BUYER, Role.SUPERVISOR, Role.ADMINISTRATOR})
SIGNS: Final = frozenset({Role.WAREHOUSE_KEEPER, Role.SUPERVISOR})
READS_MAILS: Final = frozenset({Role.SERVICE_AGENT, Role.SUPERVISOR, Role.ADMINISTRATOR})


@lru_cache
def _environment(language: str, zone: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(ROOT / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["grouped"] = grouped
    lang = languages(zone)[language]
    environment.install_gettext_translations(lang.translations, newstyle=True)  # type: ignore[attr-defined]
    environment.globals |= {
        "lang": lang,
        "label": lang.label,
        "asset": _asset,
        "other": next(other for other in languages(zone).values() if other is not lang),
        "zone_name": lang.zone_name,
        "home": HOME,
    }
    return environment


def grouped(choices: Iterable[Choice]) -> list[tuple[str, list[Choice]]]:
    """What can be chosen by its group, in the order in which it is offered."""
    groups: dict[str, list[Choice]] = {}
    for choice in choices:
        groups.setdefault(choice.group, []).append(choice)
    return [*groups.items()]


@lru_cache
def _asset(name: str) -> str:
    """The address of a static file; it changes with its content, so browsers may keep it for ever."""
    digest = sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def chosen(request: Request, who: Principal | None, otherwise: str | None = None) -> str:
    """The reader's language: a user's own setting, the choice made in this browser, what the page knows of its
    reader, what the browser asks for."""
    settled = who.language if who else request.cookies.get(LANGUAGE_COOKIE)
    if settled in FOLDERS:
        return settled
    return otherwise if otherwise in FOLDERS else preferred(request.headers.get("accept-language", "")) or DEFAULT


@dataclass(frozen=True)
class Reader:
    """Who reads the page, and how to write it for them."""

    request: Request
    language: Language
    who: Principal | None
    now: datetime

    def page(self, template: str, status: int = 200, **shown: Any) -> HTMLResponse:
        environment = _environment(self.language.code, self.language.zone.key)
        text = environment.get_template(template).render(self._frame() | shown)
        return HTMLResponse(text, status, headers={"Cache-Control": "no-store"})

    def _frame(self) -> dict[str, Any]:
        """What every page shows around its content."""
        here = self.request.url.path
        reads_mails = self.who is not None and not READS_MAILS.isdisjoint(self.who.roles)
        buys = self.who is not None and not BUYS.isdisjoint(self.who.roles)
        in_stock = self.who is not None and not HAS_TASKS.isdisjoint(self.who.roles)
        signs = self.who is not None and not SIGNS.isdisjoint(self.who.roles)
        menu = [
            {"url": "/orders", "text": self.language.text("Orders")},
            *([{"url": "/mails", "text": self.language.text("Mails"), "count": "/mails/count"}] if reads_mails else []),
            {"url": "/purchase-orders", "text": self.language.text("Purchasing")},
            *(
                [
                    {"url": "/requests-for-quotation", "text": self.language.text("Quotations")},
                    {"url": "/suppliers", "text": self.language.text("Suppliers")},
                    {"url": "/supplier-reviews", "text": self.language.text("Reviews"), "also": "/corrective-actions"},
                    {"url": "/costs", "text": self.language.text("Costs")},
                ]
                if buys
                else []
            ),
            {"url": "/stock", "text": self.language.text("Stock")}
            | ({"count": "/stock/refusals/count"} if signs else {}),
            *(
                [{"url": "/tasks", "text": self.language.text("Warehouse"), "count": "/tasks/count"}]
                if in_stock
                else []
            ),
            {"url": "/messages", "text": self.language.text("Undelivered"), "count": "/messages/count"},
        ]
        query = f"?{self.request.url.query}" if self.request.url.query else ""
        return {
            "now": self.now,
            "user": self.who,
            "roles": list(map(self.language.label, self.who.roles)) if self.who else [],
            "csrf": (self.who and self.who.csrf) or "",
            "menu": menu,
            "here": next(
                (one["url"] for one in menu if here.startswith((one["url"], one.get("also", one["url"])))), here
            ),
            "back": here + query if self.request.method == "GET" else here,
        }


def reader(
    request: Request, settings: Settings, who: Principal | None, now: datetime, otherwise: str | None = None
) -> Reader:
    language = languages(settings.time_zone)[chosen(request, who, otherwise)]
    return Reader(request, language, who, now)

"""A real browser before the real pages: Debian's Chromium, driven by Playwright, the server on loopback."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.async_api import Browser, Page
from pydantic import SecretStr

from api.app import create_app
from api.dependencies import House
from api.pages.rendering import STATIC
from database import session
from database.reference import DEMO_PASSWORD
from runtime.ports import free_port
from runtime.settings import LOOPBACK, Settings
from tests.conftest import NewDatabase
from tests.pages.cases import Cases
from tests.pages.engine import Engine

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SIZES = {"desktop": DESKTOP, "phone": PHONE}
AXE_AT = {"zh": "phone", "en": "desktop"}
"""The size at which axe looks at the pages in a language: at each size, and at each language, once."""


@dataclass
class Shop:
    """The pages being served, the cases in them, and browsers to look at them."""

    address: str
    cases: Cases
    chromium: Browser

    @asynccontextmanager
    async def visitor(
        self, user: str | None = None, *, language: str = "zh", size: dict[str, int] | None = None, script: bool = True
    ) -> AsyncIterator[Page]:
        """Somebody with a browser of their own, logged in as `user` if one is given; errors in it fail the test."""
        context = await self.chromium.new_context(
            viewport=size or DESKTOP,  # type: ignore[arg-type]
            base_url=self.address,
            locale={"zh": "zh-CN", "en": "en-GB"}[language],
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        page, complaints = await context.new_page(), list[str]()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if _bad(line.text, line.type) else None)
        if user:
            await self._log_in(page, user, language)
        yield page
        await context.close()
        assert not complaints

    async def _log_in(self, page: Page, user: str, language: str) -> None:
        await page.goto("/login")
        await page.fill("#user", user)
        await page.fill("#password", DEMO_PASSWORD)
        await page.press("#password", "Enter")
        await page.wait_for_url("**/orders*")
        if not (await page.get_attribute("html", "lang") or "").startswith(language):
            await page.click(f'button[name=language][value="{language}"]')
            await page.wait_for_selector(f'html[lang^="{language}"]')


@dataclass
class Look:
    """A page and who looks at it."""

    user: str | None
    address: str


def _bad(text: str, kind: str) -> bool:
    """Answers like 409 and 422 are meant, and Chromium logs them; anything else is not."""
    return kind == "error" and "the server responded with a status of 4" not in text


@pytest.fixture(scope="module")
async def shop(new_database: NewDatabase, chromium: Browser) -> AsyncIterator[Shop]:
    async with new_database() as url:
        engine = session.engine(url)
        sessions, port = session.sessions(engine), free_port()
        address = f"http://{LOOPBACK}:{port}"
        settings = Settings(database_url=SecretStr(url), public_url=address)
        app, stand_in = create_app(settings), Engine(sessions)
        app.state.house = House(settings, sessions, stand_in)  # type: ignore[arg-type]
        async with _served(app, port):
            yield Shop(address, Cases(app.state.house, stand_in), chromium)
        await engine.dispose()


class _Server(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@asynccontextmanager
async def _served(app: FastAPI, port: int) -> AsyncIterator[None]:
    server = _Server(uvicorn.Config(app, LOOPBACK, port, lifespan="off", log_level="warning", ws="none"))
    serving = asyncio.create_task(server.serve())
    await server.ready.wait()
    yield
    server.should_exit = True
    await serving


async def faults(page: Page, *, axe: bool = True, styles: bool = True) -> list[dict[str, Any]]:
    """What axe finds against WCAG 2.2 AA, in the style sheets too, if asked, and what is wider than the screen."""
    found = await _against_wcag(page, styles) if axe else []
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*found, *([{"id": "sideways", "where": wide}] if wide > 0 else [])]


async def _against_wcag(page: Page, styles: bool) -> list[dict[str, Any]]:
    await page.evaluate((STATIC / "vendor" / "axe.min.js").read_text())
    found: list[dict[str, Any]] = await page.evaluate(
        """async (styles) => (await axe.run(document, {resultTypes: ['violations'], preload: styles,
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}))
        .violations.map(({id, nodes}) => ({id, where: nodes.map((node) => node.target.join(' ')).slice(0, 5)}))""",
        styles,
    )
    return found


async def faulty(shop: Shop, looks: dict[str, Look], language: str) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """What is wrong with which page at which size, whatever is folded away included.

    All pages have the same style sheets, so these are looked at on the first page only.
    """
    found, first = {}, next(iter(looks))
    for user in sorted({look.user or "" for look in looks.values()}):
        async with shop.visitor(user or None, language=language) as page:
            for name, look in looks.items():
                if (look.user or "") != user:
                    continue
                await page.goto(look.address)
                await _in(page, language)
                await _pictures(page, f"{name}-{language}")
                await _unfold(page)
                for size, viewport in SIZES.items():
                    await page.set_viewport_size(viewport)  # type: ignore[arg-type]
                    if wrong := await faults(page, axe=size == AXE_AT[language], styles=name == first):
                        found[name, size] = wrong
    return found


async def _pictures(page: Page, name: str) -> None:
    for size, viewport in SIZES.items():
        if picture := shot(f"{name}-{size}"):
            await page.set_viewport_size(viewport)  # type: ignore[arg-type]
            await page.screenshot(path=picture, full_page=True)


async def _unfold(page: Page) -> None:
    """Opens whatever is folded away, so that it is looked at too; not the menu at the top, which would lie above it."""
    await page.evaluate(
        """document.querySelectorAll("main details").forEach((one) => { one.name = ""; one.open = true; })"""
    )


async def _in(page: Page, language: str) -> None:
    """Customers read the language they were spoken to in, until they choose another."""
    if not (await page.get_attribute("html", "lang") or "").startswith(language):
        await page.click(f'button[name=language][value="{language}"]')
        await page.wait_for_selector(f'html[lang^="{language}"]')


def shot(name: str) -> Path | None:
    """Where a picture of a page goes; nowhere unless HUANJIAN_SHOTS names a folder."""
    folder = os.environ.get("HUANJIAN_SHOTS")
    return Path(folder) / f"{name}.png" if folder else None

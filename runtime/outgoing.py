"""How our processes speak HTTP to other houses: through aiohttp, which takes a quarter of httpx's CPU for a request."""

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp


def http_session(url: str, seconds: float) -> aiohttp.ClientSession:
    """Connections to one house, known by any address of it, through the proxy that the environment names for it. A
    request may take so many seconds, getting a connection at most five of them. Cookies are not kept."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=min(5.0, seconds)),
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=_proxy(url),  # aiohttp itself would read the environment for every request
    )


def _proxy(url: str) -> str | None:
    address = urlsplit(url)
    return None if proxy_bypass(address.hostname or "") else getproxies().get(address.scheme)

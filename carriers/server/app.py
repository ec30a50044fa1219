"""The carrier test server's HTTP side: form in, JSON out, and what goes wrong on request in between."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from carriers.server.control import Control
from carriers.server.depot import Depot
from carriers.server.faults import Fault, FaultKind, Faults
from carriers.server.kuaidi import Failure, Kuaidi, Options
from carriers.server.picture import label_picture
from carriers.server.pushes import Pushes
from carriers.server.texts import Texts

Form = Mapping[str, str]
PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


def create_app(options: Options) -> FastAPI:
    faults = Faults()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        travelling = asyncio.create_task(pushes.run())
        yield
        travelling.cancel()
        with suppress(asyncio.CancelledError):
            await travelling
        depot.close()

    depot = Depot(options.folder)
    pushes = Pushes(depot, faults, options.retry_seconds)
    kuaidi = Kuaidi(options, depot, pushes)
    texts = Texts(options)
    app = FastAPI(title="Carrier test server", lifespan=lifespan)
    app.include_router(Control(options, depot, pushes, faults).router())
    app.include_router(texts.router())

    @app.post("/poll/query.do")
    async def query(request: Request) -> Response:
        form = await _form(request)
        fault = faults.called("query")
        return await _answer(fault, lambda: kuaidi.query(form, fault.kind if fault else None), _poll_failure)

    @app.post("/poll")
    async def subscribe(request: Request) -> Response:
        form = await _form(request)
        return await _answer(faults.called("subscribe"), lambda: kuaidi.subscribe(form), _poll_failure)

    @app.post("/label/order")
    async def label(request: Request) -> Response:
        form, base_url = await _form(request), str(request.base_url)
        fault = faults.called(form.get("method", ""))
        return await _answer(fault, lambda: kuaidi.label(form, base_url), _label_failure)

    @app.get("/label/image/{number}")
    async def image(number: str) -> Response:
        fault = faults.called("image")
        if fault is not None and fault.kind is FaultKind.HTML:
            return HTMLResponse(PAGE, 502)
        return Response(label_picture(number), media_type="image/png")

    @app.post("/sms/send.do")
    async def sms(request: Request) -> Response:
        form = await _form(request)
        return await _answer(faults.called("sms"), lambda: texts.take(form), _sms_failure)

    @app.get("/healthz")
    async def healthz() -> dict[str, bool]:
        return {"ok": True}

    return app


async def _form(request: Request) -> Form:
    async with request.form() as form:
        return {name: str(value) for name, value in form.items()}


async def _answer(
    fault: Fault | None, call: Callable[[], dict[str, Any]], failed: Callable[[Failure], dict[str, Any]]
) -> Response:
    kind = fault.kind if fault else None
    if kind is FaultKind.HTML:
        return HTMLResponse(PAGE, 502)
    try:
        if fault is not None and kind is FaultKind.CODE:
            raise Failure(fault.code, fault.message)
        answer = call()
    except Failure as failure:
        answer = failed(failure)
    if fault is not None and kind is FaultKind.LOST:
        await asyncio.sleep(fault.seconds)
    return JSONResponse(answer)


def _poll_failure(failure: Failure) -> dict[str, Any]:
    return {"result": False, "returnCode": failure.code, "message": failure.text}


def _label_failure(failure: Failure) -> dict[str, Any]:
    return {"success": False, "code": int(failure.code), "message": failure.text, "time": 0}


def _sms_failure(failure: Failure) -> dict[str, Any]:
    return {"status": int(failure.code), "message": failure.text, "data": ""}

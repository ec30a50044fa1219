"""What can go wrong, as a client sees it: problem details (RFC 9457) with codes that never change.

Texts of exceptions nobody foresaw go to the log with an id; the answer carries the id alone.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from socket import gaierror
from typing import Any, Final, NamedTuple, Protocol

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.i18n import preferred
from database.applications import Duplicate
from database.session import unreachable
from domain.stages import Action, Refusal
from domain.texts import Code

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER: Final = 5
"""Seconds after which a client may ask again when something of ours can't be reached."""


class Kind(NamedTuple):
    status: int
    en: str
    zh: str


CATALOGUE: Final[Mapping[str, Kind]] = {
    # the request itself
    "malformed_request": Kind(400, "The request can't be read", "请求无法解析"),
    "malformed_json": Kind(400, "The body is not JSON", "请求体不是有效的 JSON"),
    "idempotency_key_missing": Kind(400, "The header Idempotency-Key is missing", "缺少请求头 Idempotency-Key"),
    "invalid_request": Kind(422, "Some fields are missing or wrong", "部分字段缺失或有误"),
    "invalid_text": Kind(422, "A text holds characters that can't be kept", "文本含有无法保存的字符"),
    "invalid_cursor": Kind(422, "This cursor is not one of this list", "翻页游标无效"),
    "idempotency_key_reused": Kind(
        422, "This Idempotency-Key came with other content before", "该 Idempotency-Key 已用于其他内容"
    ),
    "not_found": Kind(404, "There is no such thing here", "没有找到"),
    "method_not_allowed": Kind(405, "This address does not offer that method", "此地址不支持该方法"),
    "too_large": Kind(413, "The body is too large", "请求体过大"),
    "too_many_requests": Kind(
        429, "Too many requests from this address; wait a while", "来自此地址的请求过多，请稍后再试"
    ),
    # photos
    "photo_empty": Kind(422, "The file is empty", "文件是空的"),
    "photo_too_large": Kind(422, "The file has more than 15 MB", "文件超过 15 MB"),
    "photo_not_a_picture": Kind(
        422, "The file is not a photo (JPEG, PNG, WebP or HEIC)", "文件不是照片（支持 JPEG、PNG、WebP、HEIC）"
    ),
    "photo_too_many_pixels": Kind(422, "The photo has more than 64 million pixels", "照片超过 6400 万像素"),
    "photo_animated": Kind(422, "The file is a moving picture, not a photo", "文件是动图，不是照片"),
    "photo_broken": Kind(422, "The photo is damaged or did not arrive whole", "照片已损坏或不完整"),
    "photo_not_now": Kind(503, "Too many photos at once; send it again soon", "照片处理繁忙，请稍后重试"),
    "unknown_photo": Kind(
        422,
        "A photo was thrown away after a day, or belongs to an application already",
        "照片已过期清除，或已用于其他申请",
    ),
    # words of notices
    "template_syntax": Kind(422, "The template can't be read; line and reason:", "模板写法有误，行号与原因："),
    "template_name_unknown": Kind(422, "No message knows these names:", "以下名称不是可用的内容："),
    "template_not_allowed": Kind(
        422,
        "Only facts, if and for are possible here; line and what else was found:",
        "只能使用内容、if 和 for；行号及多余的写法：",
    ),
    "template_too_long": Kind(422, "The text is too long; signs at most:", "文字过长，最多字数："),
    "template_subject": Kind(422, "A subject is one line with something in it", "主题须为一行且不为空"),
    # who is asking
    "not_logged_in": Kind(401, "Log in, or send an API key", "请先登录或提供 API 密钥"),
    "log_in_refused": Kind(
        401,
        "User or password is wrong, or the account is locked for a while after too many wrong passwords",
        "用户名或密码错误，或因多次输错密码账号暂时锁定",
    ),
    "csrf_failed": Kind(403, "The form is out of date; load the page again", "表单已过期，请刷新页面后重试"),
    "role_forbidden": Kind(403, "Your role may not do this", "您的角色无权进行此操作"),
    "own_case": Kind(403, "Nobody audits a case they entered", "不得审核自己录入的申请"),
    "audit_taken": Kind(403, "Another auditor has taken this audit", "该审核已由其他审核员领取"),
    "signed_before": Kind(
        403, "You signed already; the second signature is for somebody else", "您已签字，第二签须由他人完成"
    ),
    "rejected_before": Kind(
        403, "You rejected this case; the objection is for another auditor", "您曾驳回此单，异议须由其他审核员处理"
    ),
    "push_refused": Kind(403, "The push is not signed as agreed", "推送签名有误"),
    # what was decided
    "stage_moved_on": Kind(409, "This is not possible at this stage (any more)", "当前阶段不能进行此操作"),
    "duplicate": Kind(
        409,
        "An order is open for the same unit and fault; join it, or say that it shall be a new one",
        "同一产品的同一故障已有换件单，请选择并入该单或另立新单",
    ),
    "cannot_join": Kind(422, "This order is not open for the same unit", "该单不是同一产品的未结单，无法并入"),
    "already_booked": Kind(409, "The carrier has a booking for this parcel already", "该包裹已向承运商下单"),
    "not_packed": Kind(409, "The parcel is not packed yet", "包裹尚未打包"),
    "claim_settled": Kind(409, "This claim is settled", "该理赔已结清"),
    "not_your_visit": Kind(403, "This visit is another technician's", "这次上门由其他技师负责"),
    "technician_taken": Kind(409, "The technician has another appointment then", "该技师此时段已有预约"),
    "technician_not_qualified": Kind(
        422, "The technician holds no valid certificate for this product", "该技师没有此类产品的有效资质证书"
    ),
    "nothing_asked": Kind(409, "Nothing waits for the customer's consent", "当前没有待客户确认的内容"),
    "nothing_amended": Kind(422, "Nothing is different from what is known", "与现有资料相同，没有可更正的内容"),
    "quotation_changed": Kind(409, "The quotation changed meanwhile; read the new one", "报价已更新，请查看新的报价"),
    "not_in_warranty": Kind(
        422,
        "No warranty covers this part: charge it to goodwill or the customer",
        "该备件不在保修范围内，请选择优惠承担或客户承担",
    ),
    "outlet_closed": Kind(422, "The outlet is closed then", "该时间网点不营业"),
    "invalid_decision": Kind(422, "The decision does not fit the case", "该决定与此单情况不符"),
    "override_reason_missing": Kind(
        422,
        "The machine says no to a check: write beside it why you sign all the same",
        "有一项系统核对不通过：如仍签字，请在该项旁写明理由",
    ),
    "not_signed": Kind(409, "It is not signed for as it stands now", "此单现状未经签字"),
    "unknown_auditor": Kind(422, "Nobody of that name can do this audit", "此人不能办理该审核"),
    "not_counted": Kind(409, "Some lines are not counted yet", "尚有未盘点的明细"),
    "line_counted": Kind(409, "This line is counted already", "该明细已盘点完毕"),
    "counted_before": Kind(403, "Somebody else has to count this again", "复盘须由另一人进行"),
    "own_count": Kind(403, "Whoever counted does not approve the adjustment", "盘点人不能审批调整"),
    "not_explained": Kind(422, "Name the root cause of every difference", "请为每项差异填写原因"),
    "no_difference": Kind(422, "This line does not differ", "该明细没有差异"),
    "pieces_reserved": Kind(
        409,
        "Pieces that are reserved can't be written off; free them first or count again",
        "已预留的备件不能核减，请先释放预留或重新盘点",
    ),
    "count_again": Kind(409, "Too much has moved since; count these lines again", "盘点后库存变动过大，请重新盘点"),
    "item_unanswered": Kind(422, "Answer every item of the check list", "请逐项填写检查结果"),
    "item_unknown": Kind(422, "The check list has each item once and no others", "检查表中没有此项或重复填写"),
    "unknown_owner": Kind(422, "There is nobody of that name", "没有此人员"),
    "not_inspected": Kind(422, "Say of every piece set apart whether it is sound", "请逐件填写隔离备件的检验结果"),
    "own_remedy": Kind(403, "Somebody else has to accept what you put right", "整改人不能自行验收"),
    "under_inspection": Kind(
        409,
        "The air where the pieces lie was out of range; they can be packed once the finding is settled",
        "存放处温湿度超限，问题验收后方可打包",
    ),
    "no_offer": Kind(422, "No supplier offers this part for that now", "目前没有供应商可供该备件"),
    "no_proceeds": Kind(422, "Nothing is got for what is scrapped", "报废没有回收金额"),
    "unknown_sensor": Kind(422, "There is no such sensor", "没有此传感器"),
    "unknown_warehouse": Kind(422, "There is no such warehouse", "没有此备件库"),
    "nothing_to_count": Kind(422, "There is nothing of that class to count", "该类备件没有可盘点的库存"),
    "count_open": Kind(409, "A count of this class is open in this warehouse", "该库此类备件正在盘点"),
    "no_appointment": Kind(422, "No appointment was made for this visit", "这次上门没有预约"),
    "not_a_substitute": Kind(
        422, "This part is not known to do as well as the one that is wanted", "未登记此件可替代所需备件"
    ),
    "part_not_wanted": Kind(422, "No line of this order waits for this part", "本单没有在等这个备件"),
    "not_enough_stock": Kind(409, "There are not so many free pieces in this place", "该位置没有这么多可动用的件"),
    "serial_needed": Kind(422, "Each piece of this part needs its serial number", "该备件须逐件填写序列号"),
    "serial_known": Kind(422, "A piece with this serial number is known already", "该序列号的备件已有记录"),
    "without_serials": Kind(422, "Pieces of this part have no serial numbers", "该备件不按序列号管理"),
    "serial_not_picked": Kind(
        422, "This piece is not to be picked here, or lies in another parcel", "该件不在拣货范围内，或已装入其他包裹"
    ),
    "refused_serials": Kind(
        422, "Name every refused piece by its serial number, and no other", "请逐一填写不合格件的序列号，且仅限不合格件"
    ),
    "unknown_place": Kind(422, "There is no such place", "没有这个位置"),
    "needs_inspection": Kind(
        409, "Goods become sound by an inspection, not by being moved", "须经检验才能转为合格品，不能直接移库"
    ),
    "named_keeper_needed": Kind(
        403, "These goods move by their named keeper, or by two signatures", "此类物品须由指定保管人办理，或两人签字"
    ),
    "nothing_to_sign": Kind(409, "Nothing waits for a second signature here", "没有等待第二签字的事项"),
    "own_refusal": Kind(403, "The second signature is somebody else's", "第二签字须由他人办理"),
    "unknown_movement": Kind(404, "There is no such movement", "没有这笔出入库"),
    "reversed_before": Kind(409, "This movement was reversed before", "这笔出入库已冲销过"),
    "not_by_hand": Kind(
        409,
        "This movement belongs to a document and is put right there",
        "这笔出入库属于某张单据，应在该单据上更正",
    ),
    "no_supplier": Kind(422, "No qualified supplier offers this part", "没有合格供应商可供此备件"),
    "verified_before": Kind(
        403, "You verified the evidence; somebody else must release", "您验证了证据，须由其他人解除暂停"
    ),
    "supplier_suspended": Kind(
        409, "The supplier is suspended; the buyer decides first", "供应商已被暂停，须先由采购员决定"
    ),
    "nothing_billed": Kind(422, "The amount is not 0", "金额不能为 0"),
    "part_does_not_fit": Kind(422, "This part does not fit the product", "该备件不适用于此产品"),
    "part_superseded": Kind(422, "This part was superseded by another", "该备件已被替代件取代"),
    "part_not_ordered": Kind(422, "The purchase order does not order this part", "该采购订单未订购此备件"),
    "later_than_asked": Kind(
        422, "Propose a date that is later than the one asked for", "晚于要求的交期请用“提出新交期”"
    ),
    "purchase_order_changed": Kind(
        409, "What you saw is not what is ordered; read it again", "订单内容已变，请重新阅读"
    ),
    "said_by_missing": Kind(422, "Write down who at the supplier's said so", "请填写供应商由谁答复"),
    "delivery_note_known": Kind(409, "This delivery note was received before", "该送货单已收过货"),
    "unknown_lot": Kind(422, "Nothing such came on this purchase order", "此采购订单没有该批到货"),
    "lot_inspected": Kind(409, "This lot was inspected before", "该批货物已检验"),
    "sample_incomplete": Kind(
        422, "The sampling plan asks for more pieces, or there are not so many", "检验数量须在抽样数与到货数之间"
    ),
    "readings_incomplete": Kind(
        422, "Each thing must be measured of each piece of the sample", "样品的每个检验项目都须填写读数"
    ),
    "unknown_return": Kind(422, "This purchase order has no such return", "此采购订单没有该退货单"),
    "return_handed_back": Kind(409, "These goods have left before", "该退货已交出"),
    "invoice_known": Kind(409, "This invoice was entered before", "该发票已录入"),
    "unknown_invoice": Kind(422, "This purchase order has no such invoice", "此采购订单没有该发票"),
    "invoice_decided": Kind(409, "This invoice was matched or decided before", "该发票已核对或已处理"),
    "too_many": Kind(422, "More came than is outstanding", "收货数量超过未交数量"),
    "other_waybill": Kind(422, "The parcel was booked under another waybill", "该包裹已使用其他运单号"),
    "waybill_missing": Kind(422, "Type in the waybill number", "请填写运单号"),
    "invalid_time": Kind(422, "This time lies in the past", "该时间已过"),
    "unknown_carrier": Kind(422, "There is no such carrier account", "没有此承运商账户"),
    "unknown_claim": Kind(422, "This order has no such claim", "此单没有该理赔"),
    "unknown_outlet": Kind(422, "There is no such service outlet", "没有此服务网点"),
    "unknown_technician": Kind(422, "There is no such technician", "没有此技师"),
    "unknown_model": Kind(422, "There is no such product model", "没有此产品型号"),
    "unknown_fault": Kind(422, "There is no such fault code", "没有此故障代码"),
    "unknown_part": Kind(422, "There is no such part", "没有此备件"),
    "nobody_qualified": Kind(
        422, "Only suppliers that are qualified for one of the parts can be asked", "只能向对所需备件合格的供应商询价"
    ),
    "still_sealed": Kind(
        409,
        "Bids are sealed until the deadline; it can be put off, not brought forward",
        "截止之前报价保持密封；截止时间只能推迟，不能提前",
    ),
    "bidding_closed": Kind(409, "The deadline is over", "报价已截止"),
    "not_invited": Kind(422, "This supplier was not asked", "未向该供应商询价"),
    "part_not_asked": Kind(422, "This part is not asked of this supplier", "未向该供应商询价此备件"),
    "evidence_needed": Kind(422, "Say on what evidence this bid is entered", "代录报价须注明依据"),
    "no_such_bid": Kind(422, "This supplier made no offer for this part", "该供应商没有对此备件报价"),
    "bid_expired": Kind(422, "The bid is not valid any more", "该报价已过有效期"),
    "unknown_supplier": Kind(422, "There is no such supplier", "没有此供应商"),
    "version_moved_on": Kind(
        409,
        "This version says something else already, or is not the next one",
        "该版本已由他人登记为其他内容，或版本号不连续；请查看后再登记",
    ),
    "against_contract": Kind(
        422, "The policy forbids an order to this supplier for this part", "按制度不得向该供应商订购此备件"
    ),
    "terms_missing": Kind(
        422, "Nothing is agreed for this part: say price and lead time", "此备件没有有效合同：请填写单价和交货天数"
    ),
    "reason_needed": Kind(
        422, "Write the reason; without one the policy does not allow it", "请填写理由，制度要求有理由方可进行"
    ),
    "unknown_service_centre": Kind(422, "There is no such service centre", "没有此售后服务中心"),
    "version_taken": Kind(409, "This version of the policy says something else already", "该制度版本号已有其他内容"),
    "unknown_policy": Kind(422, "There is no such policy", "没有此制度版本"),
    # ourselves
    "engine_unreachable": Kind(
        503,
        "The decision may still be on its way; ask again with the same Idempotency-Key",
        "系统暂时无法答复，请稍后用同一 Idempotency-Key 重试",
    ),
    "database_unreachable": Kind(
        503, "The database can't be reached; ask again soon", "数据库暂时无法访问，请稍后重试"
    ),
    "decision_failed": Kind(
        500, "The decision failed by a fault of ours; nothing has changed", "因系统故障未能办理，未作任何更改"
    ),
    "internal": Kind(500, "Something went wrong on our side", "系统内部出错"),
}

_ACTIONS: Final = frozenset(action.value for action in Action)
_BY_STATUS: Final = {400: "malformed_request", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


class FieldError(BaseModel):
    """One field that is wrong. `pointer` is a JSON pointer into the body, or the name of a parameter."""

    where: str = Field(examples=["body"])
    pointer: str = Field(examples=["/lines/0/quantity"])
    code: str = Field(examples=["greater_than_equal"])
    detail: str
    limits: dict[str, str | int | float | bool] = Field({}, description="Numbers and words the message speaks of.")


class LastStep(BaseModel):
    """What happened last to the document, and who did it."""

    action: str
    by: str
    by_name: str | None = None
    at: datetime


class ProblemDetails(BaseModel):
    """RFC 9457. `code` is stable; titles are for people and follow Accept-Language."""

    type: str = Field(examples=["/v1/problems#stage_moved_on"])
    title: str
    status: int
    code: str
    detail: str | None = None
    instance: str
    errors: list[FieldError] | None = None
    stage: str | None = Field(None, description="Where the document stands now (stage_moved_on).")
    last: LastStep | None = Field(None, description="What happened to it last (stage_moved_on).")
    order: str | None = Field(None, description="The order that may be joined (duplicate).")
    id: str | None = Field(None, description="Under which our log tells more (internal).")


class Problem(HTTPException):
    """An answer from the catalogue."""

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        errors: Iterable[FieldError] | None = None,
        stage: str | None = None,
        last: LastStep | None = None,
        order: str | None = None,
        retry_after: int = RETRY_AFTER,
        id: str | None = None,  # noqa: A002
    ) -> None:
        self.code = code
        self.kind = CATALOGUE.get(code) or CATALOGUE["invalid_decision"]
        self.said = detail
        self.members: dict[str, Any] = {
            "errors": None if errors is None else list(errors),
            "stage": stage,
            "last": last,
            "order": order,
            "id": id,
        }
        later = {"Retry-After": str(retry_after)}
        headers = {503: later, 429: later, 401: {"WWW-Authenticate": "Bearer"}}
        super().__init__(self.kind.status, headers=headers.get(self.kind.status))

    def title(self, language: str) -> str:
        return self.kind.zh if language == "zh" else self.kind.en

    def details(self, request: Request) -> ProblemDetails:
        return ProblemDetails(
            type=f"/v1/problems#{self.code}",
            title=self.title(language(request)),
            status=self.kind.status,
            code=self.code,
            detail=self.said,
            instance=request.url.path,
            **self.members,
        )


class Page(Protocol):
    """What a problem looks like to somebody with a browser."""

    async def __call__(self, request: Request, problem: Problem) -> Response: ...


def language(request: Request) -> str:
    return preferred(request.headers.get("accept-language", ""))


def from_refusal(refusal: Refusal) -> Problem:
    return Problem(refusal.code, str(refusal), order=refusal.number if isinstance(refusal, Duplicate) else None)


def from_validation(error: RequestValidationError) -> Problem:
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return Problem("malformed_json")
    if any(one["type"] == "missing" and one["loc"] == ("header", "Idempotency-Key") for one in found):
        return Problem("idempotency_key_missing")
    return Problem("invalid_request", errors=[_field_error(one) for one in found])


def from_database(error: DBAPIError) -> Problem | None:
    """What a failed statement means to the client; None if it is a fault of ours."""
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if state.startswith("22"):
        return Problem("invalid_text")
    return Problem("database_unreachable") if unreachable(error) else None


async def answer(request: Request, problem: Problem) -> Response:
    """Problem details; outside the API the page that `app.state.problem_page` makes of them."""
    page: Page | None = getattr(request.app.state, "problem_page", None)
    if page is not None and not request.url.path.startswith("/v1/"):
        return await page(request, problem)
    return response(request, problem)


def install(app: FastAPI) -> None:
    """Every failure leaves as a problem."""

    async def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        problem = (
            error if isinstance(error, Problem) else Problem(_BY_STATUS.get(error.status_code, "malformed_request"))
        )
        return await answer(request, problem)

    async def on_refusal(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return await answer(request, from_refusal(error))

    async def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return await answer(request, from_validation(error))

    async def on_database(request: Request, error: Exception) -> Response:
        assert isinstance(error, DBAPIError)
        problem = from_database(error)
        if problem is None:
            raise error
        return await answer(request, problem)

    async def on_no_answer(request: Request, error: Exception) -> Response:
        return await answer(request, Problem("database_unreachable"))

    app.add_exception_handler(HTTPException, on_problem)
    app.add_exception_handler(Refusal, on_refusal)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(DBAPIError, on_database)
    app.add_exception_handler(PoolTimeoutError, on_no_answer)
    app.add_exception_handler(TimeoutError, on_no_answer)
    app.add_exception_handler(ConnectionError, on_no_answer)  # after a commit the next statement may connect anew
    app.add_exception_handler(gaierror, on_no_answer)


def response(request: Request, problem: Problem) -> JSONResponse:
    body = problem.details(request).model_dump(mode="json", exclude_none=True)
    return JSONResponse(body, problem.kind.status, problem.headers, media_type=MEDIA_TYPE)


def responses(*codes: Code) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI of an operation's problems, an example each."""
    documented: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        kind = CATALOGUE[code]
        entry = documented.setdefault(
            kind.status, {"model": ProblemDetails, "description": "", "content": {MEDIA_TYPE: {"examples": {}}}}
        )
        entry["description"] += (" / " if entry["description"] else "") + kind.en
        if kind.status in (429, 503):
            entry["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
        entry["content"][MEDIA_TYPE]["examples"][code] = {
            "summary": kind.en,
            "value": {
                "type": f"/v1/problems#{code}",
                "title": kind.en,
                "status": kind.status,
                "code": code,
                "instance": "/v1/…",
            },
        }
    return documented


def describe(openapi: dict[str, Any]) -> None:
    """Gives the described problems their media type: FastAPI takes every model for plain JSON.

    Whatever takes a body refuses one that is no JSON or too large.
    """
    for methods in openapi["paths"].values():
        for operation in methods.values():
            for answer in operation["responses"].values():
                if MEDIA_TYPE in answer.get("content", {}):
                    answer["content"][MEDIA_TYPE] |= answer["content"].pop("application/json")
            if "requestBody" in operation:
                _add(operation["responses"], "malformed_json", "too_large")


def _add(described: dict[str, Any], *codes: Code) -> None:
    """Adds problems to an operation's, to those with the same status among others."""
    for code in codes:
        [(status, entry)] = responses(code).items()
        schema = {"$ref": f"#/components/schemas/{ProblemDetails.__name__}"}
        there = described.setdefault(str(status), {"description": "", "content": {}})
        content = there["content"].setdefault(MEDIA_TYPE, {"schema": schema, "examples": {}})
        if code not in content["examples"]:
            content["examples"] |= entry["content"][MEDIA_TYPE]["examples"]
            there["description"] += (" / " if there["description"] else "") + entry["description"]


def _field_error(error: Mapping[str, Any]) -> FieldError:
    where, *path = error["loc"]
    limits = {
        name: value for name, value in error.get("ctx", {}).items() if isinstance(value, str | int | float | bool)
    }
    detail: str = error["msg"]
    if path and path[0] in _ACTIONS:  # which decision it is is no step of the way to the field
        path = path[1:]
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        path = [*path, str(limits.pop("discriminator", "")).strip("'")]
        tags = ", ".join(re.findall("'([^']+)'", str(limits.pop("expected_tags", ""))))
        detail = f"Input should be one of {tags}" if tags else "Field required"
    return FieldError(
        where=str(where),
        pointer="".join(map(_step, path)) if where == "body" else ".".join(map(str, path)),
        code=error["type"],
        detail=detail,
        limits=limits,
    )


def _step(name: str | int) -> str:
    return "/" + str(name).replace("~", "~0").replace("/", "~1")

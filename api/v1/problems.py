"""What problems there are: where the `type` of each leads."""

from fastapi import APIRouter
from pydantic import BaseModel

from api.problems import CATALOGUE

router = APIRouter(tags=["problems"])


class ProblemKind(BaseModel):
    code: str
    status: int
    title_en: str
    title_zh: str


@router.get("/problems")
async def list_problems() -> list[ProblemKind]:
    """Every code a problem may have. None is ever renamed."""
    return [
        ProblemKind(code=code, status=kind.status, title_en=kind.en, title_zh=kind.zh)
        for code, kind in CATALOGUE.items()
    ]

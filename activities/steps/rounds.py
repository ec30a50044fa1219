"""Safety rounds, and what they and the sensors found (policy 4.1.2, 4.3.2)."""

from activities.steps.work import TaskSteps, TaskWork
from database import climate, photos, stock, tasks
from database.tables import Finding, FoundBy, MovementReason, RoundAnswer, UserAccount, Zone
from domain.stages import Action, Refusal, Role
from domain.task_decisions import Answered, Inspected, PutRight, ReportRound
from domain.tasks import TaskKind
from domain.warehouse_rules import CheckItem


async def report_round(work: TaskWork) -> None:
    """Every item of the check list is answered; what is not sound becomes a finding with owner and due date."""
    said, number = work.said(ReportRound), work.document.number
    items = {item.code: item for item in work.time.policy.warehouse.rounds.items}
    answers = {answer.item: answer for answer in said.answers}
    if missing := [code for code in items if code not in answers]:
        raise Refusal("item_unanswered", f"nothing is said of {', '.join(missing)}")
    if len(answers) < len(said.answers) or not answers.keys() <= items.keys():
        raise Refusal("item_unknown", "the check list has each item once and no others")
    for code, answer in answers.items():
        work.session.add(RoundAnswer(task=number, item=code, sound=answer.sound, note=answer.note))
        if not answer.sound:
            work.to_begin.append(await _find(work, items[code], answer))
    await photos.claim(work.session, said.photos, number, work.step.seq, of="task")
    work.details |= {"findings": list(work.to_begin), "photos": len(said.photos)}


async def _find(work: TaskWork, item: CheckItem, answer: Answered) -> str:
    if answer.due is not None and answer.due <= work.at:
        raise Refusal("invalid_time", "a finding can't be due in the past")
    if answer.owner is not None and await work.session.get(UserAccount, answer.owner) is None:
        raise Refusal("unknown_owner", f"there is nobody called {answer.owner}")
    number = await tasks.begin(
        work.session,
        TaskKind.FINDING,
        work.document.warehouse,
        work.time,
        work.at,
        cause=f"finding/{work.document.number}/{item.code}",
        by=work.step.by,
        role=work.step.role,
        subject=item.code,
        details={"round": work.document.number, "item": item.code},
        due=answer.due,
        told=(("finding", Role.WAREHOUSE_KEEPER),),
    )
    assert number is not None, "a round is reported once"
    work.session.add(
        Finding(
            task=number,
            found_by=FoundBy.ROUND,
            topic=item.topic,
            round=work.document.number,
            owner=answer.owner,
            note=answer.note,
        )
    )
    await work.session.flush()
    return number


async def put_right(work: TaskWork) -> None:
    """What was done about it, with photos; and what the inspection of every piece showed that was set apart."""
    said, number = work.said(PutRight), work.document.number
    apart, seen = await climate.set_apart(work.session, number), {line.part: line for line in said.lines}
    if {part: line.sound + line.unsound for part, line in seen.items()} != apart or len(seen) < len(said.lines):
        raise Refusal("not_inspected", f"say of every piece that was set apart: {', '.join(apart) or '–'}")
    row = await work.session.get_one(Finding, number)
    row.remedied_by = work.step.by
    row.details = {**row.details, "inspected": [line.model_dump() for line in said.lines]}
    await photos.claim(work.session, said.photos, number, work.step.seq, of="task")


async def accept_remedy(work: TaskWork) -> None:
    """Looked at by somebody else than who put it right. Pieces that were set apart go back, or to the nonconforming."""
    row = await work.session.get_one(Finding, work.document.number)
    if row.remedied_by == work.step.by:
        raise Refusal("own_remedy", "whoever put it right does not accept it")
    inspected = [Inspected.model_validate(line) for line in row.details.get("inspected", ())]
    apart = await climate.set_apart(work.session, work.document.number)
    if {line.part: line.sound + line.unsound for line in inspected} != apart:
        raise Refusal("not_inspected", "more pieces were set apart since; have them inspected too")
    for line in inspected:
        assert row.place is not None
        await _put(work, line.part, line.sound, row.place)
        nonconforming = await stock.place_of(work.session, work.document.warehouse, Zone.NONCONFORMING)
        await _put(work, line.part, line.unsound, nonconforming)


async def _put(work: TaskWork, part: str, pieces: int, target: str) -> None:
    if pieces:
        await stock.move(
            work.session,
            part,
            pieces,
            source=await stock.place_of(work.session, work.document.warehouse, Zone.AWAITING_INSPECTION),
            target=target,
            reason=MovementReason.INSPECTION,
            at=work.at,
            by=work.step.by,
            document=work.document.number,
            effect=f"{work.effect}/{part}/{target}",
        )


STEPS: TaskSteps = {
    Action.REPORT_ROUND: report_round,
    Action.PUT_RIGHT: put_right,
    Action.ACCEPT_REMEDY: accept_remedy,
}

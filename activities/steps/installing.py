"""Installation, and the revisits until the fault is gone (policy 6.1, 6.2)."""

from sqlalchemy import select

from activities.steps.quoting import replace_lines
from activities.steps.work import OrderSteps, OrderWork, lines_in
from database.tables import (
    Appointment,
    AppointmentState,
    Certificate,
    LineState,
    Part,
    ProductModel,
    RevisitAttempt,
    Technician,
)
from domain.order_decisions import (
    AnswerFaulty,
    AnswerWorks,
    BookAppointment,
    Completion,
    Hindrance,
    QuotedLine,
    ReportFitted,
    ReportNotFitted,
    SendPart,
)
from domain.stages import Action, Refusal, Role, Stage
from domain.waiting import Clock
from domain.warranty import months_later


async def book_appointment(work: OrderWork) -> None:
    """A technician with the product's certificate, at a time agreed with the customer (policy 6.1.1, 6.1.2)."""
    said = work.said(BookAppointment)
    if said.starts_at < work.at:
        raise Refusal("invalid_time", "the appointment lies in the past")
    technician = await work.session.get(Technician, said.technician, with_for_update=True)
    if technician is None:
        raise Refusal("unknown_technician", f"there is no technician {said.technician}")
    await _qualified(work, said)
    await call_off_appointment(work)
    taken = await work.session.scalar(
        select(Appointment.order).where(
            Appointment.technician == said.technician,
            Appointment.state == AppointmentState.BOOKED,
            Appointment.starts_at < said.ends_at,
            Appointment.ends_at > said.starts_at,
        )
    )
    if taken:
        raise Refusal("technician_taken", f"{said.technician} is at {taken} then")
    work.session.add(
        Appointment(
            order=work.document.number,
            round=work.document.round,
            technician=said.technician,
            starts_at=said.starts_at,
            ends_at=said.ends_at,
            state=AppointmentState.BOOKED,
        )
    )
    work.document.technician = said.technician
    work.details |= {"technician": said.technician, "starts_at": said.starts_at.isoformat()}
    work.start(Clock.VISIT, said.ends_at)


async def _qualified(work: OrderWork, said: BookAppointment) -> None:
    if work.document.model is None:
        return
    model = await work.session.get_one(ProductModel, work.document.model)
    certificate = await work.session.get(Certificate, (said.technician, model.category))
    if certificate is None or certificate.expires_on < said.starts_at.date():
        raise Refusal("technician_not_qualified", f"{said.technician} has no valid certificate for {model.category}")


async def appointment_of(work: OrderWork) -> Appointment | None:
    """The order's booked appointment, if there is one."""
    return await work.session.scalar(
        select(Appointment).where(
            Appointment.order == work.document.number, Appointment.state == AppointmentState.BOOKED
        )
    )


async def call_off_appointment(work: OrderWork) -> Appointment | None:
    """Gives the technician's time back."""
    appointment = await appointment_of(work)
    if appointment is not None:
        appointment.state = AppointmentState.CALLED_OFF
        await work.session.flush()
    return appointment


async def report_fitted(work: OrderWork) -> None:
    """The part works; its own guarantee begins (policy 2.2.2, 6.1.3)."""
    said = work.said(ReportFitted)
    if work.step.role is Role.TECHNICIAN:
        await _keep_appointment(work)
    elif said.completion is not Completion.FITTED_BY_CUSTOMER:
        raise Refusal("not_your_visit", "only the technician reports a visit")
    else:
        await call_off_appointment(work)
    for line in await lines_in(work, LineState.SHIPPED):
        part = await work.session.get_one(Part, line.part)
        line.state = LineState.FITTED
        line.guarantee_until = months_later(work.at.date(), part.guarantee_months)
    work.document.revisit_attempts = 0
    work.details |= {"completion": said.completion}


async def _keep_appointment(work: OrderWork) -> None:
    appointment = await appointment_of(work)
    if appointment is None:
        raise Refusal("no_appointment", "no appointment was made for this visit")
    if appointment.technician != work.step.by:
        raise Refusal("not_your_visit", f"this visit is {appointment.technician}'s")
    appointment.state = AppointmentState.KEPT


async def report_not_fitted(work: OrderWork) -> None:
    """The visit did not help: what hindered it decides what comes next."""
    said = work.said(ReportNotFitted)
    await _keep_appointment(work)
    work.details |= {"hindrance": said.hindrance}
    if said.hindrance is not Hindrance.CUSTOMER_ABSENT:
        for line in await lines_in(work, LineState.SHIPPED):
            line.state = LineState.RETURNED


async def record_attempt(work: OrderWork) -> None:
    """The customer was not reached: tried again, as often as the policy says (policy 6.2.1)."""
    rules = work.time.policy.revisit
    work.document.revisit_attempts += 1
    _attempt(work, reached=False)
    work.details |= {"attempt": work.document.revisit_attempts, "of": rules.attempts}
    if work.document.revisit_attempts >= rules.attempts:
        work.stage = Stage.CLOSED
        work.document.outcome = "unreachable"
    else:
        work.start(Clock.REVISIT, work.time.after(work.at, rules.again_after))


async def give_up(work: OrderWork) -> None:
    """Nobody reached the customer within the policy's time."""
    work.document.outcome = "unreachable"


async def answer_works(work: OrderWork) -> None:
    satisfaction = work.said(AnswerWorks).satisfaction
    _attempt(work, reached=True, works=True, satisfaction=satisfaction)
    work.document.outcome = "solved"
    work.details |= {"satisfaction": satisfaction}


async def answer_faulty(work: OrderWork) -> None:
    """A bad part or a fault that stays: somebody comes again, until it is solved (policy 6.2.2)."""
    satisfaction = work.said(AnswerFaulty).satisfaction
    _attempt(work, reached=True, works=False, satisfaction=satisfaction)
    work.details |= {"satisfaction": satisfaction} if satisfaction else {}


async def send_part(work: OrderWork) -> None:
    """Another part for this round."""
    said = work.said(SendPart)
    await replace_lines(work, [QuotedLine(part=line.part, quantity=line.quantity) for line in said.lines])
    await work.session.flush()
    work.details |= {"lines": [line.model_dump() for line in said.lines]}


def _attempt(work: OrderWork, *, reached: bool, works: bool | None = None, satisfaction: int | None = None) -> None:
    work.session.add(
        RevisitAttempt(
            order=work.document.number,
            seq=work.step.seq,
            round=work.document.round,
            at=work.at,
            reached=reached,
            works=works,
            satisfaction=satisfaction,
        )
    )


STEPS: OrderSteps = {
    Action.BOOK_APPOINTMENT: book_appointment,
    Action.REPORT_FITTED: report_fitted,
    Action.REPORT_NOT_FITTED: report_not_fitted,
    Action.RECORD_ATTEMPT: record_attempt,
    Action.GIVE_UP: give_up,
    Action.ANSWER_WORKS: answer_works,
    Action.ANSWER_FAULTY: answer_faulty,
    Action.SEND_PART: send_part,
}

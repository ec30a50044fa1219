"""Restate: a workflow whose steps its server records in its own log; people reach it through the server.

Decisions resolve promises the workflow waits for, and wait for the one it resolves after its commit. Steps are done
at least once, so rows have a key. Alarms are the server's timers.
"""

import asyncpg
import restate

from bench.others import order

orders = restate.Workflow("orders")
pool: asyncpg.Pool | None = None


async def execute(statement: str, *values: str) -> None:
    global pool
    if pool is None:
        pool = await asyncpg.create_pool(order.database(), min_size=4, max_size=10)
    await pool.execute(statement, *values)


async def write(number: str, step: str) -> None:
    await execute(order.COMMIT, number, step)


async def call_carrier(number: str) -> None:
    await execute(order.CALL, number)
    order.mishap()


@orders.main()
async def run(context: restate.WorkflowContext, number: str) -> None:
    await commit(context, order.APPLY)
    for action in order.BEFORE_BOOKING:
        await decision(context, action)
    await context.run_typed("call the carrier", call_carrier, number=number)
    await commit(context, order.BOOKED)
    await decision(context, order.HAND_OVER)
    for milestone in order.SCANS:
        await wait(context, milestone)
    await commit(context, order.DELIVERED)
    for action in order.AT_HOME:
        await decision(context, action)


async def commit(context: restate.WorkflowContext, step: str) -> None:
    await context.run_typed(step, write, number=context.key(), step=step)
    await context.promise(f"{step} committed", type_hint=bool).resolve(True)


async def decision(context: restate.WorkflowContext, action: str) -> None:
    await wait(context, action)
    await commit(context, action)


async def wait(context: restate.WorkflowContext, name: str) -> None:
    reached = context.promise(name, type_hint=bool)
    while (await restate.select(reached=reached.value(), alarm=context.sleep(order.ALARM)))[0] == "alarm":
        pass


@orders.handler()
async def decide(context: restate.WorkflowSharedContext, action: str) -> None:
    await context.promise(action, type_hint=bool).resolve(True)
    await context.promise(f"{action} committed", type_hint=bool).value()


@orders.handler()
async def scanned(context: restate.WorkflowSharedContext, milestone: str) -> None:
    await context.promise(milestone, type_hint=bool).resolve(True)


@orders.handler()
async def reached(context: restate.WorkflowSharedContext, step: str) -> bool:
    return bool(await context.promise(f"{step} committed", type_hint=bool).peek())


app = restate.app([orders])

"""The portal's processor: one process with a worker for each queue.

Runs as `python -m bot.demo.workload.processor --redis URL --salesforce URL`. SIGTERM ends it after
the jobs in hand, or after `GRACE_SECONDS` if one of them hangs; that one stays in `active` without
anybody working on it, as in production. It also ends when its standard input closes (see `child`).
"""

import argparse
import asyncio
import logging
import random
import signal
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, cast

from bullmq import Worker
from redis.asyncio import Redis

from bot.demo.workload import child
from bot.demo.workload.orders import IMPORT_FIELD, ORDER_QUEUE
from bot.demo.workload.salesforce import OrderUpdates
from bot.demo.workload.sims import SIM_QUEUE
from bot.demo.workload.systems import HANGING_PRODUCT, SWITCHES_KEY, Systems

GRACE_SECONDS = 2.0
HANG_SECONDS = 180.0

_CONCURRENCY = {ORDER_QUEUE: 3, SIM_QUEUE: 2}
_WORKER_OPTIONS = {
    "autorun": False,  # run() is a task of ours, so that a worker that dies is noticed
    "lockDuration": 10_000,
    "stalledInterval": 5_000,
    "maxStalledCount": 10,  # the processor is stopped and started often in a demo
}
_log = logging.getLogger(__name__)


class Processor:
    """What is done for one job of each queue, against the systems as they are then."""

    def __init__(
        self,
        *,
        systems: Callable[[], Awaitable[Systems]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        dice: random.Random | None = None,
    ) -> None:
        self._systems = systems
        self._sleep = sleep
        self._dice = dice or random.Random()

    async def provision_order(self, job: Any, _token: str) -> dict[str, Any]:
        """Fulfil one order; raises SystemRefusedError with the runbook's code."""
        data = cast("Mapping[str, Any]", job.data)
        event = cast("Mapping[str, Any]", data["eventPayload"])
        if event.get(IMPORT_FIELD):
            return await self._provision_imported(data["sfOrderId"], event)
        await job.log(f"Fulfilling order {data['sfOrderId']}: {event['ProductName__c']}")
        await self._work(0.1, 0.4)
        systems = await self._systems()
        systems.salesforce_order(data["sfOrderId"])
        product_id = systems.product_id(event["ProductName__c"])
        await job.log(f"Order found in Salesforce, its WHMCS product is {product_id}")
        if event["ProductName__c"] == HANGING_PRODUCT:
            await job.log("Waiting for WHMCS to answer AddOrder")
            await self._sleep(HANG_SECONDS)
        await self._work(0.1, 0.7)
        systems = await self._systems()
        systems.whmcs_pay_method(event)
        whmcs_order = systems.whmcs_add_order(event)
        await job.log(f"WHMCS order {whmcs_order} created, Salesforce order activated")
        return {"whmcsOrderId": whmcs_order}

    async def _provision_imported(self, order_id: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """The same without a wait or a log: there are thousands of them."""
        systems = await self._systems()
        systems.salesforce_order(order_id)
        systems.product_id(event["ProductName__c"])
        systems.whmcs_pay_method(event)
        return {"whmcsOrderId": systems.whmcs_add_order(event)}

    async def change_network(self, job: Any, _token: str) -> dict[str, Any]:
        """Change one SIM's network type; raises SystemRefusedError with the runbook's code."""
        data = cast("Mapping[str, Any]", job.data)
        account, due = data["simAccount"], datetime.fromisoformat(data["scheduledAt"])
        await job.log(f"Changing subscription {data['subscriptionId']} at Freebit")
        await self._work(0.2, 1.1)
        systems = await self._systems()
        systems.freebit_login(account, due=due)
        systems.freebit_change_network(account, due=due)
        await job.log(f"Network type is {data['params']['networkType']}")
        return {"resultCode": "100"}

    async def _work(self, least: float, most: float) -> None:
        await self._sleep(self._dice.uniform(least, most))


async def serve(redis_url: str, salesforce_url: str) -> None:
    """Run both workers until SIGTERM, SIGINT, the parent's end, or a worker's own end."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    child.when_parent_goes(ending.set)
    async with Redis.from_url(redis_url, decode_responses=True) as redis:

        async def systems() -> Systems:
            return Systems.from_switches(await cast("Any", redis.hgetall(SWITCHES_KEY)))

        processor = Processor(systems=systems)
        workers = [
            _worker(ORDER_QUEUE, processor.provision_order, redis_url=redis_url),
            _worker(SIM_QUEUE, processor.change_network, redis_url=redis_url),
        ]
        updates = OrderUpdates(url=salesforce_url)
        _tell(workers[0], updates)
        sending = asyncio.create_task(updates.run())
        runs = [asyncio.create_task(worker.run()) for worker in workers]
        end = asyncio.create_task(ending.wait())
        await asyncio.wait([end, *runs], return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        await _close(workers, runs)
        sending.cancel()
        await updates.flush()


def _tell(worker: Any, updates: OrderUpdates) -> None:
    """Tell Salesforce how each order ended: with its last attempt only, as the runbook says."""

    def failed(job: Any, error: Exception, *_: object) -> None:
        if job.finishedOn:
            updates.failed(job.data["sfOrderId"], str(error))

    worker.on("failed", failed)
    worker.on("completed", lambda job, *_: updates.done(job.data["sfOrderId"]))


def _worker(queue: str, work: Callable[[Any, str], Awaitable[object]], *, redis_url: str) -> Any:
    # redis-py 8 gives up a read after 5 s by default, and a worker blocks for up to 10 s: an idle
    # worker would run into one time-out after the other and sleep ever longer in between.
    joint = "&" if "?" in redis_url else "?"
    options = {
        **_WORKER_OPTIONS,
        "connection": f"{redis_url}{joint}socket_timeout=30",
        "concurrency": _CONCURRENCY[queue],
    }
    worker = Worker(queue, work, options)
    worker.on("error", lambda error, *_: _log.warning("%s: %s", queue, error))
    return worker


async def _close(workers: list[Any], runs: list[asyncio.Task[None]]) -> None:
    """Let the jobs in hand finish, within the grace; then give up what is left of them.

    `Worker.close` swallows cancellation until its jobs are done, hence tasks and a time-out
    instead of `wait_for`. A job it fetched while closing is not among those it waits for.
    """
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + GRACE_SECONDS
    closing = [asyncio.create_task(worker.close()) for worker in workers]
    await asyncio.wait([*closing, *runs], timeout=GRACE_SECONDS)
    in_hand = [task for worker in workers for task in worker.processing if not task.done()]
    if in_hand:
        await asyncio.wait(in_hand, timeout=max(0.0, give_up_at - loop.time()))
    for worker in workers:
        worker.cancelProcessing()
    await asyncio.wait([*closing, *runs], timeout=1.0)
    for run in runs:
        if run.done() and not run.cancelled() and (error := run.exception()) is not None:
            _log.error("A worker ended: %s", error)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="The demo's job processor.")
    parser.add_argument("--redis", required=True, help="address of the queues' Redis")
    parser.add_argument("--salesforce", required=True, help="address of the local Salesforce")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="processor: %(message)s")
    asyncio.run(serve(arguments.redis, arguments.salesforce))


if __name__ == "__main__":
    main()

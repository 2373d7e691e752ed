"""The demo's world: producers, the processor process, the switches, and a view of it all."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self, cast

from redis.asyncio import Redis

from bot.demo.localsalesforce import LocalSalesforce, OrderBook, OrderRecord
from bot.demo.localsalesforce.orders import ACTIVATING, FAILED
from bot.demo.workload import child, losses, outage
from bot.demo.workload.orders import HANG, ORDER_QUEUE
from bot.demo.workload.portal import JOB_OPTIONS, Portal
from bot.demo.workload.sims import SIM_QUEUE
from bot.demo.workload.switches import SWITCHES, find_switch
from bot.demo.workload.systems import LIVE_ORDER_PREFIX, SWITCHES_KEY
from bot.tasks import cancelled

QUEUES = (ORDER_QUEUE, SIM_QUEUE)

_BURST = 100
_AT_ONCE = 20
_DAY = 1_000_000
_SALESFORCE = {"salesforce_refuses", "salesforce_down"}
_STOP_SECONDS = 5.0

# Not from the completed set: it keeps 100 jobs, less than a minute's worth of a burst.
_FINISHED_SINCE = """
local finished = 0
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], ARGV[1], '+')) do
  local fields = entry[2]
  for place = 1, #fields, 2 do
    if fields[place] == 'event' then
      local event = fields[place + 1]
      if event == 'completed' or event == 'failed' then finished = finished + 1 end
    end
  end
end
return finished
"""


class World:
    """The Customer Portal as a stand-in, on the Redis at `redis_url`; an async context manager.

    `start` and `stop` are for one task; `snapshot` and `switch` may be called at any time between.
    """

    def __init__(self, *, redis_url: str) -> None:
        self._url = redis_url
        self._redis: Redis = Redis.from_url(redis_url, decode_responses=True)
        self.salesforce = LocalSalesforce(book=OrderBook(flow=self._publish))
        self.salesforce.rest.day = _DAY
        self._publishing = asyncio.Semaphore(_AT_ONCE)
        self._portal = Portal(redis=self._redis, approved=self._approve)
        self._processor: Process | None = None
        self._producers: list[asyncio.Task[None]] = []
        self._switching = asyncio.Lock()

    async def start(self) -> None:
        """Start the processor, seed one failing job for each error code, start the producers."""
        try:
            await self.salesforce.start()
            await self._redis.delete(SWITCHES_KEY)
            await self._start_processor()
            await self._portal.seed()
        except BaseException:
            await self.stop()
            raise
        self._producers = [
            asyncio.create_task(self._portal.produce_orders(), name="demo-orders"),
            asyncio.create_task(self._portal.produce_sims(), name="demo-sims"),
        ]

    async def stop(self) -> None:
        """End everything `start` began; the jobs stay in Redis."""
        for producer in self._producers:
            await cancelled(producer)
        self._producers = []
        await self._stop_processor()
        await self.salesforce.stop()
        await self._portal.close()
        await self._redis.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def snapshot(self) -> dict[str, Any]:
        """Describe queues, systems and switches for the demo page, ready for JSON."""
        switched = await self._switched_on()
        return {
            "queues": [await self._queue(name) for name in QUEUES],
            "systems": [
                {"id": "whmcs", "label": "WHMCS", "up": "whmcs_down" not in switched},
                {"id": "freebit", "label": "Freebit", "up": "freebit_refused" not in switched},
                {"id": "salesforce", "label": "Salesforce", "up": not switched & _SALESFORCE},
                {"id": "processor", "label": "Processor", "up": self._processor_runs()},
            ],
            "switches": [
                {
                    "id": switch.id,
                    "label": switch.label,
                    "help": switch.help,
                    "kind": switch.kind,
                    "on": switch.id in switched,
                }
                for switch in SWITCHES
            ],
        }

    async def switch(self, switch_id: str, on: bool | None) -> dict[str, Any]:
        """Turn a switch on or off, or press a button (whatever `on` is), and describe the result.

        Raises:
            ValueError: there is no such switch.
        """
        switch = find_switch(switch_id)
        async with self._switching:
            if switch.id == "burst":
                await self._portal.add_orders(_BURST)
            elif switch.id == "hang":
                await self._portal.add_order(HANG)
            elif switch.id == "fill":
                for order in await outage.fill(self._redis, JOB_OPTIONS):
                    self._approve(order.data, error=order.reason, modified=order.failed)
            elif switch.id == "bare_clean":
                await losses.clean_by_hand(self._redis)
            elif switch.id == "lose_data":
                await losses.lose_data(self._redis)
            elif switch.id == "event_lost":
                self._approve(self._portal.new_order())
            elif switch.id == "processor_stopped":
                await (self._stop_processor() if on else self._start_processor())
            else:
                await cast("Any", self._redis.hset(SWITCHES_KEY, switch.id, str(int(bool(on)))))
                await self._turn_salesforce()
        return await self.snapshot()

    async def _turn_salesforce(self) -> None:
        switched = await self._switched_on()
        self.salesforce.book.frozen = "salesforce_refuses" in switched
        self.salesforce.faults.down = "salesforce_down" in switched

    def _approve(
        self, data: Mapping[str, Any], *, error: str | None = None, modified: datetime | None = None
    ) -> None:
        """CS approves an order; those of the organisation before are not in this Salesforce."""
        order_id = data["sfOrderId"]
        if order_id.startswith(LIVE_ORDER_PREFIX):
            status = FAILED if error else ACTIVATING
            self.salesforce.book.put(
                order_id, status=status, error=error, payload=data, modified=modified
            )

    async def _publish(self, order: OrderRecord) -> None:
        """What the flow does for an order that became Activating: an event, and so a new job."""
        async with self._publishing:
            await self._portal.add_again(order.payload)

    async def _switched_on(self) -> set[str]:
        stored = await cast("Any", self._redis.hgetall(SWITCHES_KEY))
        switched = {switch_id for switch_id, value in stored.items() if value == "1"}
        return switched if self._processor_runs() else switched | {"processor_stopped"}

    async def _queue(self, name: str) -> dict[str, Any]:
        key = f"bull:{name}:"
        seconds, _ = await cast("Any", self._redis.time())
        async with self._redis.pipeline(transaction=False) as pipe:
            for state in ("wait", "active"):
                pipe.llen(key + state)
            for state in ("delayed", "completed", "failed"):
                pipe.zcard(key + state)
            pipe.hexists(f"{key}meta", "paused")
            pipe.eval(_FINISHED_SINCE, 1, f"{key}events", (seconds - 60) * 1000)
            waiting, active, delayed, completed, failed, paused, finished = await pipe.execute()
        return {
            "name": name,
            "waiting": waiting,
            "active": active,
            "delayed": delayed,
            "completed": completed,
            "failed": failed,
            "paused": bool(paused),
            "processed_per_min": float(finished),
        }

    def _processor_runs(self) -> bool:
        return self._processor is not None and self._processor.returncode is None

    async def _start_processor(self) -> None:
        if not self._processor_runs():
            await self._stop_processor()
            self._processor = await child.spawn(
                "bot.demo.workload.processor",
                "--redis",
                self._url,
                "--salesforce",
                self.salesforce.url,
            )

    async def _stop_processor(self) -> None:
        process, self._processor = self._processor, None
        if process is not None:
            await child.stop(process, within=_STOP_SECONDS)

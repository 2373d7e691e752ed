"""Which Bullhorn counts as the one at work, and what the page's panel makes of them."""

from bot.demo.bots import WithBots, Work


class QuietWorld:
    def __init__(self):
        self.turned = []

    async def snapshot(self):
        return {"queues": [], "systems": [], "switches": [{"id": "burst"}]}

    async def switch(self, switch_id, on):
        self.turned.append((switch_id, on))
        return await self.snapshot()


class TwoBots:
    def __init__(self):
        self.done = []

    async def second(self, on):
        self.done.append(on)

    async def kill(self):
        self.done.append("kill")

    async def snapshot(self):
        return [{"id": "bullhorn-1"}]

    def switches(self):
        return [{"id": "two_bots"}, {"id": "kill_bot"}]


def test_the_one_with_a_repair_is_at_work_rather_than_the_one_that_leads():
    idle, leads, runs = Work(), Work(leads=True), Work(operations=1)

    assert max(idle, leads, runs) == runs
    assert max(idle, leads) == leads
    assert [work.words for work in (idle, leads, runs)] == ["up", "leads", "runs a repair"]
    assert Work(operations=1, leads=True).words == "leads · runs a repair"


async def test_the_panel_turns_the_switches_of_bullhorn_and_of_the_world():
    world, bots = QuietWorld(), TwoBots()
    panel = WithBots(world)
    panel.bots = bots

    await panel.switch("two_bots", True)
    await panel.switch("kill_bot", None)
    shown = await panel.switch("burst", None)

    assert bots.done == [True, "kill"]
    assert world.turned == [("burst", None)]
    assert [switch["id"] for switch in shown["switches"]] == ["burst", "two_bots", "kill_bot"]
    assert shown["bots"] == [{"id": "bullhorn-1"}]


async def test_while_the_demo_begins_the_panel_shows_the_world_alone():
    shown = await WithBots(QuietWorld()).snapshot()

    assert "bots" not in shown

"""A person at the demo's page: what they can do there, by mouse or keyboard, and what they see."""

import re

from playwright.async_api import expect

PATIENCE = 60_000
"""Milliseconds within which an alert comes, and goes."""
# Whatever is looked for may take its time on a busy machine.
expect.set_options(timeout=PATIENCE / 2)
_STEPS = 120
"""Tabs after which a control counts as out of the keyboard's reach."""

# What sticks out of the window to the right, other than inside a box that scrolls sideways on
# purpose (a wide table), and panes that scroll sideways and should not.
_STICKS_OUT = """() => {
  const panes = ".scroll, .home, .dialog-body, .truth-scroll";
  const edge = document.documentElement.clientWidth;
  const right = (node) => node.getBoundingClientRect().right;
  const wider = (node) => node.scrollWidth > node.clientWidth;
  const scrolls = (node) => /auto|scroll/.test(getComputedStyle(node).overflowX) &&
    wider(node) && right(node) <= edge + 0.5 && !node.matches(panes);
  const held = (node) => {
    for (let up = node.parentElement; up; up = up.parentElement) if (scrolls(up)) return true;
    return false;
  };
  const shown = (node) => node.checkVisibility({ visibilityProperty: true });
  const out = [...document.querySelectorAll("body *")].filter(shown)
    .filter((node) => node.offsetWidth > 1 && right(node) > edge + 0.5 && !held(node));
  const sideways = [document.documentElement, ...document.querySelectorAll(panes)]
    .filter((node) => shown(node) && wider(node));
  return [...out, ...sideways]
    .map((node) => `${node.tagName}.${node.className} ${node.textContent.slice(0, 60)}`);
}"""

_AXE = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  return found.violations.map((one) => ({
    id: one.id, impact: one.impact, help: one.help,
    where: one.nodes.map((node) => `${node.target.join(" ")}: ${node.failureSummary}`),
  }));
}"""


class Desk:
    """One page, and everything that the browser complained of on it."""

    def __init__(self, page, *, axe):
        self.page = page
        self.keys = page.keyboard
        self.complaints = []
        self._axe = axe
        page.set_default_timeout(PATIENCE / 2)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("response", self._on_response)

    def _on_console(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _on_response(self, response):
        if response.status >= 400:
            self.complaints.append(f"{response.status}: {response.url}")

    async def open(self, address, person):
        """Open the page as that person, and wait until the bot is there."""
        await self.page.goto(address)
        await expect(self.page.get_by_text("Bullhorn is connected")).to_be_attached()
        await self.sit(person)

    async def sit(self, person):
        """Be that person from now on."""
        await self.page.get_by_role("radio", name=person, include_hidden=True).evaluate(
            "node => node.checked || node.click()"
        )

    # What is there

    @property
    def composer(self):
        """The box to type in."""
        return self.page.locator("#composer-text")

    @property
    def app(self):
        """Bullhorn's place in the sidebar."""
        return self.page.locator("#apps").get_by_role("button")

    @property
    def replies(self):
        """The links from messages to their threads."""
        return self.page.get_by_role("button", name=re.compile(r"\d+ repl(y|ies)"))

    def switch(self, name):
        """A switch of the truth panel."""
        return self.page.get_by_role("switch", name=name)

    def row(self, *words):
        """The newest message with all these words (texts or patterns)."""
        rows = self.page.locator("#messages").get_by_role("listitem")
        for word in words:
            rows = rows.filter(has_text=word)
        return rows.last

    async def alert(self, queue):
        """Wait for the spike's alert of a queue; gives its message, whatever it says later."""
        words = (queue, re.compile(r"\d+ failures? in 1 min \(above 5\)"))
        fresh = self.row(*words)
        await expect(fresh).to_be_visible(timeout=PATIENCE)
        ts = await fresh.get_attribute("data-ts")
        return self.page.locator(f'#messages .row[data-ts="{ts}"]')

    async def resolved(self, alert):
        """Wait until an alert has ended."""
        await expect(alert).to_contain_text("Resolved after", timeout=PATIENCE)

    # What a person does

    async def type(self, text):
        """Type into the box that has the focus, and send."""
        await self.keys.type(text)
        await self.keys.press("Enter")

    async def ask(self, command, *words):
        """Click into the box, type a command, and give the answer with these words."""
        await self.composer.click()
        await self.type(command)
        answer = self.row("Only visible to you", *words)
        await expect(answer).to_be_visible()
        return answer

    async def tab_to(self, control, *, back=False):
        """Press Tab (or Shift+Tab) until the control has the focus.

        Raises:
            AssertionError: the keyboard does not get there.
        """
        await expect(control).to_be_visible()
        for _ in range(_STEPS):
            if await control.evaluate("node => node === document.activeElement"):
                return
            await self.keys.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"{_STEPS} Tabs do not reach {control}")

    # What must hold at any time

    async def faults(self):
        """The serious and critical accessibility faults that axe-core finds now."""
        await self.page.evaluate(f"() => {{ {self._axe} }}")
        found = await self.page.evaluate(_AXE)
        return [one for one in found if one["impact"] in ("serious", "critical")]

    async def sticks_out(self):
        """What is wider than the window."""
        return await self.page.evaluate(_STICKS_OUT)

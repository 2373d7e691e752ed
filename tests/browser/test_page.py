"""The demo's page in a real browser: an incident from break to resolved, by mouse and keyboard."""

import asyncio
import re

import pytest
import pytest_asyncio
from playwright.async_api import expect

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(150)]

ORDERS, SIMS = "order-provisioning", "sim-management"
RETRY = re.compile(r"^Retry (these|this)")
NOW = re.compile(r"^Retry \d+ now$")
YES = re.compile(r"^Retry \d+$")
_MOVED = re.compile(r"Moved \d+ of \d+ FREEBIT_AUTH_FAILED back to waiting")


async def by_mouse(seat):
    """WHMCS goes down; Bob sees the alert, mends WHMCS, and retries what failed."""
    bob = await seat("Bob")
    await bob.switch("WHMCS down").click()
    alert = await bob.alert(ORDERS)
    await bob.switch("WHMCS down").click()

    failed = await bob.ask(f"/queue failed {ORDERS}", "failed in", "WHMCS_ERROR")
    job = await example(failed, "WHMCS_ERROR")
    await failed.get_by_role("button", name=RETRY).first.click()
    plan = bob.row("Only visible to you", "that failed with WHMCS_ERROR?")
    await plan.get_by_role("button", name=NOW).click()
    # It failed a moment ago, so Bullhorn asks once more.
    await bob.page.get_by_role("dialog").get_by_role("button", name=YES).click()
    await expect(bob.row("Begun:", ORDERS)).to_be_visible()
    # Orders go the way that the runbook recommends: their new jobs run, the old ones are archived.
    set_right = re.compile(r"Set \d+ of \d+ WHMCS_ERROR to Activating in Salesforce")
    await expect(bob.row(set_right, re.compile(r"\d+ completed"), "@Bob")).to_be_visible()

    await bob.resolved(alert)
    await bob.ask(f"/queue job {ORDERS} {job}", f"Job {job} is ")
    return bob.complaints


async def by_keyboard(seat):
    """Freebit refuses the login; Alice does all of the same without a mouse."""
    alice = await seat("Alice")
    freebit = alice.switch("Freebit refuses login")
    await alice.tab_to(freebit)
    await alice.keys.press("Space")
    alert = await alice.alert(SIMS)
    await alice.tab_to(freebit)
    await alice.keys.press("Space")

    await alice.tab_to(alice.composer, back=True)
    await alice.keys.type("/q")
    await alice.keys.press("Tab")  # completes the suggestion
    await alice.type(f"failed {SIMS}")
    failed = alice.row("Only visible to you", "failed in", "FREEBIT_AUTH_FAILED")
    job = await example(failed, "FREEBIT_AUTH_FAILED")
    await alice.tab_to(failed.get_by_role("button", name=RETRY).first, back=True)
    await alice.keys.press("Enter")
    plan = alice.row("Only visible to you", "that failed with FREEBIT_AUTH_FAILED?")
    await alice.tab_to(plan.get_by_role("button", name=NOW))
    await alice.keys.press("Enter")
    await confirm_by_keyboard(alice)
    await expect(alice.row(_MOVED, SIMS)).to_be_visible()

    await alice.resolved(alert)
    await alice.tab_to(alice.composer)
    await alice.type(f"/queue job {SIMS} {job}")
    await expect(alice.row("Only visible to you", f"Completed · job {job} ")).to_be_visible()
    return alice.complaints


async def example(failed, code):
    """The newest job that failed with the code."""
    words = await failed.inner_text()
    return re.search(rf"{code}.*?e\.g\. job (\d+)", words, re.DOTALL)[1]


async def confirm_by_keyboard(person):
    """A dangerous retry asks again: Escape takes it back, Enter on its button carries it out."""
    dialog = person.page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    await person.keys.press("Escape")
    await expect(dialog).to_have_count(0)
    await person.keys.press("Enter")
    await person.tab_to(dialog.get_by_role("button", name=YES))
    await person.keys.press("Enter")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def incidents(seat):
    """Both incidents side by side, as each takes the better part of a minute."""
    flows = {"mouse": by_mouse(seat), "keyboard": by_keyboard(seat)}
    tasks = {name: asyncio.create_task(flow, name=name) for name, flow in flows.items()}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


async def test_an_incident_is_repaired_with_the_mouse_and_the_console_stays_quiet(incidents):
    assert await incidents["mouse"] == []


async def test_an_incident_is_repaired_with_the_keyboard_alone(incidents):
    assert await incidents["keyboard"] == []


async def test_nothing_sticks_out_of_a_phone(incidents, seat):
    phone = await seat("Vera", wide=375, tall=667, touch=True)
    page = phone.page
    wide = {}

    async def look(view):
        if found := await phone.sticks_out():
            wide[view] = found

    await phone.ask(f"/queue failed {ORDERS}", "order-provisioning")
    await phone.ask("/queue", "sim-management")
    await look("channel")
    await page.get_by_role("button", name="Channels and people").tap()
    await look("menu")
    await phone.app.tap()
    await look("home")
    await page.get_by_role("tab", name="Messages").tap()
    await look("messages with Bullhorn")
    await page.get_by_role("button", name="Channels and people").tap()
    await page.get_by_role("button", name=re.compile("^incidents")).tap()
    await page.get_by_role("button", name="The truth", exact=True).tap()
    await look("truth")
    await page.get_by_role("button", name="Close the truth").tap()
    await phone.replies.first.tap()
    await look("thread")

    assert wide == {}
    assert phone.complaints == []


async def test_what_is_typed_while_another_person_sits_down_is_theirs(seat):
    desk = await seat("Bob")
    typed = asyncio.Event()

    async def hold(route):
        await typed.wait()
        await route.continue_()

    await desk.composer.fill("of Bob")
    await desk.page.route("**/local/messages?*", hold)
    await desk.sit("Vera")
    await desk.composer.click()
    await desk.keys.type("/queue failed")
    async with desk.page.expect_websocket():
        typed.set()

    await expect(desk.composer).to_have_value("/queue failed")
    await desk.sit("Bob")
    await expect(desk.composer).to_have_value("of Bob")
    assert desk.complaints == []


async def test_what_could_not_be_sent_is_in_the_box_again_with_a_word(seat):
    desk = await seat("Bob")
    await desk.page.route("**/local/command", lambda route: route.abort())
    await desk.composer.click()
    await desk.type("/queue help")
    await expect(desk.page.get_by_role("alert")).to_contain_text("Not sent")
    await expect(desk.composer).to_have_value("/queue help")
    assert await desk.faults() == []
    await desk.page.unroute("**/local/command")
    await desk.keys.press("Enter")
    await expect(desk.row("Only visible to you", "retry QUEUE")).to_be_visible()
    await expect(desk.composer).to_have_value("")
    assert [one for one in desk.complaints if "ERR_FAILED" not in one] == []


@pytest.mark.parametrize("wide", [1280, 375])
async def test_axe_finds_no_serious_fault_in_any_view(incidents, seat, wide):
    bob = await seat("Bob", wide=wide)
    page = bob.page
    faults = {}

    async def look(view):
        if found := await bob.faults():
            faults[view] = found

    await bob.ask("/queue", "sim-management")
    await bob.ask("/queue help", "retry")
    failed = await bob.ask(f"/queue failed {ORDERS}", "MAPPING_ERROR")
    await look("channel")
    await failed.get_by_role("button", name=RETRY).first.click()
    plan = bob.row("Only visible to you", re.compile("^.*Retry.* 1 job of"))
    await plan.get_by_role("button", name=NOW).click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await look("confirmation")
    await page.get_by_role("dialog").get_by_role("button").first.click()
    await bob.composer.fill("/")
    await look("suggestions")
    await bob.composer.fill("")
    await bob.replies.first.click()
    await look("thread")
    await page.get_by_role("button", name="Close thread").click()
    if wide < 760:
        await page.get_by_role("button", name="The truth", exact=True).click()
        await look("truth")
        await page.get_by_role("button", name="Close the truth").click()
        await page.get_by_role("button", name="Channels and people").click()
        await look("menu")
    await bob.app.click()
    await look("home")
    await page.get_by_role("tab", name="Messages").click()
    await look("messages with Bullhorn")

    assert faults == {}
    assert bob.complaints == []


async def test_a_dialog_keeps_a_wrong_name_and_takes_the_right_one(incidents, seat):
    """Alice asks to drain what a pause has held back; Dana refuses, and nothing was changed."""
    alice, dana = await seat("Alice"), await seat("Dana")
    await alice.composer.click()
    await alice.type(f"/queue pause {ORDERS} for a drain")
    await expect(alice.row("paused", ORDERS)).to_be_visible()
    await alice.page.get_by_role("button", name="Send 100 orders at once").click()
    await alice.composer.click()
    await alice.type(f"/queue drain {ORDERS}")
    dialog = alice.page.get_by_role("dialog", name="Drain a queue")
    await expect(dialog).to_be_visible()
    assert await alice.faults() == []
    field = dialog.get_by_role("textbox", name=f"Type the queue's name: {ORDERS}")
    await expect(field).to_be_focused()
    await alice.type("order-provisoning")
    await expect(dialog.get_by_text("That is not the queue's name")).to_be_visible()
    await expect(field).to_have_attribute("aria-invalid", "true")
    await field.fill(ORDERS)
    await alice.keys.press("Enter")
    await expect(dialog).to_have_count(0)
    await expect(alice.row("Only visible to you", "another admin has until")).to_be_visible()

    request = dana.row(f"@Alice asks to drain {ORDERS}")
    await request.get_by_role("button", name="Approve").click()
    sure = dana.page.get_by_role("dialog", name=f"Drain {ORDERS}?")
    await sure.get_by_role("button", name="Cancel").click()
    await request.get_by_role("button", name="Refuse").click()
    await expect(dana.row("@Dana refused this", "Nothing was changed")).to_be_visible()
    await alice.composer.click()
    await alice.type(f"/queue resume {ORDERS}")
    await expect(alice.row("resumed", ORDERS)).to_be_visible()
    assert alice.complaints + dana.complaints == []

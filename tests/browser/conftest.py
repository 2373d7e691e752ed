"""One `bullhorn demo` and one Chromium for all tests here; each person gets a page of their own."""

import shutil
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from tests.browser.desk import Desk
from tests.browser.running import axe_source, demo

_FLAGS = (
    "--headless",
    "--no-sandbox",  # CI is root in a container, where the sandbox does not start
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def chromium():
    """The path of Debian's Chromium; playwright's own download is never used."""
    found = shutil.which("chromium", path="/usr/bin") or shutil.which("chromium")
    if found is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    return Path(found)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium):
    """A Chromium whose user data folder is new, and goes with it."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(chromium):  # asked for first, so that nothing is started for tests that skip
    """The address of a demo that runs."""
    async with demo() as address:
        yield address


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seat(browser, address):
    """Sits a person down: `await seat("Bob")` is a Desk; `wide` and `tall` are the window's."""
    axe = axe_source()
    async with AsyncExitStack() as stack:

        async def sit(person: str, *, wide: int = 1280, tall: int = 800, touch: bool = False):
            context = await browser.new_context(
                viewport={"width": wide, "height": tall}, has_touch=touch, is_mobile=touch
            )
            stack.push_async_callback(context.close)
            desk = Desk(await context.new_page(), axe=axe)
            await desk.open(address, person)
            return desk

        yield sit

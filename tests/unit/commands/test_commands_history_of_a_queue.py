"""`history QUEUE` has the silences of that queue and the refused attempts on it."""

import pytest

from bot.errors import AccessDeniedError
from tests.support.toolbox import BOB, VERA


async def test_a_silence_of_a_queue_is_in_its_history(office):
    await office.ask("silence order-provisioning 1h deploy", BOB)
    assert "silence order-provisioning" in await office.said("history order-provisioning", VERA)


async def test_a_refused_retry_of_a_queue_is_in_its_history(office):
    with pytest.raises(AccessDeniedError):
        await office.ask("retry order-provisioning w0", VERA)
    assert "not allowed" in await office.said("history order-provisioning", VERA)

"""The executors of repairs over fakes."""

import pytest

from bot.domain.archives import CAP
from bot.services.archiving import Archiving
from bot.services.operations.clean import CleanExecutor, Taking
from bot.services.operations.sweep import SweepExecutor
from bot.services.operations.undo import UndoExecutor
from bot.services.operations.unstick import UnstickExecutor
from tests.support.fake_archive import FakeArchive
from tests.support.fake_remover import FakeRemover
from tests.support.fakes import ORDERS
from tests.unit.services.executors.running import CATALOG


@pytest.fixture
def queue(queues):
    return queues.add(ORDERS)


@pytest.fixture
def done(queues):
    return queues


@pytest.fixture
def remover(queues):
    return FakeRemover(queues)


@pytest.fixture
def archive(clock):
    return FakeArchive(clock, cap=CAP)


@pytest.fixture
def archiving(remover, archive, done):
    return Archiving(remover=remover, archive=archive, done=done)


@pytest.fixture
def taking(remover, archiving, archive):
    return Taking(remover=remover, archiving=archiving, archive=archive, catalog=CATALOG)


@pytest.fixture
def sweep(taking, remover, done):
    return SweepExecutor(taking=taking, remover=remover, done=done, catalog=CATALOG)


@pytest.fixture
def clean(taking, remover, done):
    return CleanExecutor(taking=taking, remover=remover, done=done, catalog=CATALOG)


@pytest.fixture
def undo(archiving, remover, archive, done):
    return UndoExecutor(
        archiving=archiving, remover=remover, archive=archive, done=done, catalog=CATALOG
    )


@pytest.fixture
def unstick(queues):
    return UnstickExecutor(reader=queues, operator=queues, done=queues, catalog=CATALOG)

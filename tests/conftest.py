"""For all tests: their order, and processes that do not compile the same modules each time."""

import os
import sys

FIRST = ("test_packaging_build.py", "test_outages_slack.py")
"""The files that take longest: begun last, one would keep one process busy and the other idle."""

# Where this is set, each bot that a test starts would compile a thousand modules: 2 s each time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name not in FIRST)

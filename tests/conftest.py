"""For all tests: the processes they start need not compile the same modules again and again."""

import os
import sys

# Where this is set, each bot that a test starts would compile a thousand modules: 2 s each time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

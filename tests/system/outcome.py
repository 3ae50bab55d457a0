"""How a test ends that cannot run here."""

import os
import sys


FORBIDDEN = os.environ.get("BACKUPAPI_TEST_NO_SKIP") == "1"


def skip(why):
    """For what this machine or user cannot have: a failure where nothing may be skipped."""
    print(f"{'cannot be skipped' if FORBIDDEN else 'skipped'}: {why}")
    sys.exit(1 if FORBIDDEN else 77)


def leave_out(why):
    """The same for a part of a test, whose rest can do without."""
    if FORBIDDEN:
        skip(why)
    print(f"left out: {why}")

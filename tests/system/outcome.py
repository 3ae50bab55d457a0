"""How a test ends that cannot run here."""

import os
import sys


def skip(why):
    """For what this machine or user cannot have: a failure where nothing may be skipped."""
    forbidden = os.environ.get("BACKUPAPI_TEST_NO_SKIP") == "1"
    print(f"{'cannot be skipped' if forbidden else 'skipped'}: {why}")
    sys.exit(1 if forbidden else 77)

"""How the tests are dealt out to the processes that run them."""

from xdist.scheduler import LoadScopeScheduling

LONGEST = ("tests/stack/", "tests/browser/", "tests/runtime/", "tests/workflows/", "tests/activities/")
"""Begun first, so that none of them is left alone at the end; those of the stack share one system."""
SYSTEM = LONGEST[0]
SYSTEMS_OF_THEIR_OWN = ("test_demonstration.py", "test_backup.py")


class ByFile(LoadScopeScheduling):  # type: ignore[misc] # has no types
    """A file's tests run in one process, as they share what was made for them."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return SYSTEM if file.startswith(SYSTEM) and not file.endswith(SYSTEMS_OF_THEIR_OWN) else file


def rank(nodeid: str) -> int:
    """Where a test's folder comes among the longest."""
    return next((place for place, folder in enumerate(LONGEST) if nodeid.startswith(folder)), len(LONGEST))

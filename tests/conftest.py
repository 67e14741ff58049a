"""What holds for all tests."""

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

# How long an example takes says nothing where the machine is shared.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

RECORDING = "tests/profiling/"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "LoadScopeScheduling":
    """Deal out tests by file, and all that record to one process.

    Two recordings at once would disturb each other, and one is shared by many tests.
    """
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - only where it is used

    class ByFile(LoadScopeScheduling):  # type: ignore[misc] # untyped
        def _split_scope(self, nodeid: str) -> str:
            return RECORDING if nodeid.startswith(RECORDING) else nodeid.partition("::")[0]

    return ByFile(config, log)

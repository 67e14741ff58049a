"""What holds for all tests."""

from hypothesis import settings

# How long an example takes says nothing where the machine is shared.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

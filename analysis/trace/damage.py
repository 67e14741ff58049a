"""How the layers of stored bytes say that they break off."""

from __future__ import annotations


class DamageError(Exception):
    """The stored bytes stop making sense here; what came before was yielded."""

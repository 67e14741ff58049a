"""The post's claim, run step by step; `analyze claim` says what it comes from."""

from profiling.claim.run import claim

__all__ = ["claim"]

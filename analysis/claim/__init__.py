"""What the post's "about twice" comes from, factor by factor.

The formulas are in docs/claim.md.
"""

from analysis.claim.figures import Claim, Claims
from analysis.claim.settling import settle

__all__ = ["Claim", "Claims", "settle"]

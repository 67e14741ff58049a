"""Traces that can be shown to anybody: names replaced, structure and figures kept.

What is known to be public stays (`words`); of all else nothing does.
"""

from analysis.anonymize.anonymizing import Anonymized, anonymize

__all__ = ["Anonymized", "anonymize"]

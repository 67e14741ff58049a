"""The other end of a `RemoteSession`: runs one mode and answers over a pipe."""

from __future__ import annotations

import functools
import pickle
from contextlib import closing

from profiling.errors import ProfilingError, UsageError
from profiling.job import Job, Request, make_job
from profiling.process import answering
from profiling.remote import not_sendable
from profiling.session import LocalSession


def serve(descriptor: int) -> None:
    """Answer the calls that come over a pipe until its other end is closed."""
    with answering(descriptor) as connection:
        name, packed = connection.recv()
        with closing(LocalSession(name, functools.partial(_job, packed))) as session:
            calls = {
                "start": session.start,
                "prepare": session.prepare,
                "sample": session.sample,
                "write": session.write,
            }
            while True:
                call = calls[connection.recv()]
                try:
                    connection.send(call())
                except ProfilingError as error:
                    connection.send(error)


def _job(packed: bytes) -> Job:
    try:
        request: Request = pickle.loads(packed)  # noqa: S301 - our own parent wrote it
    except (pickle.UnpicklingError, AttributeError, ImportError) as error:
        raise UsageError(not_sendable(error)) from error
    return make_job(request)

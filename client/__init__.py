"""Leaverwatch over HTTP, for programs: `Client("https://leaverwatch.example", key="...")`, a method for each operation.

`client/operations.py` is generated from the service's description by `python -m api.page`; nothing here needs the rest
of leaverwatch but httpx2."""

from client.calls import ApiProblem, Event
from client.operations import Client

__all__ = ["ApiProblem", "Client", "Event"]

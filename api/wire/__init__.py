"""What every request and every answer gets, whatever the route: small layers around the routes, the first outermost."""

from __future__ import annotations

from fastapi import FastAPI

from api.wire.chosen import ChosenFields
from api.wire.conditional import Conditional
from api.wire.guarded import Guarded
from api.wire.limited import Limited
from api.wire.rates import Buckets
from api.wire.readable import Readable
from api.wire.repeated import Repeated
from api.wire.settings import Settings
from api.wire.told import Requests, Told


def wire(app: FastAPI, settings: Settings) -> None:
    """Put the layers around an app."""
    app.state.rates = Buckets("caller", settings.caller_per_minute)
    app.state.requests = Requests()
    most = settings.body_kib * 1024
    app.add_middleware(ChosenFields)
    app.add_middleware(Conditional)
    app.add_middleware(Repeated, most=most)
    app.add_middleware(Readable, most=most)
    app.add_middleware(Limited, settings=settings)
    app.add_middleware(Guarded)
    app.add_middleware(Told, requests=app.state.requests, log=settings.log)

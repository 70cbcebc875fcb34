"""The service, put together, and what runs beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import structlog
from fastapi import FastAPI

from api.doors import AccessDoor
from api.server import create_app
from api.shop import Shop
from api.wire.settings import Settings
from app.channels import Channels
from app.config import Api
from app.desk import ModelDesk, SubjectDesk
from app.entrance import entrance, first_admin
from app.exceptiondesk import ExceptionDesk
from app.forwarding import forwarding
from app.heads import keeping_heads
from app.hrdesk import HrDesk
from app.judging import judging
from app.metrics import set_up_logs
from app.notifydesk import NotifyDesk
from app.notifying import notifying
from app.pseudonyms import pseudonyms
from app.reporting import reporting
from app.retention import retaining
from app.staff import Staff
from app.watching import ending_watches
from app.wiring import House
from detection.standing import bring_up

OWN_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
ALL_ADDRESSES = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  # compared with, not listened on


@contextmanager
def serving(house: House) -> Iterator[tuple[FastAPI, str | None]]:
    """The service of a house, with all that runs beside it where no other process does; and, while there are no users,
    the token that makes the first admin."""
    config, records = house.config, house.records
    settings = settings_of(config.api)
    bring_up(records)
    coming_in = entrance(config, records)
    channels, staff = Channels(config, coming_in.gate.sealer), Staff(records)
    with ExitStack() as stack:
        stack.enter_context(reporting(config))
        # Where judges share the servers, one of them signs and lets go.
        shared = bool(config.cluster.postgresql.get_secret_value())
        if not shared:
            stack.enter_context(keeping_heads(house))
        if not config.cluster.elasticsearch:
            stack.enter_context(retaining(config))
        stack.enter_context(notifying(house, channels, staff))
        stack.enter_context(forwarding(house))
        stack.enter_context(ending_watches(house))
        shop = Shop(
            records,
            house.events,
            house.book,
            house.directory,
            pseudonyms(records),
            desk=ModelDesk(house),
            hr=HrDesk(house),
            judge=None if shared else stack.enter_context(judging(house)),
            notify=NotifyDesk(house, channels, staff),
            entrance=coming_in,
            exceptions=ExceptionDesk(house),
            subjects=SubjectDesk(house),
            colleagues=staff,
        )
        yield create_app(shop, AccessDoor(coming_in), settings), first_admin(records, coming_in.gate)


def settings_of(api: Api) -> Settings:
    """What the configuration says of the service. From here on it writes a line for each request."""
    set_up_logs()
    log = structlog.get_logger()
    return Settings(
        hosts=_hosts(api),
        caller_per_minute=api.caller_per_minute,
        address_per_minute=api.address_per_minute,
        body_kib=api.body_kib,
        upload_mib=api.upload_mib,
        upload_seconds=api.upload_seconds,
        streams=api.streams,
        log=lambda line: log.info("request", **line),
    )


def _hosts(api: Api) -> frozenset[str]:
    if api.hosts:
        return frozenset(host.lower() for host in api.hosts)
    if api.host in ALL_ADDRESSES:
        return frozenset()
    return OWN_NAMES | {f"[{api.host}]" if ":" in api.host else api.host.lower()}

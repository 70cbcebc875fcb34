"""The service: the processes that answer, and what runs beside them."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing import parent_process
from socket import IPPROTO_TCP, SO_REUSEADDR, SO_REUSEPORT, SOL_SOCKET, TCP_NODELAY, AddressFamily, socket
from tempfile import TemporaryDirectory
from threading import Thread

import structlog
import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from api.doors import AccessDoor
from api.server import create_app
from api.shop import Shop
from api.wire.settings import Settings
from api.wire.told import TOGETHER
from app.channels import Channels
from app.config import Api, Config
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
from app.wiring import House, open_house
from detection.standing import bring_up

OWN_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
TURN_SECONDS = 0.0005
"""A request changes threads several times, and each time waits for whoever is at work."""
ALL_ADDRESSES = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  # compared with, not listened on


@contextmanager
def beside_service(house: House) -> Iterator[str | None]:
    """All that runs beside the processes that answer, where no other process does it. Gives, while there are no users,
    the token that makes the first admin."""
    config, records = house.config, house.records
    set_up_logs()
    bring_up(records)
    coming_in = entrance(config, records)
    with ExitStack() as stack:
        stack.enter_context(reporting(config))
        # Where judges share the servers, one of them signs and lets go.
        shared = bool(config.cluster.postgresql.get_secret_value())
        if not shared:
            stack.enter_context(keeping_heads(house))
        if not config.cluster.elasticsearch:
            stack.enter_context(retaining(config))
        stack.enter_context(notifying(house, Channels(config, coming_in.gate.sealer), Staff(records)))
        stack.enter_context(forwarding(house))
        stack.enter_context(ending_watches(house))
        if not shared:
            stack.enter_context(judging(house))
        yield first_admin(records, coming_in.gate)


def answer(config: Config) -> None:
    """Answer until stopped, in as many processes as are configured; one that dies is started again, and none outlives
    this one."""
    with TemporaryDirectory() as counts:
        # Whoever answers reads it when the library is loaded.
        os.environ[TOGETHER] = counts
        server = uvicorn.Config(
            partial(service, config),
            factory=True,
            host=config.api.host,
            port=config.api.port,
            workers=config.api.processes,
            log_level="warning",
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=5,
        )
        try:
            Multiprocess(server, [listening(server)]).run()
        finally:
            del os.environ[TOGETHER]


class Place(socket):
    """Where the service listens. Each process that it is given to gets a socket of its own there, and the system deals
    out connections among these: from one that all share, whoever wakes first takes twice as many as the next."""

    def __reduce__(self) -> tuple[Callable[..., socket], tuple[object, ...]]:
        return _at_the_same_place, (self.family, self.getsockname())


def listening(server: uvicorn.Config) -> Place:
    """The place, taken so that nobody else can have it. Ends the process where somebody else has it."""
    taken = Place(fileno=server.bind_socket().detach())
    taken.setsockopt(SOL_SOCKET, SO_REUSEADDR, 0)
    taken.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1)
    return taken


def _at_the_same_place(family: AddressFamily, address: tuple[object, ...]) -> socket:
    """An answer in several packets waits for nobody to say that the first has come, which many do 40 ms later:
    connections inherit that; asyncio sees to it on sockets of its own alone."""
    own = socket(family)
    own.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1)
    # Else what is left of closed connections keeps the place from whoever starts the service again, for a minute.
    own.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    own.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    own.bind(address)
    return own


def service(config: Config) -> FastAPI:
    """What one process answers with, for as long as the one that started it lives."""
    sys.setswitchinterval(TURN_SECONDS)
    Thread(target=_end_with_parent, name="parent", daemon=True).start()
    opened = ExitStack()
    atexit.register(opened.close)
    house = opened.enter_context(open_house(config))
    records = house.records
    coming_in = entrance(config, records)
    staff = Staff(records)
    shop = Shop(
        records,
        house.events,
        house.book,
        house.directory,
        pseudonyms(records),
        desk=ModelDesk(house),
        hr=HrDesk(house),
        notify=NotifyDesk(house, Channels(config, coming_in.gate.sealer), staff),
        entrance=coming_in,
        exceptions=ExceptionDesk(house),
        subjects=SubjectDesk(house),
        colleagues=staff,
    )
    # Else whoever asks first waits for it.
    shop.known().bring_up()
    # What is there now stays: nobody need look again and again whether it is garbage.
    gc.collect()
    gc.freeze()
    return create_app(shop, AccessDoor(coming_in), settings_of(config.api))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent:
        parent.join()
        signal.raise_signal(signal.SIGTERM)


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

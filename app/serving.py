"""How the service is set up: its limits, and its log."""

from __future__ import annotations

import structlog

from api.wire.settings import Settings
from app.config import Api
from app.metrics import set_up_logs

OWN_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
ALL_ADDRESSES = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  # compared with, not listened on


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

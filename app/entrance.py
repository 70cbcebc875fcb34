"""How people log in to this installation, put together from its configuration."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from access.arrivals import Provider
from access.gate import Gate
from access.noting import changed
from access.sealing import Sealer
from access.sessions import Lasting
from access.tokens import digest_of, new_token
from api.entrance import Entrance
from app.config import Config
from app.providers import Providers
from core.errors import ConfigError, Damaged, Refused
from core.evidence import AuditEntry, Deed
from core.keyring import KeyRing, Keys, key_id, key_of
from core.ports import Records
from core.users import Invitation
from store.records import SqlRecords
from store.records.resealing import reseal, sealed_values

KEY = "access.key"
KNOWN = "access_key"
"""The setting that keeps what the key is known by that seals, so that no other takes its place unseen."""
JOB = "access-key"
FIRST_ADMIN = timedelta(hours=24)


def entrance(config: Config, records: Records) -> Entrance:
    """Raises `ConfigError` where the key that seals second factors is not the one that did so before."""
    access = config.access
    lasting = Lasting(most=timedelta(hours=access.session_hours), idle=timedelta(minutes=access.idle_minutes))
    gate = Gate(records, sealer_of(config, records), lasting, second_factor=access.second_factor)
    address = address_of(config)
    providers = [
        Provider(
            name=name,
            issuer=one.issuer,
            client_id=one.client_id,
            client_secret=one.client_secret.get_secret_value(),
            claim=one.claim,
            roles=one.roles,
            known_by=one.known_by,
            scopes=one.scopes,
        )
        for name, one in sorted(access.oidc.items())
    ]
    return Entrance(
        gate=gate,
        https=address.startswith("https://"),
        providers=Providers(providers, address, gate.sealer, gate.clock),
    )


def sealer_of(config: Config, records: Records) -> Sealer:
    """What seals the secrets that have to be read again. Raises `ConfigError` where the key that did so before is not
    among its keys."""
    with records.alone(JOB):
        keys, known = _keys(config, records), records.setting(KNOWN)
        if known is None:
            records.set_setting(KNOWN, keys.current)
        elif known[:12] not in keys.ids():
            raise ConfigError("the access key is not the one that sealed the second factors that there are")
    return Sealer(keys)


def address_of(config: Config) -> str:
    """Where browsers find the service."""
    return config.access.address or f"http://{config.api.host}:{config.api.port}"


def first_admin(records: Records, gate: Gate) -> str | None:
    """While there are no users: the token that makes the first admin, once, within a day. One that was given out before
    does not work any more."""
    if records.users(most=1):
        return None
    token, at = new_token(), gate.clock()
    invitation = Invitation(digest=digest_of(token), user="", expires=at + FIRST_ADMIN)
    records.invite(invitation, changed("leaverwatch", "", at, "first admin invited"))
    return token


def access_keys(config: Config, records: SqlRecords) -> list[tuple[str, int]]:
    """What the access keys are known by, oldest first, each with how much lies sealed by it. Raises `ConfigError`."""
    sealer_of(config, records)
    keys, known = _keys(config, records), records.setting(KNOWN) or ""
    # What does not tell was sealed before there could be a second key.
    sealed_by = Counter(key_id(one.value) or known[:12] for one in sealed_values(records.database))
    return [(key, sealed_by[key]) for key in dict.fromkeys((*keys.ids(), *sealed_by))]


def rotate(config: Config, records: SqlRecords, by: str) -> tuple[str, int]:
    """Make another access key, or take the one that the configuration names last, and have everything sealed by it;
    returns what it is known by and how much was sealed anew. Cut short, the next one goes on with the same key. Raises
    `Refused` where the configuration names no other key, `Damaged` where something was sealed by none of the keys."""
    sealer_of(config, records)
    with records.alone(JOB):
        keys = _keys(config, records)
        # A key that is in the file and did not seal yet was made by somebody who was killed then.
        if keys.current == (records.setting(KNOWN) or "")[:12]:
            if not isinstance(keys, KeyRing):
                raise Refused("[access] key names no other key: put a new one behind the one that is there")
            keys.add()
        sealer, key = Sealer(keys), keys.current

        def anew(value: str, of: str) -> str:
            try:
                return sealer.anew(value, of)
            except Damaged:
                raise Damaged(f"{of} was sealed by none of the access keys: set it up anew first") from None

        def noted(count: int) -> AuditEntry:
            told = {"what": KEY, "key": key, "sealed": count}
            return AuditEntry(at=datetime.now(UTC), by=by, deed=Deed.REKEYED, about=(), details=told)

        return key, reseal(records.database, anew, (KNOWN, key), noted)


def _keys(config: Config, records: Records) -> Keys:
    """Those of the configuration, or of the file in the data directory, where its owner alone reads it; one is made
    once. Raises `ConfigError`."""
    if given := config.access.key.get_secret_value().split():
        try:
            return Keys([key_of(one) for one in given], "[access] key")
        except ValueError:
            raise ConfigError("[access] key is not 64 hexadecimal digits, nor several of these") from None
    ring = KeyRing(config.data / KEY)
    if not ring.exists():
        if records.setting(KNOWN) is not None:
            raise ConfigError(f"the key that seals second factors is not in {ring.file}; [access] key may name it")
        ring.add()
    return ring

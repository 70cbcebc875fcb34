"""How people log in to this installation, put together from its configuration."""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256

from access.arrivals import Provider
from access.gate import Gate
from access.noting import changed
from access.sealing import Sealer
from access.sessions import Lasting
from access.tokens import digest_of, new_token
from api.entrance import Entrance
from app.config import Config
from app.providers import Providers
from core.errors import ConfigError
from core.keyfile import write_key
from core.ports import Records
from core.users import Invitation

KEY = "access.key"
KNOWN = "access_key"
"""The setting that keeps the SHA-256 of the key, so that no other takes its place unseen."""
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
    """What seals the secrets that have to be read again. Raises `ConfigError` where its key is not the one that did so
    before."""
    return Sealer(sealing_key(config, records))


def address_of(config: Config) -> str:
    """Where browsers find the service."""
    return config.access.address or f"http://{config.api.host}:{config.api.port}"


def sealing_key(config: Config, records: Records) -> bytes:
    """The key that seals the secrets of second factors: configured, or made once and kept in the data directory, where
    its owner alone reads it. Raises `ConfigError` where it is another than before."""
    with records.alone("access-key"):
        known = records.setting(KNOWN)
        file = config.data / KEY
        given = config.access.key.get_secret_value()
        if not given and not file.exists() and known is None:
            write_key(file, secrets.token_hex(32).encode())
        if not given and not file.exists():
            raise ConfigError(f"the key that seals second factors is not in {file}; [access] key may name it")
        key = _read(given or file.read_bytes().decode("ascii", "replace"))
        if key is None:
            raise ConfigError(f"{'[access] key' if given else file} is not 64 hexadecimal digits")
        if known is None:
            records.set_setting(KNOWN, sha256(key).hexdigest())
        elif known != sha256(key).hexdigest():
            raise ConfigError("the access key is not the one that sealed the second factors that there are")
        return key


def first_admin(records: Records, gate: Gate) -> str | None:
    """While there are no users: the token that makes the first admin, once, within a day. One that was given out before
    does not work any more."""
    if records.users(most=1):
        return None
    token, at = new_token(), gate.clock()
    invitation = Invitation(digest=digest_of(token), user="", expires=at + FIRST_ADMIN)
    records.invite(invitation, changed("leaverwatch", "", at, "first admin invited"))
    return token


def _read(text: str) -> bytes | None:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        return None
    return key if len(key) == 32 else None

"""The ledger's key and its signed heads: made as it grows, stamped, written to where nobody here can change them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import structlog
from cryptography.x509 import Certificate

from app.beside import beside
from app.config import Config
from app.wiring import House
from core.errors import Refused
from core.proof import SignedHead, SigningKey
from evidence.heads import enrol, export, make_head, stamp_owed
from evidence.signing import FileSigner, ProgramSigner, Signer, fingerprint, following, make_key
from evidence.timestamps import Authority, certificates

KEY, NEXT = "ledger.key", "ledger.key.next"
JOB = "heads"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The new head, where the ledger grew, and what could not be done and will be next time."""

    head: SignedHead | None = None
    troubles: Sequence[str] = field(default_factory=list)


def keep_heads(house: House) -> Kept:
    """Make a head where the ledger grew, have heads stamped that lack a time stamp, write them where they are to go.
    One process does it at a time. Raises `Refused` where the key that signs is not here, `Unavailable` where it does
    not sign: then there is no head."""
    with house.records.unless_done(JOB) as mine:
        if not mine or not house.records.size():
            return Kept()
        evidence = house.config.evidence
        signer = signer_of(house.config, house.records.keys())
        enrol(house.records, signer, datetime.now(UTC))
        head = make_head(house.records, signer, datetime.now(UTC))
        troubles = stamp_owed(house.records, authorities(house.config), datetime.now(UTC))
        if evidence.heads_to:
            try:
                export(house.records.heads(), house.records.keys(), evidence.heads_to)
            except Refused as error:
                troubles.append(str(error))
        return Kept(head=head, troubles=troubles)


def keeping_heads(house: House) -> AbstractContextManager[None]:
    """Keep heads now and every so often, beside whatever is done meanwhile."""

    def work() -> None:
        for trouble in keep_heads(house).troubles:
            structlog.get_logger().warning("evidence waits", reason=trouble)

    return beside("signing", work, house.config.evidence.heads_minutes * 60)


def signer_of(config: Config, keys: Sequence[SigningKey]) -> Signer:
    """Who signs: the program of the configuration, or the key file in the data directory, which is made where nothing
    was ever signed. Raises `Refused` where the ledger has a key and the file is not here."""
    if config.evidence.signer:
        return _program(config)
    file, following_one = config.data / KEY, config.data / NEXT
    if keys and following_one.exists() and FileSigner(following_one).public() == keys[-1].public:
        os.replace(following_one, file)  # a kill came between handing over and this
    if not file.exists():
        if keys:
            raise Refused(f"the key that signs the ledger, {fingerprint(keys[-1].public)}, is not in {file}")
        make_key(file)
    return FileSigner(file)


def rotate(house: House) -> SigningKey:
    """Have another key sign from now on, the old one's signature under it: a new file in the place of the old, or the
    program of the configuration in the place of the file. Raises `Refused` where the old key is not here."""
    config, records = house.config, house.records
    file = config.data / KEY
    with records.alone(JOB):
        now = datetime.now(UTC)
        if config.evidence.signer:
            key = following(_program(config), records.keys(), now, FileSigner(file) if file.exists() else None)
            records.save_key(key)
            file.unlink(missing_ok=True)
            return key
        old = signer_of(config, records.keys())
        enrol(records, old, now)
        (config.data / NEXT).unlink(missing_ok=True)
        make_key(config.data / NEXT)
        key = following(FileSigner(config.data / NEXT), records.keys(), now, old)
        records.save_key(key)
        os.replace(config.data / NEXT, file)
        return key


def authorities(config: Config) -> list[Authority]:
    """The time-stamping authorities of the configuration."""
    return [
        Authority(name=name, url=one.url, trusted=certificates(one.ca))
        for name, one in sorted(config.evidence.authorities.items())
    ]


def trusted(config: Config) -> Mapping[str, Sequence[Certificate]]:
    """Their certificates, by name."""
    return {authority.name: authority.trusted for authority in authorities(config)}


def _program(config: Config) -> Signer:
    public = config.evidence.signer_public
    if public is None:
        raise Refused("[evidence] signer_public is not set: nobody would know whose signature the program's is")
    return ProgramSigner(config.evidence.signer, Path(public))

"""How long nobody gets in after logins that failed: by user, and by the address they come from."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from access.tokens import digest_of
from core.users import Attempts

FREE = {"user": 5, "address": 50}
"""So many may fail. Behind one address may sit a whole office."""
FIRST, LONGEST = timedelta(minutes=1), timedelta(hours=1)
FORGOTTEN = timedelta(hours=24)


def of_user(name: str) -> str:
    """The subject that a user's attempts are counted under."""
    return f"user:{name}"


def of_nobody(name: str) -> str:
    """That of a name which nobody has, which may be a password typed into the wrong field: counted as a user's are, and
    not kept."""
    return f"user:?{digest_of(name)[:32]}"


def of_address(address: str) -> str:
    """That of an address; whoever has one of IPv6 has all of its network."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return f"address:{address[:100]}"
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64)
    return f"address:{parsed}"


def locked(before: Attempts, at: datetime) -> bool:
    """Whether nobody gets in."""
    return before.until is not None and at < before.until


def counted(before: Attempts, at: datetime) -> Attempts:
    """With one more attempt, taken to fail until it is known not to. Each that fails beyond the free ones locks twice
    as long as the one before; while it is locked nothing is counted."""
    if locked(before, at):
        return before
    stale = before.last is not None and before.last < at - FORGOTTEN
    failed = 1 if stale else before.failed + 1
    over = failed - FREE[before.subject.partition(":")[0]]
    until = at + min(FIRST * 2 ** min(over, 10), LONGEST) if over >= 0 else None
    return replace(before, failed=failed, last=at, until=until)

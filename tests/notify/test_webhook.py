"""Whoever has the secret knows what we sent, and we know what they sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from core.notifying import Address
from notify.webhook import is_signed, new_secret, signed


def now() -> datetime:
    return datetime.now(UTC)


def test_a_receiver_checks_what_we_signed() -> None:
    secret = new_secret()
    headers = signed("msg_1", now(), '{"a": "二"}', [secret])
    assert Webhook(secret).verify('{"a": "二"}', headers) == {"a": "二"}
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify('{"a": "三"}', headers)


def test_while_secrets_change_a_receiver_may_know_either() -> None:
    address = Address(secret=new_secret(), before=new_secret(), before_until=now() + timedelta(hours=1))
    headers = signed("msg_1", now(), "{}", address.keys(now()))
    assert [Webhook(key).verify("{}", headers) for key in (address.secret, address.before)] == [{}, {}]
    assert address.keys(now() + timedelta(hours=2)) == (address.secret,)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "v1,%%%"},
        {"webhook-signature": "v1"},
        {"webhook-signature": "a,b,c d"},
        {"webhook-signature": ""},
        {"webhook-timestamp": "1"},
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "1e400"},
        {"webhook-id": "msg_2"},
    ],
)
def test_what_is_signed_wrongly_is_not_signed(change: dict[str, str]) -> None:
    secret = new_secret()
    headers = signed("msg_1", now(), "{}", [secret])
    assert is_signed(headers, b"{}", [new_secret(), secret])
    assert not is_signed(headers | change, b"{}", [secret])
    assert not is_signed(headers, b"\xff", [secret])
    assert not is_signed({}, b"{}", [secret])

"""Chat services, through apprise. Only the addresses that these services give out are taken, so that nothing else that
apprise can do (other schemes, programs, templates from files) is in reach of whoever types one in."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from core.errors import Refused, Unavailable
from core.notifying import ChannelKind
from notify.words import ROOM

if TYPE_CHECKING:
    from apprise.plugins import NotifyBase

_WORD = re.compile(r"[A-Za-z0-9_-]{1,200}\Z")
_ROOM: Mapping[ChannelKind, int] = {ChannelKind.WECOM: 2_048, ChannelKind.TEAMS: 1_000}
_KEEP: Mapping[ChannelKind, frozenset[str]] = {
    ChannelKind.WECOM: frozenset({"key"}),
    ChannelKind.SLACK: frozenset({"token_a", "token_b", "token_c", "token", "mode", "workflow_path"}),
    ChannelKind.TEAMS: frozenset({"workflow", "signature", "host", "port", "power_automate", "routing_id", "version"}),
}
"""What is taken of what apprise reads in an address: nothing that names files, or turns off a check."""


def room_of(kind: ChannelKind) -> int:
    """How many bytes a message may have."""
    return _ROOM.get(kind, ROOM)


def check_chat(kind: ChannelKind, url: str, secret: str = "") -> None:
    """Raises `Refused` where it is no address of that service."""
    _plugin(kind, url, secret)


def send_chat(kind: ChannelKind, url: str, subject: str, text: str, secret: str = "") -> None:
    """Post a text. Raises `Unavailable` where the service does not take it."""
    plugin = _plugin(kind, url, secret)
    if not plugin.notify(body=text, title=subject if "\n" in text else ""):
        raise Unavailable(f"{kind.value} does not take the message")


def _plugin(kind: ChannelKind, url: str, secret: str) -> NotifyBase:
    from apprise import AppriseAsset
    from apprise.exception import AppriseException

    _hush()
    wrong = Refused(f"this is no address that {kind.value} gives out")
    try:
        make, found = _MAKERS[kind](url, secret)
        if not found or not url.startswith("https://"):
            raise wrong
        asset = AppriseAsset(http_redirects=False, async_mode=False)
        plugin: NotifyBase = make(**found, asset=asset, redirect=False)
    except (AppriseException, TypeError, ValueError):
        raise wrong from None
    return plugin


Made = tuple[Callable[..., Any], Mapping[str, Any]]


def _wecom(url: str, _: str) -> Made:
    from apprise.plugins import wecombot
    from apprise.plugins.wecombot import NotifyWeComBot

    _listen(wecombot)
    return NotifyWeComBot, _kept(ChannelKind.WECOM, _native(NotifyWeComBot, url))


def _slack(url: str, _: str) -> Made:
    from apprise.plugins.slack import NotifySlack

    return NotifySlack, _kept(ChannelKind.SLACK, _native(NotifySlack, url))


def _teams(url: str, _: str) -> Made:
    from apprise.plugins.workflows import NotifyWorkflows

    return NotifyWorkflows, _kept(ChannelKind.TEAMS, _native(NotifyWorkflows, url))


def _dingtalk(url: str, secret: str) -> Made:
    from apprise.plugins import dingtalk
    from apprise.plugins.dingtalk import NotifyDingTalk

    _listen(dingtalk)
    parts = urlsplit(url)
    (token, *_) = parse_qs(parts.query).get("access_token", [""])
    right = (parts.netloc, parts.path) == ("oapi.dingtalk.com", "/robot/send") and _WORD.match(token)
    return NotifyDingTalk, {"token": token, "secret": secret or None} if right else {}


def _feishu(url: str, _: str) -> Made:
    from apprise.plugins import feishu
    from apprise.plugins.feishu import NotifyFeishu

    _listen(feishu)
    parts = urlsplit(url)
    before, _, token = parts.path.rstrip("/").rpartition("/")
    right = (parts.netloc, before) == ("open.feishu.cn", "/open-apis/bot/v2/hook") and _WORD.match(token)
    return NotifyFeishu, {"token": token} if right else {}


_MAKERS: Mapping[ChannelKind, Callable[[str, str], Made]] = {
    ChannelKind.WECOM: _wecom,
    ChannelKind.DINGTALK: _dingtalk,
    ChannelKind.FEISHU: _feishu,
    ChannelKind.SLACK: _slack,
    ChannelKind.TEAMS: _teams,
}


def _native(plugin: Any, url: str) -> dict[str, Any] | None:
    read: dict[str, Any] | None = plugin.parse_native_url(url)
    return read


def _kept(kind: ChannelKind, read: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (read or {}).items() if name in _KEEP[kind] and value is not None}


class _Listening:
    """`requests` for plugins that take every answer 200 for a success: these services say in its body whether it is
    one."""

    def __init__(self, requests: Any) -> None:
        self._requests = requests

    def __getattr__(self, name: str) -> Any:
        return getattr(self._requests, name)

    def post(self, *given: Any, **named: Any) -> Any:
        answer = self._requests.post(*given, **named)
        try:
            said = answer.json()
        except ValueError:
            said = None
        if isinstance(said, dict) and (said.get("errcode") or said.get("code")):
            raise self._requests.RequestException("refused")
        return answer


def _listen(plugin: Any) -> None:
    if not isinstance(plugin.requests, _Listening):
        plugin.requests = _Listening(plugin.requests)


def _hush() -> None:
    """What these libraries log names addresses, which are secrets."""
    for name in ("apprise", "urllib3.connectionpool"):
        logging.getLogger(name).disabled = True

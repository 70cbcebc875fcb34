"""Chat services get what they expect, and nothing but them is ever spoken to."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.slack import NotifySlack
from apprise.plugins.wecombot import NotifyWeComBot

from core.errors import Refused, Unavailable
from core.notifying import ChannelKind
from notify import chat
from notify.chat import check_chat, send_chat
from tests.notify.receivers import LOCAL, Receiver, receiving

URLS = {
    ChannelKind.WECOM: "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7xxx-4bc4",
    ChannelKind.DINGTALK: "https://oapi.dingtalk.com/robot/send?access_token=0123abcd",
    ChannelKind.FEISHU: "https://open.feishu.cn/open-apis/bot/v2/hook/0123-abcd",
    ChannelKind.SLACK: "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
    ChannelKind.TEAMS: "https://prod-161.westeurope.logic.azure.com:443/workflows/643e69f83c8944438d68119179a10a64"
    "/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=KODuebWbDGYFr",
}


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as found:
        here = f"http://{LOCAL}:{found.port}"
        monkeypatch.setattr(NotifyWeComBot, "notify_url", here + "/wecom?key={key}")
        monkeypatch.setattr(NotifyDingTalk, "notify_url", here + "/dingtalk?access_token={token}")
        monkeypatch.setattr(NotifyFeishu, "notify_url", here + "/feishu/{token}")
        monkeypatch.setattr(NotifySlack, "webhook_url", here + "/slack")
        yield found


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (ChannelKind.WECOM, "/wecom?key=693a91f6-7xxx-4bc4"),
        (ChannelKind.DINGTALK, "/dingtalk?access_token=0123abcd"),
        (ChannelKind.FEISHU, "/feishu/0123-abcd"),
        (ChannelKind.SLACK, "/slack/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"),
    ],
)
def test_a_service_gets_the_text(receiver: Receiver, kind: ChannelKind, path: str) -> None:
    receiver.answers = [(200, b"ok" if kind is ChannelKind.SLACK else b'{"errcode": 0, "code": 0}', {})]
    send_chat(kind, URLS[kind], "2 notifications", "新告警 P01\nsecond")
    ((asked, _, body),) = receiver.got
    assert asked == path
    told = json.dumps(json.loads(body), ensure_ascii=False)
    assert "新告警 P01" in told
    assert "second" in told


def test_dingtalk_is_signed_where_it_has_a_secret(receiver: Receiver) -> None:
    send_chat(ChannelKind.DINGTALK, URLS[ChannelKind.DINGTALK], "s", "t", "SEC0123abc")
    assert "sign=" in receiver.got[0][0]


def test_teams_goes_where_its_address_says() -> None:
    plugin = chat._plugin(ChannelKind.TEAMS, URLS[ChannelKind.TEAMS], "")
    assert (plugin.host, plugin.workflow) == (
        "prod-161.westeurope.logic.azure.com",
        "643e69f83c8944438d68119179a10a64",
    )
    assert not plugin.redirects
    assert plugin.verify_certificate


@pytest.mark.parametrize("kind", [ChannelKind.WECOM, ChannelKind.DINGTALK, ChannelKind.FEISHU])
def test_a_service_that_says_no_with_status_200_has_not_taken_it(receiver: Receiver, kind: ChannelKind) -> None:
    receiver.answers = [(200, b'{"errcode": 93000, "code": 19001}', {})]
    with pytest.raises(Unavailable, match="does not take"):
        send_chat(kind, URLS[kind], "s", "t")


@pytest.mark.parametrize("kind", [ChannelKind.WECOM, ChannelKind.SLACK, ChannelKind.FEISHU, ChannelKind.DINGTALK])
def test_redirects_are_not_followed(receiver: Receiver, kind: ChannelKind) -> None:
    with receiving() as inside:
        receiver.answers = [(307, b"", {"Location": f"http://{LOCAL}:{inside.port}/"})]
        with pytest.raises(Unavailable):
            send_chat(kind, URLS[kind], "s", "t")
    assert inside.got == []


@pytest.mark.parametrize("kind", URLS)
@pytest.mark.parametrize(
    "url",
    [
        "exec://ls",
        "syslog://localhost",
        "json://127.0.0.1/",
        "file:///etc/passwd",
        "wecombot://key?template=/etc/passwd",
        "workflows://127.0.0.1/abc/def",
        "https://127.0.0.1/workflows/abc/triggers/manual/paths/invoke?sig=x",
        "https://qyapi.weixin.qq.com.evil.example/cgi-bin/webhook/send?key=abc",
        "https://oapi.dingtalk.com@evil.example/robot/send?access_token=a",
        "https://oapi.dingtalk.com/robot/send?access_token=a/../../b",
        "https://open.feishu.cn/open-apis/bot/v2/hook/",
        "https://evil.example/open-apis/bot/v2/hook/abc",
        "http://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "https://[",
        "",
    ],
)
def test_other_addresses_are_refused(kind: ChannelKind, url: str) -> None:
    with pytest.raises(Refused, match=f"no address that {kind.value} gives out"):
        check_chat(kind, url)


@pytest.mark.parametrize("kind", [ChannelKind.WECOM, ChannelKind.SLACK, ChannelKind.TEAMS])
def test_what_is_added_to_an_address_reads_no_file_and_turns_off_no_check(kind: ChannelKind) -> None:
    more = "&" if "?" in URLS[kind] else "?"
    plugin = chat._plugin(kind, f"{URLS[kind]}{more}template=/etc/passwd&verify=no&redirect=yes", "")
    assert plugin.verify_certificate
    assert not plugin.redirects
    assert not getattr(plugin, "template", None)

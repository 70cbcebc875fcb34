"""What is said, in Chinese and English: pseudonyms, severities, titles of rules and links; never a name, an address or
the name of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.happening import Kind
from core.notifying import Language

LINES_AT_MOST = 50
ROOM = 15_000
MARGIN = 20
"""For a number, and what stands between subject and text."""
_KINDS: Mapping[Kind, Mapping[Language, str]] = {
    Kind.ALERT_RAISED: {"zh": "新告警：{title}（{person}）", "en": "New alert: {title} ({person})"},
    Kind.ALERT_CHANGED: {"zh": "告警有变化：{title}（{person}）", "en": "Alert changed: {title} ({person})"},
    Kind.ALERT_GONE: {"zh": "告警不再成立：{title}（{person}）", "en": "Alert no longer stands: {title} ({person})"},
    Kind.CASE_OPENED: {"zh": "新案件（{person}）", "en": "New case ({person})"},
    Kind.CASE_MOVED: {"zh": "案件状态有变化（{person}）", "en": "Case moved on ({person})"},
    Kind.CASE_ASSIGNED: {"zh": "案件已指派（{person}）", "en": "Case assigned ({person})"},
    Kind.CASE_COMMENTED: {"zh": "案件有新评论（{person}）", "en": "New comment on a case ({person})"},
    Kind.CASE_DECIDED: {"zh": "案件已有结论（{person}）", "en": "Case decided ({person})"},
    Kind.CASE_DUE: {"zh": "案件即将到期（{person}）", "en": "Case is due soon ({person})"},
    Kind.CASE_OVERDUE: {"zh": "案件已逾期（{person}）", "en": "Case is overdue ({person})"},
    Kind.TASK_SET: {"zh": "有新任务", "en": "A task was set"},
    Kind.TASK_DUE: {"zh": "任务即将到期（{person}）", "en": "A task is due soon ({person})"},
    Kind.TASK_OVERDUE: {"zh": "任务已逾期（{person}）", "en": "A task is overdue ({person})"},
    Kind.FILING_RECEIVED: {"zh": "人事有新的离职申报（{person}）", "en": "HR filed a resignation or change ({person})"},
    Kind.NOTICE_SENT: {"zh": "有给人事的提示（{person}）", "en": "A notice for HR ({person})"},
    Kind.NOTICE_ANSWERED: {"zh": "人事已回复提示（{person}）", "en": "HR answered a notice ({person})"},
    Kind.NOTICE_WITHDRAWN: {"zh": "给人事的提示已撤回（{person}）", "en": "A notice for HR was withdrawn ({person})"},
    Kind.NOTICE_DUE: {"zh": "给人事的提示即将到期（{person}）", "en": "A notice for HR is due soon ({person})"},
    Kind.NOTICE_OVERDUE: {"zh": "给人事的提示已逾期（{person}）", "en": "A notice for HR is overdue ({person})"},
    Kind.UNMASKING_ASKED: {
        "zh": "有人申请查看身份，等待批准",
        "en": "Somebody asks to unmask a person: approval awaited",
    },
    Kind.UNMASKING_GRANTED: {"zh": "查看身份的申请已批准", "en": "An unmasking was granted"},
    Kind.ACTION_ASKED: {
        "zh": "处置申请：{what}（{person}），等待批准",
        "en": "Action asked for: {what} ({person}), approval awaited",
    },
    Kind.ACTION_APPROVED: {"zh": "处置已批准：{what}（{person}）", "en": "Action approved: {what} ({person})"},
    Kind.ACTION_REFUSED: {"zh": "处置被拒绝：{what}（{person}）", "en": "Action refused: {what} ({person})"},
    Kind.ACTION_SENT: {"zh": "处置已下发：{what}（{person}）", "en": "Action sent: {what} ({person})"},
    Kind.ACTION_DONE: {"zh": "处置已完成：{what}（{person}）", "en": "Action done: {what} ({person})"},
    Kind.ACTION_FAILED: {"zh": "处置失败：{what}（{person}）", "en": "Action failed: {what} ({person})"},
    Kind.ACTION_EXPIRED: {"zh": "处置已过期：{what}（{person}）", "en": "Action expired: {what} ({person})"},
    Kind.CHANNEL_OFF: {
        "zh": "通知渠道 {subject} 多次失败，已停用",
        "en": "Channel {subject} failed again and again and is off",
    },
    Kind.WATCHING_ENDED: {"zh": "观察期已结束（{person}）", "en": "Watching has ended ({person})"},
    Kind.USER_LOCKED: {"zh": "有账户被锁定", "en": "An account was locked"},
    Kind.ACCOUNT_LINK_MADE: {
        "zh": "管理员为您的账户生成了重设密码的链接。若非您所请求：请立即修改密码（链接随即失效），并告知审计员",
        "en": "An admin made a link by which another password can be chosen for your account. If you did not ask for "
        "it: change your password now, which makes the link useless, and tell an auditor",
    },
    Kind.ACCOUNT_PASSWORD_CHANGED: {
        "zh": "您的账户密码已更改。若非您本人所为：请告知审计员和另一位管理员",
        "en": "The password of your account was changed. If that was not you: tell an auditor, and another admin",
    },
    Kind.ACCOUNT_FACTOR_REMOVED: {
        "zh": "您的账户的第二因素已被移除。若非您本人所为或所请求：请告知审计员和另一位管理员",
        "en": "The second factor of your account was taken away. If you neither did nor asked for that: tell an "
        "auditor, and another admin",
    },
}
_SEVERITIES: Mapping[Language, Mapping[str, str]] = {
    "zh": {"informational": "提示", "low": "低", "medium": "中", "high": "高", "critical": "严重"},
    "en": {"informational": "informational", "low": "low", "medium": "medium", "high": "high", "critical": "critical"},
}
_WHATS: Mapping[Language, Mapping[str, str]] = {
    "zh": {
        "suspend_export": "暂停导出权限",
        "revoke_sessions": "注销会话",
        "disable_account": "停用账号",
        "remove_share": "取消外部共享",
        "collect_device": "收回设备",
    },
    "en": {
        "suspend_export": "suspend the right to export",
        "revoke_sessions": "revoke sessions",
        "disable_account": "disable accounts",
        "remove_share": "remove external shares",
        "collect_device": "collect the device",
    },
}
_SUBJECTS: Mapping[Language, str] = {"zh": "leaverwatch：{count} 条通知", "en": "leaverwatch: {count} notifications"}
_MORE: Mapping[Language, str] = {
    "zh": "另有 {more} 条未列出，请在 leaverwatch 中查看",
    "en": "and {more} more that are not listed: see leaverwatch",
}
_TESTS: Mapping[Language, str] = {
    "zh": "这是 leaverwatch 的测试通知。",
    "en": "This is a test notification of leaverwatch.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a line is made of."""

    kind: Kind
    subject: str
    person: str = ""
    severity: str = ""
    title: str = ""
    what: str = ""
    link: str = ""


def line(facts: Facts, language: Language) -> str:
    """One thing in one line."""
    template = _KINDS[facts.kind][language]
    what = _WHATS[language].get(facts.what, facts.what)
    said = template.format(person=facts.person, title=facts.title, subject=facts.subject, what=what)
    said = said.replace("（）", "").replace(" ()", "")
    severity = _SEVERITIES[language].get(facts.severity)
    return " ".join(filter(None, [f"[{severity}]" if severity else "", said, facts.link]))


def message(lines: Sequence[str], language: Language, room: int = ROOM) -> tuple[str, str]:
    """Subject and text of lines that go together, in so many bytes; what is too much to read is counted."""
    if len(lines) == 1:
        return lines[0].partition(" http")[0], lines[0]
    subject = _SUBJECTS[language].format(count=len(lines))
    text: list[str] = []
    left = room - len(subject.encode()) - len(_MORE[language].encode()) - MARGIN
    for one in lines[:LINES_AT_MOST]:
        left -= len(one.encode()) + 1
        if left < 0:
            break
        text.append(one)
    if len(text) < len(lines):
        text.append(_MORE[language].format(more=len(lines) - len(text)))
    return subject, "\n".join(text)


def test_line(language: Language) -> str:
    """What a channel is tried with."""
    return _TESTS[language]

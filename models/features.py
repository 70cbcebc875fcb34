"""The one list of person-day features: names, meaning, and how each is computed.

A feature is null where it cannot be known: what is held against a person's own past before there is enough of it, the
share of the book before there is a book. Everything else is a number, 0 on a day without events.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import product

from models.hows import (
    CLASSES,
    MEMORY,
    READING,
    TAKING,
    WRITING,
    Count,
    Distinct,
    Held,
    How,
    Made,
    New,
    NewShare,
    Steps,
    Sum,
    Total,
)

VERSION = 3
"""Raised whenever a feature comes, goes, or is computed in another way."""
ENOUGH = 10
"""Days with events that the own past has at least; with fewer nothing is said against it."""
SPANS = (7, 30, 90)
"""Days that long windows hold, the day itself included."""
BOOK = 90
"""Days before a month began in which customers touched by anybody are the book of that month."""
REACH = max(MEMORY, *(span - 1 for span in SPANS))
"""How many days before a day its features depend on, apart from the book and the person's first event."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One number about a person's day."""

    name: str
    en: str
    zh: str
    how: How


def _volumes() -> Iterator[Feature]:
    yield Feature("events", "Everything logged", "全部事件数", Count())
    yield Feature("failures", "What was tried and failed", "失败的操作", Count(mark="failed"))
    yield Feature("views", "Things looked at", "查看次数", Count(("view",)))
    yield Feature("searches", "Searches and queries", "搜索与查询次数", Count(("search",)))
    yield Feature("exports", "Exports", "导出次数", Count(("export",)))
    yield Feature("downloads", "Downloads", "下载次数", Count(("download",)))
    yield Feature("uploads", "Uploads", "上传次数", Count(("upload",)))
    yield Feature("changes", "Things created or changed", "新建与修改次数", Count(("create", "modify")))
    yield Feature("renames", "Renames", "重命名次数", Count(("rename",)))
    yield Feature("moves", "Moves and copies", "移动与复制次数", Count(("move", "copy")))
    yield Feature("deletes", "Deletions", "删除次数", Count(("delete",)))
    yield Feature("restores", "Restored again", "恢复次数", Count(("restore",)))
    yield Feature("shares", "Shares of any scope", "共享次数", Count(("share",)))
    yield Feature("mails", "Mails sent", "发送邮件数", Count(("send",)))
    yield Feature("forward_rules", "Rules that forward mail", "邮件转发规则", Count(("forward_rule",)))
    yield Feature("prints", "Prints", "打印次数", Count(("print",)))
    yield Feature("removable_copies", "Copies to removable media", "拷贝到移动介质次数", Count(("copy_to_removable",)))
    yield Feature("connections", "Devices connected", "设备接入次数", Count(("device_connect",)))
    yield Feature("transfers", "Customers or files handed to others", "归属转移次数", Count(("transfer_ownership",)))
    rights = Count(("permission_change", "account_change"))
    yield Feature("rights_changes", "Changes of rights and accounts", "权限与账号变更次数", rights)
    yield Feature("logins", "Logins", "登录次数", Count(("login",)))
    yield Feature("failed_logins", "Failed logins", "登录失败次数", Count(("login_failed",)))
    yield Feature("other_actions", "Whatever has no name of its own", "其他操作次数", Count(("other",)))


def _amounts() -> Iterator[Feature]:
    yield Feature("records_read", "Records read", "读取的记录数", Total("data.records", READING))
    yield Feature("records_exported", "Records exported", "导出的记录数", Total("data.records", ("export",)))
    yield Feature("records_changed", "Records created or changed", "写入的记录数", Total("data.records", WRITING))
    yield Feature("records_deleted", "Records deleted", "删除的记录数", Total("data.records", ("delete",)))
    handed = Total("data.records", ("transfer_ownership",))
    yield Feature("records_transferred", "Records handed to others", "转移归属的记录数", handed)
    yield Feature("bytes_taken", "Bytes taken from their place", "取走的字节数", Total("data.bytes", TAKING))
    yield Feature("bytes_written", "Bytes written", "写入的字节数", Total("data.bytes", WRITING))
    yield Feature("bytes_mailed", "Bytes mailed to anybody", "邮件发送的字节数", Total("data.bytes", ("send",)))
    personal = Total("data.bytes", ("send",), "personal")
    yield Feature("bytes_personal", "Bytes mailed to personal mailboxes", "发往个人邮箱的字节数", personal)
    external = Total("data.bytes", ("send",), "external")
    yield Feature("bytes_external", "Bytes mailed to other companies", "发往外部单位的字节数", external)
    yield Feature("mails_personal", "Mails to personal mailboxes", "发往个人邮箱的邮件数", Count(("send",), "personal"))
    yield Feature("mails_external", "Mails to other companies", "发往外部单位的邮件数", Count(("send",), "external"))
    outside = Count(("share",), "shared outside")
    yield Feature("shares_external", "Shares with outsiders", "对外共享次数", outside)
    anonymous = Count(("share",), "shared with anybody")
    yield Feature("shares_anonymous", "Links for anybody", "匿名链接数", anonymous)
    yield Feature(
        "disguises", "Renames that change the extension", "改变扩展名的重命名", Count(("rename",), "disguising")
    )
    packed = Count((*WRITING, "rename"), "packing")
    yield Feature("archives", "Archives written", "写入的压缩包数", packed)
    yield Feature("labelled", "Events on labelled data", "涉及带敏感标签数据的事件", Count(mark="labelled"))
    yield Feature("sensitivity", "Labels touched, by weight", "触及的敏感度（加权）", Total("sensitivity"))
    taken = Total("sensitivity", (*TAKING, "send", "share"))
    yield Feature("sensitivity_taken", "Labels taken or sent, by weight", "带走或外发的敏感度（加权）", taken)
    yield Feature("strangers", "Events on what others own", "涉及他人名下数据的事件", Count(mark="of others"))
    yield Feature("off_hours", "Events outside working hours", "非工作时间事件数", Count(mark="off hours"))
    taken_late = Count((*TAKING, "send", "share"), "off hours")
    yield Feature("taken_off_hours", "Taken or sent outside working hours", "非工作时间带走或外发次数", taken_late)


def _breadth() -> Iterator[Feature]:
    kinds = {
        "customers": ("Customers", "客户"),
        "files": ("Files", "文件"),
        "folders": ("Folders", "文件夹"),
        "objects": ("Kinds of customer data", "客户数据种类"),
        "destinations": ("Addresses outside", "外部收件地址"),
        "devices": ("Removable devices", "移动设备"),
        "hosts": ("Machines", "主机"),
        "addresses": ("Network addresses", "来源地址"),
        "systems": ("Systems", "系统"),
        "sessions": ("Sessions", "会话"),
        "sites": ("Web sites", "网站"),
    }
    for kind, (en, zh) in kinds.items():
        yield Feature(kind, f"{en}, each once", f"不同{zh}数", Distinct(kind))
    for kind in ("customers", "folders", "objects", "destinations", "devices", "hosts", "addresses", "sites"):
        en, zh = kinds[kind]
        yield Feature(f"new_{kind}", f"{en} new to the person", f"首次出现的{zh}数", New(kind))
    for kind in ("customers", "folders", "destinations", "hosts", "addresses", "sites"):
        en, zh = kinds[kind]
        yield Feature(f"new_{kind}_share", f"{en} new to the person, share", f"首次出现的{zh}占比", NewShare(kind))


def _order() -> Iterator[Feature]:
    yield Feature(
        "active_hours", "Hours of the clock with events", "有事件的小时数", Made("hours with events", "有事件的小时数")
    )
    yield Feature(
        "peak_hour",
        "Events in the busiest hour",
        "最忙一小时的事件数",
        Made("most events in one hour", "单小时事件数的最大值"),
    )
    yield Feature(
        "off_hours_share",
        "Share outside working hours",
        "非工作时间占比",
        Made("`off_hours` / `events`", "`off_hours` / `events`"),
    )
    habit = Made(
        f"share of events in hours kept on fewer than 1 in 10 of the {MEMORY} days before, days off apart",
        f"落在此前 {MEMORY} 天内不足十分之一的日子才有活动的钟点的事件占比，工作日与休息日分开",
    )
    yield Feature("off_habit_share", "Share at hours unusual for the person", "偏离本人作息的占比", habit)
    entropy = Made("entropy of `event.action`, in bits", "`event.action` 的熵（比特）")
    yield Feature("action_entropy", "How mixed the actions are", "操作种类的熵", entropy)
    surprise = Made(
        f"mean -log2 of each step from action to action, by the steps of the {MEMORY} days before",
        f"按此前 {MEMORY} 天的操作转移频率，当天各次转移的平均 -log2 概率",
    )
    yield Feature("order_surprise", "How unlike the usual order", "操作顺序的反常程度", surprise)
    unheard = Made(f"share of steps not seen in the {MEMORY} days before", f"此前 {MEMORY} 天内未出现过的转移占比")
    yield Feature("new_steps_share", "Steps never taken before", "从未有过的操作顺序占比", unheard)
    for before, after in product(CLASSES, repeat=2):
        zh = f"{CLASSES[before].zh}后{CLASSES[after].zh}"
        yield Feature(f"{before}_then_{after}", f"Steps from {before} to {after}", zh, Steps(before, after))


def _long() -> Iterator[Feature]:
    summed = {
        "records_exported": ("Records exported", "导出的记录数"),
        "bytes_taken": ("Bytes taken from their place", "取走的字节数"),
        "bytes_personal": ("Bytes mailed to personal mailboxes", "发往个人邮箱的字节数"),
        "removable_copies": ("Copies to removable media", "拷贝到移动介质次数"),
        "deletes": ("Deletions", "删除次数"),
        "shares_external": ("Shares with outsiders", "对外共享次数"),
        "sensitivity_taken": ("Labels taken or sent, by weight", "带走或外发的敏感度（加权）"),
        "off_hours": ("Events outside working hours", "非工作时间事件数"),
    }
    for name, (en, zh) in summed.items():
        for days in SPANS:
            yield Feature(f"{name}_{days}d", f"{en}, {days} days", f"{zh}（{days} 天）", Sum(name, days))
    for days in SPANS:
        yield Feature(
            f"customers_{days}d", f"Customers, {days} days", f"不同客户数（{days} 天）", Held("customers", days)
        )
    new = Held("destinations", 30)
    yield Feature("destinations_30d", "Addresses outside, 30 days", "外部收件地址数（30 天）", new)
    yield Feature(
        "active_days_30d",
        "Days with events, of 30",
        "30 天内有活动的天数",
        Made("days with events, of 30", "30 天内有事件的天数"),
    )
    share = Made(
        f"`customers_30d` / customers anybody touched in the {BOOK} days before the month",
        f"`customers_30d` / 当月之前 {BOOK} 天内任何人触及的客户数",
    )
    yield Feature("book_share_30d", "Share of the book of customers, 30 days", "30 天内触及的客户占比", share)


FEATURES: tuple[Feature, ...] = (*_volumes(), *_amounts(), *_breadth(), *_order(), *_long())
NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
BY_NAME: dict[str, Feature] = {feature.name: feature for feature in FEATURES}

STEPS: tuple[str, ...] = tuple(feature.name for feature in FEATURES if isinstance(feature.how, Steps))
LONG = frozenset(
    {feature.name for feature in FEATURES if isinstance(feature.how, Sum | Held)}
    | {"active_days_30d", "book_share_30d"}
)
"""What the days before have a part in, the more the longer."""


def digest(names: Sequence[str] = NAMES, version: int = VERSION) -> str:
    """The sha256 over version and names in order, for model cards: two models with the same one read the same rows."""
    return sha256("\n".join([str(version), *names]).encode()).hexdigest()


def actions_of(name: str) -> tuple[str, ...]:
    """The actions of the events that a feature counts or adds up; none where it is about something else."""
    how = BY_NAME[name].how if name in BY_NAME else None
    if isinstance(how, Sum):
        return actions_of(how.of)
    return how.actions if isinstance(how, Count | Total) else ()

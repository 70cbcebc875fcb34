"""The kinds of computing a person-day feature, each said in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass

MEMORY = 60
"""Days before a day that are the person's own past: what was seen in them is not new, and hours kept in them habit."""

READING = ("view", "search")
WRITING = ("upload", "create", "modify")
TAKING = ("export", "download", "copy", "print", "copy_to_removable")
"""Actions by which data leaves its place, apart from mail and shares."""


@dataclass(frozen=True, slots=True)
class Class:
    """Actions that are alike where it is the order of actions that matters."""

    zh: str
    actions: tuple[str, ...]


CLASSES = {
    "look": Class("查看", READING),
    "take": Class("取走", TAKING),
    "give": Class("外发", ("send", "share", "forward_rule", "transfer_ownership")),
    "write": Class("写入", (*WRITING, "restore")),
    "remove": Class("移除", ("delete", "rename", "move")),
}
MARKS = {
    "failed": "失败的",
    "personal": "发往个人邮箱的",
    "external": "发往外部单位的",
    "shared outside": "对外共享的",
    "shared with anybody": "任何人可访问的",
    "disguising": "改变扩展名的",
    "packing": "压缩包的",
    "labelled": "带敏感标签的",
    "of others": "涉及他人名下数据的",
    "off hours": "非工作时间的",
}
"""What may be marked on an event, and how it is said in Chinese."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many events; of some actions, where a mark of `models.events` is set. Of named actions
    those that failed do not count, but for failed logins."""

    actions: tuple[str, ...] = ()
    mark: str | None = None

    def __str__(self) -> str:
        return " ".join(["events", *([f"of {', '.join(self.actions)}"] if self.actions else []), *_where(self.mark)])

    @property
    def zh(self) -> str:
        of = f"（{'、'.join(self.actions)}）" if self.actions else ""
        return f"{MARKS[self.mark] if self.mark else ''}事件数{of}"


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of a number of such events."""

    field: str
    actions: tuple[str, ...] = ()
    mark: str | None = None

    def __str__(self) -> str:
        return f"sum of {self.field} over {Count(self.actions, self.mark)}"

    @property
    def zh(self) -> str:
        return f"{self.field} 之和：{Count(self.actions, self.mark).zh.replace('事件数', '事件')}"


@dataclass(frozen=True, slots=True)
class Distinct:
    """How many different values of a kind (`models.events.VALUES`) the day has."""

    kind: str

    def __str__(self) -> str:
        return f"different values of `{self.kind}`"

    @property
    def zh(self) -> str:
        return f"`{self.kind}` 的不同取值数"


@dataclass(frozen=True, slots=True)
class New:
    """How many of these the person had not in the `MEMORY` days before."""

    kind: str

    def __str__(self) -> str:
        return f"`{self.kind}` values not seen in the {MEMORY} days before"

    @property
    def zh(self) -> str:
        return f"此前 {MEMORY} 天内未出现过的 `{self.kind}` 取值数"


@dataclass(frozen=True, slots=True)
class NewShare:
    """What share of the day's values is new; 0 of none."""

    kind: str

    def __str__(self) -> str:
        return f"new share of the day's `{self.kind}` values"

    @property
    def zh(self) -> str:
        return f"当天 `{self.kind}` 取值中首次出现的占比"


@dataclass(frozen=True, slots=True)
class Held:
    """How many different values of a kind so many days have, the day included."""

    kind: str
    days: int

    def __str__(self) -> str:
        return f"different values of `{self.kind}` in {self.days} days"

    @property
    def zh(self) -> str:
        return f"{self.days} 天内 `{self.kind}` 的不同取值数"


@dataclass(frozen=True, slots=True)
class Sum:
    """What another feature adds up to in so many days, the day included."""

    of: str
    days: int

    def __str__(self) -> str:
        return f"sum of `{self.of}` over {self.days} days"

    @property
    def zh(self) -> str:
        return f"{self.days} 天内 `{self.of}` 之和"


@dataclass(frozen=True, slots=True)
class Made:
    """Computed in its own way, by name, in `models.own_past`."""

    en: str
    zh: str

    def __str__(self) -> str:
        return self.en


@dataclass(frozen=True, slots=True)
class Steps:
    """How often an action of one class (`CLASSES`) follows next after one of another, or the same."""

    before: str
    after: str

    def __str__(self) -> str:
        return f"steps from {self.before} to {self.after}"

    @property
    def zh(self) -> str:
        return f"由{CLASSES[self.before].zh}接{CLASSES[self.after].zh}的次数"


How = Steps | Count | Total | Distinct | New | NewShare | Held | Sum | Made


def _where(mark: str | None) -> list[str]:
    return [f"that are {mark}"] if mark else []

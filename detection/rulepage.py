"""The docs pages of the rules we ship, made from their files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal

from detection.risk import points_of
from detection.rule import Rule
from detection.rulebook import RuleBook

Language = Literal["en", "zh"]
AREAS = {
    "crm": {"en": "CRM", "zh": "客户管理系统"},
    "files": {"en": "Files", "zh": "文件"},
    "mail": {"en": "Mail", "zh": "邮件"},
    "chat": {"en": "Chat", "zh": "聊天"},
    "endpoint": {"en": "Endpoint", "zh": "终端"},
    "identity": {"en": "Identity and HR state", "zh": "身份与人事状态"},
    "behaviour": {"en": "Behaviours over days, systems and people", "zh": "跨越多日、多系统、多人的行为"},
}
"""The folders of `rules/`, in the order of the page."""
KINDS = {
    "common": {"en": "several who leave, the same files", "zh": "同期离职者取走相同文件"},
    "coverage": {"en": "a share of all customers", "zh": "占全部客户的份额"},
    "crew": {"en": "several people, one new place", "zh": "多人同一新去处"},
    "cumulative": {"en": "a little every day", "zh": "积少成多"},
    "destruction": {"en": "gone and not put back", "zh": "删除而未恢复"},
    "drips": {"en": "a little of everything", "zh": "各类各取一点"},
    "joint": {"en": "signs of several kinds", "zh": "多类迹象并存"},
    "sequence": {"en": "steps of the same files or records", "zh": "同一批文件或记录的步骤"},
    "silence": {"en": "one system hears nothing more", "zh": "某个系统不再有记录"},
    "unusual": {"en": "what a learned model finds", "zh": "学习到的模型的发现"},
}
"""What each kind of behaviour finds."""
WORDS = {
    "en": {
        "title": "Rules we ship",
        "made": "Made from `rules/` by `python -m detection.rulepage en > docs/rule-pack.md`; "
        "a test holds the two together.",
        "count": "{alerts} rules raise alerts; {blocks} building blocks only name what they look for.",
        "how": "How a rule is written and scored stands in [rules.md](rules.md), what a behaviour compares in "
        "[behaviours.md](behaviours.md). "
        "`insider-ttp.*` marks techniques of the Insider Threat TTP Knowledge Base.",
        "facts": "{level} · {points} points · {kind}",
        "behaviour": "{kind}: {what}",
        "floor": " · at least {floor}",
        "stages": " · only {stages}",
        "lookback": " · looks back {lookback} days",
        "next": "Next",
        "innocent": "May be innocent",
        "tags": "Tags",
        "blocks": "Building blocks",
        "block": "| name | what it names |",
        "stop": ": ",
        "list": "; ",
    },
    "zh": {
        "title": "自带规则",
        "made": "由 `python -m detection.rulepage zh > docs/rule-pack.zh.md` 从 `rules/` 生成；有测试保证两者一致。",
        "count": "{alerts} 条规则产生告警；{blocks} 个构件只标记要查找的事件。",
        "how": "规则的写法与计分见 [rules.md](rules.md)（英文），行为规则与什么比较见 "
        "[behaviours.zh.md](behaviours.zh.md)。`insider-ttp.*` 表示内部威胁 TTP 知识库收录的技术。"
        "尖括号中为告警时填入的内容。",
        "facts": "级别 {level} · {points} 分 · {kind}",
        "behaviour": "{kind}：{what}",
        "floor": " · 至少 {floor} 分",
        "stages": " · 仅限 {stages}",
        "lookback": " · 回看 {lookback} 天",
        "next": "处置建议",
        "innocent": "可能的正常情形（英文）",
        "tags": "标签",
        "blocks": "构件",
        "block": "| 名称 | 标记的事件（英文） |",
        "stop": "：",
        "list": "；",
    },
}


def page(book: RuleBook, lang: Language) -> str:
    """The whole page as Markdown, in one language."""
    words = WORDS[lang]
    alerts = sum(rule.alerts for rule in book.rules.values())
    count = words["count"].format(alerts=alerts, blocks=len(book.rules) - alerts)
    lines = [f"# {words['title']}", "", words["made"], words["how"], "", count, ""]
    return "\n".join([*lines, *(line for area in AREAS for line in _area(book, area, lang))])


def area_of(book: RuleBook) -> dict[str, str]:
    """The area of each rule by its name: the folder its file lies in."""
    return {PurePosixPath(file).stem: PurePosixPath(file).parent.name for file in book.texts}


def _area(book: RuleBook, area: str, lang: Language) -> Iterator[str]:
    areas = area_of(book)
    rules = [rule for name, rule in book.rules.items() if areas.get(name) == area]
    yield from (f"## {AREAS[area][lang]}", "")
    for rule in rules:
        if rule.alerts:
            yield from _entry(rule, lang)
    blocks = [rule for rule in rules if not rule.alerts]
    if blocks:
        yield from (f"### {WORDS[lang]['blocks']}", "", WORDS[lang]["block"], "|---|---|")
        yield from (f"| `{rule.name}` | {rule.description} |" for rule in blocks)
        yield ""


def _entry(rule: Rule, lang: Language) -> Iterator[str]:
    words, extra = WORDS[lang], rule.extra
    facts = words["facts"].format(level=rule.level.value, points=f"{points_of(rule):g}", kind=_kind(rule, lang))
    facts += words["floor"].format(floor=f"{extra.floor:g}") if extra.floor else ""
    facts += words["stages"].format(stages=", ".join(sorted(extra.for_stages))) if extra.for_stages else ""
    facts += words["lookback"].format(lookback=extra.lookback) if extra.lookback else ""
    yield from (f"### `{rule.name}`", "")
    if lang == "en":
        yield f"**{rule.title}.** {rule.description}  "
    elif extra.message:
        yield f"**{extra.message.zh.replace('{', '〈').replace('}', '〉')}**  "
    yield f"{facts}  "
    if extra.runbook:
        yield f"{words['next']}{words['stop']}{getattr(extra.runbook, lang)}  "
    yield f"{words['innocent']}{words['stop']}{words['list'].join(rule.falsepositives)}  "
    yield f"{words['tags']}{words['stop']}{', '.join(f'`{tag}`' for tag in rule.tags)}"
    yield ""


def _kind(rule: Rule, lang: Language) -> str:
    if rule.behaviour is None:
        return rule.kind
    return WORDS[lang]["behaviour"].format(kind=rule.kind, what=KINDS[rule.kind][lang])


if __name__ == "__main__":
    import sys

    sys.stdout.write(page(RuleBook.load(), "zh" if sys.argv[1:] == ["zh"] else "en"))

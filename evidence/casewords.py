"""The words of a case's report, in both languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evidence.printing import Language

Head = tuple[Sequence[str], Sequence[float]]
WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "title": "Evidence report, case {case}",
        "case": "Case",
        "state": "State",
        "opened": "Opened",
        "score": "Score",
        "decided": "Decided",
        "reason": "Reason given",
        "copy_for": "Copy for",
        "copy_number": "No.",
        "exported_at": "Exported",
        "exported_by": "Exported by",
        "purpose": "Purpose",
        "scope": "What it covers",
        "zone": "Times are those of",
        "account": "What happened",
        "other_language": "中文说明",
        "persons": "Persons",
        "notice": "Notice",
        "last_day": "Last day",
        "timeline": "Time line",
        "timeline_words": "{events} events (columns: {days} day(s) each, the highest {highest}, drawn by "
        "square root) and "
        "{alerts} alerts (triangles).",
        "alerts": "Alerts and their score ledgers",
        "alert": "Alert",
        "snapshot": "snapshot",
        "why": "Grounds",
        "colon": ": ",
        "favour": "What speaks for the person",
        "no_favour": "Nothing of this kind was found: no approval, no handover task, no exception. What was not seen "
        "is listed below.",
        "coverage": "What was seen, and what was not",
        "custody": "Chain of custody",
        "used": "Rules and models used",
        "rule": "rule",
        "model": "model",
        "proof": "What proves it",
        "log": "Ledger",
        "size": "Entries in its tree",
        "root": "Root (SHA-256)",
        "head_at": "Head signed",
        "trust": "Whom to trust: compare these fingerprints with those you were given another way",
        "verify": "How to verify",
        "verify_steps": "Take the bundle to any machine with Python 3.11 or newer and the package "
        "cryptography; no other "
        "software and no network is needed.\n"
        "Unpack it and run: python verify.py BUNDLE.zip. It prints nothing and ends with exit code 0 where "
        "everything is "
        "as it was; otherwise it names the first thing that is broken, with exit code 1.\n"
        "Compare the fingerprints above with those that the ledger's keeper and the time-stamping authority publish or "
        "gave you.\n"
        "The lines in data/events/leaves-*.ndjson are the stored events, byte by byte; data/proof says where in the "
        "ledger each one is.",
        "more": "{n} more are not shown here; all of them are in the bundle, in data/.",
        "ledgers_more": "The ledgers of {n} more alerts, those with lower scores, are in the bundle, in data/alerts/.",
        "none": "None.",
    },
    "zh": {
        "title": "证据报告，案件 {case}",
        "case": "案件",
        "state": "状态",
        "opened": "立案时间",
        "score": "得分",
        "decided": "认定",
        "reason": "认定理由",
        "copy_for": "接收方",
        "copy_number": "编号",
        "exported_at": "导出时间",
        "exported_by": "导出人",
        "purpose": "用途",
        "scope": "导出范围",
        "zone": "时间所属时区",
        "account": "事实经过",
        "other_language": "English account",
        "persons": "相关人员",
        "notice": "离职申请",
        "last_day": "最后工作日",
        "timeline": "时间线",
        "timeline_words": "共 {events} 个事件（柱形，每柱 {days} 天，最高 {highest}，按平方根绘制），"
        "{alerts} 个告警（三角）。",
        "alerts": "告警及其得分明细",
        "alert": "告警",
        "snapshot": "快照",
        "why": "依据",
        "colon": "：",
        "favour": "对当事人有利的情况",
        "no_favour": "未发现此类情况：没有审批、交接任务或例外。未能看到的数据列于下文。",
        "coverage": "看到了什么，没有看到什么",
        "custody": "保管链",
        "used": "所用规则与模型",
        "rule": "规则",
        "model": "模型",
        "proof": "证明",
        "log": "账本",
        "size": "树中条目数",
        "root": "树根（SHA-256）",
        "head_at": "树头签名时间",
        "trust": "信任对象：请与通过其他途径取得的指纹核对",
        "verify": "如何验证",
        "verify_steps": "将证据包复制到任意一台装有 Python 3.11 或更高版本及 cryptography 库的计算机；"
        "无需其他软件，也无需联网。\n"
        "解压后运行：python verify.py BUNDLE.zip。全部完好时不输出任何内容，退出码为 0；"
        "否则指出第一处损坏，退出码为 1。\n"
        "将上面的指纹与账本保管人和时间戳机构公布或交给您的指纹核对。\n"
        "data/events/leaves-*.ndjson 中的每一行就是入库的事件，逐字节一致；data/proof 说明每一行在账本中的位置。",
        "more": "另有 {n} 条未在此列出；全部内容见证据包 data/ 目录。",
        "ledgers_more": "另有 {n} 个得分较低的告警的明细未在此列出，见证据包 data/alerts/。",
        "none": "无。",
    },
}
COLUMNS: Mapping[Language, Mapping[str, Head]] = {
    "en": {
        "persons": (("Person", "Post", "Notice", "Last day", "Accounts"), (2, 2, 0, 0, 3)),
        "alerts": (("Time", "Person", "What", "Stage", "Became", "Score"), (0, 2, 3, 0, 0, 0)),
        "ledger": (
            ("Term", "Points", "Observed", "Own usual", "Peers' usual", "Limit", "Silent below"),
            (2.4, 0.8, 1, 1, 1, 1, 1.5),
        ),
        "coverage": (("Source", "Events", "Quarantined", "First", "Last"), (1, 0, 0, 0, 0)),
        "custody": (("Time", "Who", "Did", "Why"), (0, 2, 0, 3)),
        "used": (("Kind", "Name", "SHA-256"), (0, 2, 3)),
        "trust": (("Of", "Fingerprint"), (2, 3)),
    },
    "zh": {
        "persons": (("人员", "岗位", "离职申请", "最后工作日", "账号"), (2, 2, 0, 0, 3)),
        "alerts": (("时间", "人员", "内容", "阶段", "结果", "得分"), (0, 2, 3, 0, 0, 0)),
        "ledger": (
            ("项目", "分值", "观测值", "本人平时", "同岗平时", "限值", "低于此值不触发"),
            (2.4, 0.8, 1, 1, 1, 1, 1.5),
        ),
        "coverage": (("数据源", "事件数", "隔离", "最早", "最晚"), (1, 0, 0, 0, 0)),
        "custody": (("时间", "操作人", "操作", "原因"), (0, 2, 0, 3)),
        "used": (("类别", "名称", "SHA-256"), (0, 2, 3)),
        "trust": (("对象", "指纹"), (2, 3)),
    },
}
"""Of each table the head, and how wide its columns are: 0 as wide as what stands in it, else a share of the rest."""
STATES: Mapping[Language, Mapping[str, str]] = {
    "en": {"new": "open", "overflow": "open, beyond the alert budget", "insufficient": "insufficient evidence"},
    "zh": {
        "new": "待处理",
        "overflow": "待处理，超出告警预算",
        "confirmed": "确认",
        "benign": "正常",
        "insufficient": "证据不足",
    },
}
STAGES: Mapping[Language, Mapping[str, str]] = {
    "en": {"pre_departure": "before a notice", "notice": "under notice"},
    "zh": {"active": "在职", "pre_departure": "预离职", "notice": "离职中", "departed": "已离职"},
}
OUTCOMES: Mapping[Language, Mapping[str, str]] = {
    "en": {},
    "zh": {"alert": "告警", "suppressed": "已解释", "overflow": "超出预算"},
}
DEEDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "asked_to_lift": "asked to lift a hold",
        "lifted": "lifted a hold",
        "held": "placed a hold",
        "filed": "filed a departure",
        "entered": "changed the directory",
        "sent_notice": "sent HR a notice",
        "answered_notice": "answered a notice",
        "withdrew_notice": "withdrew a notice",
        "acted": "response action",
        "set_notifying": "changed notifications",
        "replayed": "sent notifications again",
        "asked_to_unmask": "asked to unmask",
        "refused_to_unmask": "refused to unmask",
        "ended_unmasking": "ended an unmasking",
    },
    "zh": {
        "saw": "查看",
        "decided": "认定",
        "previewed": "预览导出",
        "exported": "导出",
        "held": "设置保全",
        "asked_to_lift": "申请解除保全",
        "lifted": "解除保全",
        "erased": "删除",
        "traced": "追查水印",
        "filed": "登记离职",
        "entered": "更新员工资料",
        "sent_notice": "发出人事提示",
        "answered_notice": "回复人事提示",
        "withdrew_notice": "撤回人事提示",
        "acted": "处置",
        "set_notifying": "修改通知设置",
        "replayed": "重发通知",
        "asked_to_unmask": "申请揭示身份",
        "unmasked": "揭示身份",
        "refused_to_unmask": "拒绝揭示身份",
        "ended_unmasking": "结束揭示",
    },
}

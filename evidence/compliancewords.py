"""The words of the compliance report, in both languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evidence.printing import Language

Words = Mapping[Language, Mapping[str, str]]
LABELS: Words = {
    "en": {
        "title": "Compliance report, {first} to {last}",
        "copy_for": "Copy for",
        "copy_number": "No.",
        "contents": "Contents",
        "more": "{n} more rows are in {file}.",
    },
    "zh": {
        "title": "合规报告，{first} 至 {last}",
        "copy_for": "接收方",
        "copy_number": "编号",
        "contents": "目录",
        "more": "另有 {n} 行，见 {file}。",
    },
}
TITLES: Words = {
    "en": {
        "purpose": "Purpose and scope",
        "departures": "Departures, handover, end of access",
        "alerts": "Alerts",
        "decisions": "Cases and decisions",
        "looks": "Who looked at whom",
        "erasure": "Retention and erasure",
        "coverage": "What was seen, and what was not",
        "mapping": "Which law asks for what",
    },
    "zh": {
        "purpose": "目的与范围",
        "departures": "离职、交接与权限终止",
        "alerts": "告警",
        "decisions": "案件与认定",
        "looks": "谁查看了谁",
        "erasure": "保存与删除",
        "coverage": "看到了什么，没有看到什么",
        "mapping": "法律法规对照",
    },
}
"""In the order of the report."""
INTRO: Words = {
    "en": {
        "purpose": "Made from what leaverwatch keeps, without anybody's choice of what to show. It is material "
        "for audits "
        "and for the record of processing; it is no legal opinion.",
        "departures": "Everybody whose notice or last day lies in the period, and whoever left before it and "
        "whose accounts "
        "were still used in it. Access that ended late is what somebody's accounts did in the period after the "
        "last working "
        "day was over, in company time. Handovers are the tasks imported as such: where none is known, something "
        "may have "
        "been handed over all the same.",
        "alerts": "What the rules found on the days of the period, by what became of it. Suppressed is what an "
        "approval or "
        "an exception explains, overflow what the alert budget had no room for; nothing is dropped.",
        "decisions": "Cases decided in the period. A case is decided by a person, with a reason; the time to a "
        "decision "
        "counts from when its first alert was written down.",
        "looks": "From the audit log: who saw, decided, exported or held what concerns a person, how often, and "
        "how often "
        "with a reason.",
        "erasure": "Runs of retention in the period: what was older than the limits went, except what a legal hold or "
        "frozen evidence keeps.",
        "coverage": "What arrived of each source. A silent day is a working day on which nothing came from a "
        "source that "
        "had been heard of before: no alert on such a day says nothing. Quarantined lines could not be read and "
        "are kept "
        "byte for byte.",
        "mapping": "What the sections above are good for. The last column says what no report can answer.",
    },
    "zh": {
        "purpose": "本报告由 leaverwatch 保存的数据直接生成，无人挑选内容。可作为审计和处理活动记录的材料，"
        "不构成法律意见。",
        "departures": "离职申请日或最后工作日在本期的人员，以及此前离职而账号在本期仍被使用的人员。权限终止过晚，"
        "指最后工作日（公司时间）结束后其账号在本期的操作。交接指已导入的交接任务；没有已知任务并不等于没有交接。",
        "alerts": "本期各日规则的发现及其去向。“已解释”指由审批或例外说明，“超出预算”指告警预算容纳不下；"
        "没有任何发现被丢弃。",
        "decisions": "本期认定的案件。案件由人认定并说明理由；认定时长自首个告警写入时起算。",
        "looks": "来自审计日志：谁查看、认定、导出或保全了与某人有关的内容，多少次，其中多少次写明了原因。",
        "erasure": "本期的到期删除：超过期限的记录已删除，法律保全或已冻结的证据除外。",
        "coverage": "各数据源到达的情况。静默日指此前有数据的数据源在某个工作日没有任何数据："
        "这一天没有告警不说明任何问题。"
        "隔离的行无法解析，逐字节保留。",
        "mapping": "以上各节可用于何处。最后一列是任何报告都无法代替的工作。",
    },
}
TOLD: Words = {
    "en": {
        "period": "Period",
        "made": "Made",
        "purpose": "Looking for departures before HR knows",
        "no_purpose": "switched off",
        "persons": "People known",
        "names": "Names",
        "named": "persons by name",
        "pseudonyms": "persons by pseudonym, the same in every report of this installation",
        "departures": "Departures",
        "gone": "Last day passed",
        "late": "Access ended late",
        "no_handover": "Gone without a known handover task",
        "withdrawn": "withdrawn",
        "handovers": "{all}, {open} running",
        "none": "none known",
        "matches": "Balance",
        "balance": "{alert} alerts + {suppressed} suppressed + {overflow} overflow = {all} matches",
        "decided": "Decided",
        "outcomes": "As",
        "median": "Median time to a decision",
        "hours": "{hours} hours",
        "open": "Undecided at the end",
        "lookers": "People who looked",
        "looked_at": "Persons looked at",
        "unreasoned": "Looks without a reason",
        "runs": "Runs",
        "erased": "Events deleted",
        "holds": "Legal holds in force at the end",
        "unfinished": "not finished",
        "sources": "Sources",
        "silent_sources": "With silent days",
        "quarantined": "Lines in quarantine",
        "nothing": "Nothing in this period.",
    },
    "zh": {
        "period": "期间",
        "made": "生成时间",
        "purpose": "人事登记前的离职倾向识别",
        "no_purpose": "未启用",
        "persons": "已知人员",
        "names": "姓名",
        "named": "显示真实姓名",
        "pseudonyms": "以化名显示，同一部署的各期报告中保持一致",
        "departures": "离职人数",
        "gone": "最后工作日已过",
        "late": "权限终止过晚",
        "no_handover": "已离职且没有已知交接任务",
        "withdrawn": "已撤回",
        "handovers": "{all} 项，进行中 {open} 项",
        "none": "无已知任务",
        "matches": "平衡",
        "balance": "告警 {alert} + 已解释 {suppressed} + 超出预算 {overflow} = 发现 {all}",
        "decided": "已认定",
        "outcomes": "其中",
        "median": "认定时长中位数",
        "hours": "{hours} 小时",
        "open": "期末未认定",
        "lookers": "查看者人数",
        "looked_at": "被查看人数",
        "unreasoned": "未写明原因的次数",
        "runs": "执行次数",
        "erased": "删除事件数",
        "holds": "期末生效的法律保全",
        "unfinished": "未完成",
        "sources": "数据源",
        "silent_sources": "有静默日的数据源",
        "quarantined": "隔离行数",
        "nothing": "本期没有。",
    },
}
SHEETS: Words = {
    "en": {
        "departures": "Departures and what their accounts did afterwards",
        "rules": "Matches by rule",
        "decisions": "Decided cases",
        "looks": "Looks at persons' data",
        "erasures": "Runs of retention",
        "coverage": "Sources",
        "mapping": "Provisions and sections",
    },
    "zh": {
        "departures": "离职人员及其账号此后的操作",
        "rules": "按规则统计的发现",
        "decisions": "已认定的案件",
        "looks": "对个人数据的查看",
        "erasures": "到期删除的执行",
        "coverage": "数据源",
        "mapping": "条款与章节",
    },
}
HEADS: Mapping[Language, Mapping[str, Sequence[str]]] = {
    "en": {
        "departures": (
            "Person", "Notice", "Last day", "Handover", "Alerts", "Acts after the last day", "Refused logins after it",
            "Last act", "Systems",
        ),
        "rules": ("Rule", "Alerts", "Suppressed", "Overflow", "Matches"),
        "decisions": ("Case", "Person", "Opened", "Decided", "Hours to it", "By", "As", "Because"),
        "looks": ("Who", "At whom", "Did", "Times", "First", "Last", "With a reason"),
        "erasures": ("Begun", "Done", "Older than", "Events", "Other records", "Held back"),
        "coverage": ("Source", "Events", "Quarantined", "First", "Last", "Silent working days", "Which"),
        "mapping": ("Law or standard", "Provision", "Asks", "Answered by", "Left to the company"),
    },
    "zh": {
        "departures": (
            "人员", "离职申请", "最后工作日", "交接", "告警", "此后操作", "此后被拒登录", "最后一次操作", "系统",
        ),
        "rules": ("规则", "告警", "已解释", "超出预算", "发现"),
        "decisions": ("案件", "人员", "立案", "认定", "时长（小时）", "认定人", "结果", "理由"),
        "looks": ("操作人", "对象", "操作", "次数", "首次", "末次", "写明原因"),
        "erasures": ("开始", "完成", "早于", "事件", "其他记录", "保全保留"),
        "coverage": ("数据源", "事件", "隔离", "最早", "最晚", "静默工作日", "日期"),
        "mapping": ("法律或标准", "条款", "要求", "对应章节", "由企业完成"),
    },
}  # fmt: skip

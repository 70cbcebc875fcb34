"""What laws and standards ask, and which section of the compliance report answers it. As of November 2026."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evidence.printing import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A provision: `asks` in short, `sections` of the report that answer it, and what is `left` to the company."""

    law: dict[Language, str]
    article: dict[Language, str]
    asks: dict[Language, str]
    sections: Sequence[str]
    left: dict[Language, str]


def _asked(law: str, article: str, sections: str, en: tuple[str, str], zh: tuple[str, str]) -> Asked:
    names = _LAWS[law]
    return Asked(
        law=names,
        article={"en": f"Art. {article}", "zh": f"第 {article} 条"} if law != "ISO" else {"en": article, "zh": article},
        asks={"en": en[0], "zh": zh[0]},
        sections=tuple(sections.split()),
        left={"en": en[1], "zh": zh[1]},
    )


_LAWS: dict[str, dict[Language, str]] = {
    "PIPL": {"en": "Personal Information Protection Law (CN)", "zh": "个人信息保护法"},
    "DSL": {"en": "Data Security Law (CN)", "zh": "数据安全法"},
    "CSL": {"en": "Cybersecurity Law (CN, as amended 2025)", "zh": "网络安全法（2025 年修正）"},
    "GDPR": {"en": "GDPR (EU) 2016/679", "zh": "欧盟《通用数据保护条例》(EU) 2016/679"},
    "ISO": {"en": "ISO/IEC 27001:2022, Annex A", "zh": "ISO/IEC 27001:2022 附录 A"},
}
ASKED: Sequence[Asked] = (
    _asked("PIPL", "6", "purpose looks", (
        "A definite and reasonable purpose, the least impact, no more data than it needs",
        "Decide the purpose and which sources are needed"), (
        "目的明确、合理，影响最小，收集限于最小范围", "确定目的和所需的数据源")),
    _asked("PIPL", "13", "purpose", (
        "A legal basis: necessary for human-resources management under labour rules or a collective contract made "
        "according to law (13(1)(2)), or consent",
        "Adopt the labour rules in due form and tell staff; consent alone is weak in employment"), (
        "合法性基础：按照依法制定的劳动规章制度或依法签订的集体合同实施人力资源管理所必需（第一款第二项），或取得同意",
        "依法定程序制定规章制度并告知员工；劳动关系中仅凭同意并不稳妥")),
    _asked("PIPL", "17", "purpose coverage", (
        "Tell people who processes what, why, how, for how long, and their rights",
        "Give the notice; the sources listed here are what it must name"), (
        "告知处理者、目的、方式、种类、保存期限和权利行使方式", "完成告知；此处所列数据源即应告知的内容")),
    _asked("PIPL", "19", "erasure", (
        "Keep no longer than the purpose needs", "Set the retention period"), (
        "保存期限为实现目的所必要的最短时间", "设定保存期限")),
    _asked("PIPL", "24", "decisions", (
        "Automated decisions are transparent and fair; whoever is considerably affected may ask for reasons and refuse "
        "a decision by machine alone",
        "People decide cases; the report counts their decisions and outcomes"), (
        "自动化决策应透明、公平公正；对个人权益有重大影响的，个人有权要求说明并拒绝仅通过自动化决策作出决定",
        "案件由人认定；报告列出认定数量与结果")),
    _asked("PIPL", "47", "erasure", (
        "Delete when the purpose is reached or the period is over", "Check that holds are still needed"), (
        "目的已实现或保存期限届满应主动删除", "检查保全是否仍有必要")),
    _asked("PIPL", "51", "looks departures coverage", (
        "Internal rules, classes of data, encryption and de-identification, authority to process, training, plans for "
        "incidents", "Rules, training and plans are the company's"), (
        "内部管理制度、分类管理、加密与去标识化、操作权限、培训、应急预案", "制度、培训与预案由企业自行建立")),
    _asked("PIPL", "54", "purpose decisions looks erasure", (
        "Audit regularly whether processing keeps to the law", "The audit itself; this report is material for it"), (
        "定期进行合规审计", "审计本身；本报告可作为其材料")),
    _asked("PIPL", "55, 56", "purpose", (
        "Assess the impact beforehand (automated decisions, considerable effect on people) and keep report and records "
        "for at least three years", "Fill in docs/dpia.md and renew it on changes"), (
        "事前进行个人信息保护影响评估（自动化决策、对个人权益有重大影响等），报告和处理情况记录至少保存三年",
        "填写 docs/dpia.zh.md，变更时更新")),
    _asked("DSL", "27", "departures alerts coverage", (
        "Data security throughout, training, technical measures, on the ground of classified protection (MLPS)",
        "The management system and the grading of the systems"), (
        "建立健全全流程数据安全管理制度，组织培训，采取技术措施，在网络安全等级保护制度的基础上履行义务",
        "管理制度与定级备案")),
    _asked("DSL", "29", "alerts decisions coverage", (
        "Watch for risks, act at once on defects; on incidents act, tell users and report",
        "Reporting to authorities"), (
        "加强风险监测，发现缺陷、漏洞立即补救；发生事件立即处置，告知用户并报告", "向主管部门报告")),
    _asked("DSL", "30", "alerts coverage", (
        "Whoever processes important data assesses risks regularly and reports them",
        "Only where data are important data; the assessment is the company's"), (
        "重要数据的处理者定期开展风险评估并报送报告", "仅适用于重要数据；评估由企业完成")),
    _asked("CSL", "23", "coverage erasure", (
        "Record network operation and security incidents, keep those logs for at least six months (Art. 21 "
        "before 2026)",
        "Keep the sources' own logs as well; a retention below 180 days needs another place for them"), (
        "监测、记录网络运行状态和网络安全事件，相关网络日志留存不少于六个月（2026 年前为第二十一条）",
        "数据源自身的日志也须留存；保存期限低于 180 天时须另行留存")),
    _asked("CSL", "27", "alerts decisions", (
        "Plans for incidents; act at once when one happens (Art. 25 before 2026)", "The plan and its exercises"), (
        "制定网络安全事件应急预案，发生事件立即启动（2026 年前为第二十五条）", "预案及演练")),
    _asked("CSL", "44", "looks departures", (
        "Keep personal information from leaking, being altered or lost (Art. 42 before 2026)",
        "Measures beyond this product"), (
        "采取措施防止个人信息泄露、毁损、丢失（2026 年前为第四十二条）", "本产品以外的措施")),
    _asked("GDPR", "5", "purpose looks erasure coverage", (
        "Lawful, fair, transparent; bound to a purpose; minimal; accurate; kept no longer; secure; and able to show it",
        "State the purposes and periods; this report is a part of showing it"), (
        "合法、公平、透明；目的限制；最小化；准确；存储限制；安全；并能证明", "写明目的与期限；本报告是证明的一部分")),
    _asked("GDPR", "6", "purpose", (
        "A legal basis: as a rule legitimate interest (1)(f), weighed case by case; (1)(c) where a law obliges",
        "Weigh the interests; docs/dpia.md has the questions"), (
        "合法性基础：通常为第 1 款 (f) 项正当利益（须逐案权衡），法律规定义务时为 (c) 项",
        "完成利益权衡；docs/dpia.zh.md 列有问题")),
    _asked("GDPR", "30", "purpose coverage erasure", (
        "A record of processing: purposes, categories of people and data, recipients, periods, security",
        "Keep the record; take the categories from here"), (
        "处理活动记录：目的、数据主体与数据类别、接收方、期限、安全措施", "维护记录；类别可取自本报告")),
    _asked("GDPR", "35", "purpose", (
        "An impact assessment where a high risk is likely; systematic monitoring of staff is such a case",
        "Fill in docs/dpia.md, ask the data protection officer"), (
        "可能造成高风险时须进行影响评估；对员工的系统性监控即属此类", "填写 docs/dpia.zh.md，征求数据保护官意见")),
    _asked("GDPR", "88", "purpose decisions looks", (
        "National law and collective agreements on employment, with measures for dignity and transparency, monitoring "
        "at work in particular (88(2))",
        "The works agreement; docs/works-council.md is a summary to begin with"), (
        "成员国法律与集体协议可就雇佣场景作更具体规定，并含维护尊严与透明的措施，尤其是工作场所监控（第 2 款）",
        "签订集体协议；docs/works-council.zh.md 可作起点")),
    _asked("ISO", "A.6.5", "departures", (
        "Responsibilities after a termination or change of employment are defined, enforced and told",
        "The contracts and the exit procedure"), (
        "明确、执行并告知任用终止或变更后仍然有效的责任", "劳动合同与离职流程")),
    _asked("ISO", "A.8.15", "coverage looks", (
        "Logs are produced, stored, protected and analysed", "Switch the logs on at the sources"), (
        "产生、存储、保护并分析日志", "在数据源开启日志")),
    _asked("ISO", "A.8.16", "alerts decisions coverage", (
        "Networks, systems and applications are monitored for anomalous behaviour, and acted upon",
        "Whoever acts on alerts"), (
        "监视网络、系统和应用的异常行为并采取行动", "由谁处置告警")),
)  # fmt: skip

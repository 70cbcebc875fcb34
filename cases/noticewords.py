"""What a notice says to HR, in Chinese and English. It names nobody and nothing that was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.notice import Notice, RiskLevel, Step
from core.person import Stage

Words = Mapping[str, str]
"""By language: zh, en."""

STAGES: Mapping[Stage, Words] = {
    Stage.ACTIVE: {"zh": "该员工在职，没有离职登记。", "en": "The employee is with us; no resignation is on file."},
    Stage.PRE_DEPARTURE: {
        "zh": "该员工没有离职登记，但有迹象表明可能正在考虑离开。",
        "en": "No resignation is on file, but there are signs that the employee may be thinking of leaving.",
    },
    Stage.NOTICE: {"zh": "该员工已提出离职。", "en": "The employee has resigned."},
    Stage.DEPARTED: {"zh": "该员工的最后工作日已过。", "en": "The employee's last day has passed."},
}
LEVELS: Mapping[RiskLevel, Words] = {
    RiskLevel.LOW: {
        "zh": "风险：低。按正常流程办理即可，请留意以下事项。",
        "en": "Risk: low. The usual process is enough; please keep the following in mind.",
    },
    RiskLevel.MEDIUM: {
        "zh": "风险：中。建议尽早与该员工沟通并完成以下事项。",
        "en": "Risk: medium. Please speak with the employee soon and see to the following.",
    },
    RiskLevel.HIGH: {
        "zh": "风险：高。请优先处理以下事项，并与安全部门保持联系。",
        "en": "Risk: high. Please see to the following first, and stay in touch with the security team.",
    },
}
STEPS: Mapping[Step, Words] = {
    Step.EARLY_MEETING: {
        "zh": "尽早面谈，了解情况与打算",
        "en": "Meet early and ask how things stand",
    },
    Step.ACCESS_REVIEW: {
        "zh": "与主管一起核对该员工仍需要哪些系统权限",
        "en": "Review with the manager which access the employee still needs",
    },
    Step.HANDOVER: {"zh": "确认工作、客户和文件的交接安排", "en": "Agree on the handover of work, customers and files"},
    Step.EXIT_INTERVIEW: {"zh": "安排离职面谈", "en": "Hold the exit interview"},
    Step.REMIND_OF_DUTIES: {
        "zh": "友善提醒公司数据与客户信息的使用规定",
        "en": "Remind them kindly of the rules for company data and customer information",
    },
    Step.REMIND_OF_NDA: {"zh": "提醒保密协议的内容", "en": "Remind them of the confidentiality agreement"},
    Step.REMIND_OF_NON_COMPETE: {
        "zh": "如签有竞业限制协议，提醒其内容",
        "en": "Where there is a non-compete agreement, remind them of it",
    },
    Step.LEGAL_CONSULTATION: {
        "zh": "采取进一步措施前先咨询法务",
        "en": "Consult legal before taking any further measure",
    },
}
PRESUMED: Words = {
    "zh": "这只是一个提示，不是结论：请以平常心对待该员工，不要据此作出不利的人事决定。",
    "en": "This is a hint, not a finding: please treat the employee as usual, and decide nothing against them on it.",
}


@dataclass(frozen=True, slots=True)
class Text:
    """A notice in words, each part by language; `steps` in the notice's order."""

    stage: Words
    level: Words
    when: Words
    steps: tuple[tuple[Step, Words], ...]
    presumed: Words


def text_of(notice: Notice) -> Text:
    """Exactly what HR reads, besides who it is about."""
    zh, en = f"请在 {notice.deadline} 前完成。", f"Please finish by {notice.deadline}."
    if notice.last_day:
        zh, en = f"最后工作日：{notice.last_day}。{zh}", f"Last working day: {notice.last_day}. {en}"
    return Text(
        stage=STAGES[notice.stage],
        level=LEVELS[notice.level],
        when={"zh": zh, "en": en},
        steps=tuple((step, STEPS[step]) for step in notice.steps),
        presumed=PRESUMED,
    )

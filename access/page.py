"""Writes the table of `access.permissions` into the pages of docs: `python -m access.page`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from access.keys import ONLY_PEOPLE
from access.permissions import OF_ROLE
from core.access import Permission, Role

BEGIN, END = "<!-- permissions: written by python -m access.page -->", "<!-- /permissions -->"
PAGES: Mapping[str, tuple[str, Mapping[Role, str]]] = {
    "docs/access.md": (
        "permission",
        {
            Role.ANALYST: "analyst",
            Role.SENIOR_ANALYST: "senior analyst",
            Role.HR: "HR",
            Role.LEGAL: "legal",
            Role.AUDITOR: "auditor",
            Role.ADMIN: "admin",
            Role.SERVICE: "service",
        },
    ),
    "docs/access.zh.md": (
        "权限",
        {
            Role.ANALYST: "分析员",
            Role.SENIOR_ANALYST: "高级分析员",
            Role.HR: "人力资源",
            Role.LEGAL: "法务",
            Role.AUDITOR: "审计员",
            Role.ADMIN: "管理员",
            Role.SERVICE: "服务",
        },
    ),
}


def table(word: str, roles: Mapping[Role, str]) -> str:
    """Who may do what. `*`: people only, by no key."""
    lines = [f"| {word} | {' | '.join(roles.values())} |", f"|---|{'---|' * len(roles)}"]
    for permission in Permission:
        cells = ("x" if permission in OF_ROLE[role] else "" for role in roles)
        lines.append(f"| `{permission}`{'*' * (permission in ONLY_PEOPLE)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def written(page: str, text: str) -> str:
    """A page's text with the table as it is today."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table(*PAGES[page])}\n\n{END}{after}"


def main() -> None:
    for page in PAGES:
        file = Path(__file__).parents[1] / page
        file.write_text(written(page, file.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

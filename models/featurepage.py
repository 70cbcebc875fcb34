"""The tables of features in the docs, made from the one list. `python -m models.featurepage` writes them anew."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from models.features import FEATURES

BEGIN, END = "<!-- features -->\n", "<!-- /features -->"


def table(head: str, rows: Iterable[tuple[str, str, str]]) -> str:
    """A row for each feature, in order."""
    lines = [f"| `{name}` | {meaning} | {how} |" for name, meaning, how in rows]
    return "\n".join([head, "|---|---|---|", *lines, ""])


def pages() -> dict[str, str]:
    """The table of each page, by its path."""
    english = ((one.name, one.en, str(one.how)) for one in FEATURES)
    chinese = ((one.name, one.zh, one.how.zh) for one in FEATURES)
    return {
        "docs/models.md": table("| feature | meaning | how |", english),
        "docs/models.zh.md": table("| 特征 | 含义 | 计算方式 |", chinese),
    }


def rewrite(text: str, table: str) -> str:
    """The page with this table between its marks."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}{table}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    for path, made in pages().items():
        page = Path(path)
        page.write_text(rewrite(page.read_text(encoding="utf-8"), made), encoding="utf-8")

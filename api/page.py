"""What is written of the API and kept beside the code: `python -m api.page` writes it anew, and a test holds the two
together."""

from __future__ import annotations

import json
from pathlib import Path

from api.openapi.client import client_of
from api.openapi.codes import table
from api.server import described

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- codes: written by `python -m api.page` -->\n", "<!-- end of codes -->\n"
DOCS = {
    ROOT / "docs" / "api.md": ("code", "status", "`detail`"),
    ROOT / "docs" / "api.zh.md": ("代码", "状态", "`detail`"),
}


def pages() -> dict[Path, str]:
    """Every file, with what has to be in it."""
    document = described().openapi()
    return {
        ROOT / "docs" / "openapi.json": json.dumps(document, indent=1, ensure_ascii=False) + "\n",
        ROOT / "client" / "operations.py": client_of(document),
        **{path: _with_codes(path.read_text(encoding="utf-8"), head) for path, head in DOCS.items()},
    }


def _with_codes(page: str, head: tuple[str, str, str]) -> str:
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + "\n" + table(head) + "\n" + END + rest.partition(END)[2]


def main() -> None:
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Notebooks run as Jupyter runs them, cell by cell, without Jupyter."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "notebooks"
OVER_THE_API = "alerts_over_the_api"
"""It reads a service, not `LEAVERWATCH_DATA`."""
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def code_of(path: Path) -> list[str]:
    """The text of each code cell."""
    return ["".join(cell["source"]) for cell in read(path)["cells"] if cell["cell_type"] == "code"]


def run(path: Path) -> tuple[dict[str, Any], list[object]]:
    """Run all cells in one namespace; returns it, and what the last line of each cell gives, shown as a page would."""
    names: dict[str, Any] = {"__name__": "__main__"}
    shown: list[object] = []
    for number, text in enumerate(code_of(path)):
        tree = ast.parse(text, f"{path.name}[{number}]")
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, f"{path.name}[{number}]", "exec"), names)
        if isinstance(last, ast.Expr):
            found = eval(compile(ast.Expression(last.value), f"{path.name}[{number}]", "eval"), names)
            as_page = getattr(found, "_repr_html_", None)
            assert as_page() if as_page else repr(found)
            shown.append(found)
    return names, shown

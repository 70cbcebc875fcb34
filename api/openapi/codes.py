"""The codes of problems, as the code itself says them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from api.problems import OF_ERRORS, OF_SERVER

FOLDER = Path(__file__).parents[1]
Said = tuple[str, int, str]
"""A code, its status and what `detail` says, with ... where that differs."""


def codes() -> list[Said]:
    """Every code once for each status, by name."""
    found = {(code, int(status)): "..." for status, code in [*OF_ERRORS.values(), *OF_SERVER.items()]}
    for path in sorted(FOLDER.rglob("*.py")):
        for code, status, detail in _said(ast.parse(path.read_text(encoding="utf-8"))):
            known = found.setdefault((code, status), detail)
            if known != detail:
                found[code, status] = "..."
    found[("invalid", 422)] = "which parameter or field is wrong, and why; `fields` has them one by one"
    return [(code, status, detail) for (code, status), detail in sorted(found.items())]


def table(head: tuple[str, str, str]) -> str:
    """The codes as a table of Markdown."""
    rows = [head, ("---", "---", "---"), *((f"`{code}`", str(status), detail) for code, status, detail in codes())]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _said(tree: ast.AST) -> Iterator[Said]:
    texts = {
        (target.id, node.lineno): node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem":
            status, code, detail = (*node.args, None, None, None)[:3]
            if isinstance(code, ast.Constant) and (number := _status(status)):
                if isinstance(detail, ast.Name):
                    before = [line for name, line in texts if name == detail.id and line < node.lineno]
                    detail = texts[detail.id, max(before)] if before else None
                yield str(code.value), number, _text(detail)


def _status(node: ast.expr | None) -> int | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    return int(HTTPStatus[node.attr]) if isinstance(node, ast.Attribute) else None


def _text(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value).replace("|", "\\|")
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "..." for part in node.values)
    return "..."

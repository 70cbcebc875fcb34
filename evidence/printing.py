"""PDF by typst: our templates, our fonts, and data that is never markup."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from importlib.resources import as_file, files
from struct import unpack_from
from tempfile import TemporaryDirectory
from typing import Any, Literal

from evidence.marks import Mark, dots, written

Language = Literal["en", "zh"]
DOT_PITCH = 7.0
"""Points between two dots of the unseen pattern."""
LONGEST = 2_000
"""Longer texts are cut, and say so."""
_CUT = {"en": " […{n:,} more characters]", "zh": "[……另有 {n:,} 个字符]"}
_RUN = re.compile(r"[^\s\u200b\u2e80-\u9fff\uf900-\uffef]{25,}")
_PIECE = 16
_FONTS = ("NotoSansCJKsc-Regular.otf", "NotoSansCJKsc-Bold.otf", "NotoSansCJKsc-Rare.otf")


def printed(name: str, values: Mapping[str, Any], *, title: str, mark: Mark, lang: Language, at: datetime) -> bytes:
    """A PDF (PDF/A-2a, PDF/UA-1) of a template in `evidence/templates`, marked on every page. Equal arguments give
    equal bytes. Every text of `values` is shown as it is, never read as markup; characters that our fonts lack stand
    there by their code points."""
    import typst

    data = plain({"values": values, "title": title, "lang": lang}, lang) | {"mark": _mark(mark, lang)}
    source = template("page.typ") + template(name)
    with TemporaryDirectory() as empty, as_file(files("evidence") / "fonts") as fonts:
        known = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(fonts)])
        made: bytes = typst.compile(  # type: ignore[type-var]  # the stub knows one type for all paths
            source.encode(),
            root=empty,
            package_path=empty,
            package_cache_path=empty,
            font_paths=known,
            sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
            pdf_standards=["a-2a", "ua-1"],
            timestamp=int(at.timestamp()),
        )
    return made


def template(name: str) -> str:
    """A file of `evidence/templates`."""
    return files("evidence").joinpath("templates", name).read_text("utf-8")


def _mark(mark: Mark, lang: Language) -> dict[str, Any]:
    recipient = shown(mark.recipient, lang, 60)
    return {
        "recipient": recipient,
        "number": shown(mark.number, lang, 40),
        "at": f"{mark.at:%Y-%m-%d %H:%M:%S %Z}",
        "unseen": written(mark.code),
        "dots": dots(mark.code),
        "pitch": DOT_PITCH,
    }


def plain(value: Any, lang: Language) -> Any:
    """Values as JSON has them, each text fit to be printed."""
    if isinstance(value, str):
        return shown(value, lang)
    if isinstance(value, Mapping):
        return {key: plain(one, lang) for key, one in value.items()}
    if isinstance(value, Sequence):
        return [plain(one, lang) for one in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def shown(text: str, lang: Language, most: int = LONGEST) -> str:
    """The text as our fonts can show it: on one line, cut where it is long, with places to break it, and `[U+202E]` for
    whatever is not a visible character of theirs."""
    cut = text[:most]
    known = characters()
    line = "".join(one if ord(one) in known else " " if one in "\n\r\t\u200b" else f"[U+{ord(one):04X}]" for one in cut)
    line = _RUN.sub(_with_breaks, line)
    return line + _CUT[lang].format(n=len(text) - most) if len(text) > most else line


def _with_breaks(run: re.Match[str]) -> str:
    return "\u200b".join(run[0][at : at + _PIECE] for at in range(0, len(run[0]), _PIECE))


@cache
def characters() -> frozenset[int]:
    """The code points that our fonts have."""
    folder = files("evidence") / "fonts"
    return frozenset(code for name in _FONTS for code in _characters_of(folder.joinpath(name).read_bytes()))


def _characters_of(font: bytes) -> list[int]:
    """Those of an OpenType font, by its table `cmap` of format 12."""
    tables = {
        font[at : at + 4]: unpack_from(">I", font, at + 8)[0]
        for at in range(12, 12 + 16 * unpack_from(">H", font, 4)[0], 16)
    }
    cmap = tables[b"cmap"]
    starts = [
        cmap + unpack_from(">I", font, cmap + 8 + 8 * at)[0] for at in range(unpack_from(">H", font, cmap + 2)[0])
    ]
    start = next(one for one in starts if unpack_from(">H", font, one)[0] == 12)
    groups = unpack_from(">I", font, start + 12)[0]
    spans = [unpack_from(">II", font, start + 16 + 12 * at) for at in range(groups)]
    return [code for first, last in spans for code in range(first, last + 1)]

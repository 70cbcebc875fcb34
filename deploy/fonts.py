"""Make the fonts of reports again, from a copy of Noto Sans CJK: `python -m deploy.fonts NotoSansCJK-Regular.ttc
NotoSansCJK-Bold.ttc`. Needs fonttools, which the product does not.

Regular and bold have what GB 2312 has, the characters of the Table of General Standard Chinese Characters' first two
levels, Latin, Greek, Cyrillic and kana. `Rare` has, in regular only, that table's third level (names of people and
places), Big5's frequent characters and what else stands in names. Whatever none has, reports show by its code point.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTCollection, TTFont

FAMILY = "Noto Sans CJK SC"
FOLDER = Path(__file__).parents[1] / "evidence" / "fonts"
CHARACTERS = Path(__file__).with_name("fonts.txt")
"""First the standard's characters of levels 1 and 2 that GB 2312 lacks, then those of level 3, then others in names."""
BLOCKS = (
    (0x20, 0x7E), (0xA0, 0x24F), (0x2B0, 0x2FF), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x1E00, 0x1EFF),
    (0x2010, 0x2027), (0x2030, 0x205E), (0x2070, 0x209C), (0x20A0, 0x20BF), (0x2100, 0x22FF), (0x2460, 0x257F),
    (0x25A0, 0x26FF), (0x3000, 0x30FF), (0xFE30, 0xFE4F), (0xFF01, 0xFFEE),
)  # fmt: skip


def main(regular: str, bold: str) -> None:
    """Write the three files."""
    standard, names, others = CHARACTERS.read_text(encoding="utf-8").split("\n\n")
    blocks = {code for first, last in BLOCKS for code in range(first, last + 1)}
    common = blocks | set(_coded("gb2312", 0xA1, 0xF8)) | _codes(standard)
    rare = (_codes(names) | _codes(others) | set(_coded("big5", 0xA4, 0xC7))) - common
    for source, codes, name in ((regular, common, "Regular"), (bold, common, "Bold"), (regular, rare, "Rare")):
        _write(_font(source), codes, name)


def _font(source: str) -> TTFont:
    fonts = TTCollection(source).fonts
    return next(font for font in fonts if font["name"].getDebugName(1).removesuffix(" Bold") == FAMILY)


def _write(font: TTFont, codes: set[int], name: str) -> None:
    options = subset.Options(
        layout_features=["ccmp", "kern", "mark", "mkmk"], hinting=False, desubroutinize=False, notdef_outline=True,
        name_IDs=[0, 1, 2, 3, 4, 5, 6, 13, 14], drop_tables=["BASE", "DSIG", "VORG", "vhea", "vmtx", "GPOS"],
    )  # fmt: skip
    maker = subset.Subsetter(options)
    maker.populate(unicodes=codes)
    maker.subset(font)
    if name == "Rare":
        for number, text in ((1, f"{FAMILY} Rare"), (4, f"{FAMILY} Rare"), (6, "NotoSansCJKsc-Rare")):
            font["name"].setName(text, number, 3, 1, 0x409)
    font["head"].modified = font["head"].created
    font.recalcTimestamp = False
    file = FOLDER / f"NotoSansCJKsc-{name}.otf"
    font.save(file, reorderTables=None)
    print(f"{file.name}: {len(font.getBestCmap()):,} characters, {file.stat().st_size:,} bytes")


def _codes(text: str) -> set[int]:
    return {ord(character) for character in text if not character.isspace()}


def _coded(encoding: str, first: int, end: int) -> Iterator[int]:
    """The characters of two bytes whose first byte lies there."""
    for lead in range(first, end):
        for trail in range(0x40, 0xFF):
            try:
                text = bytes((lead, trail)).decode(encoding)
            except UnicodeDecodeError:
                continue
            yield from map(ord, text)


if __name__ == "__main__":
    main(*sys.argv[1:])

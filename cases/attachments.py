"""Which files may lie with a case: documents and pictures that their content shows to be what their name says."""

from __future__ import annotations

import struct
import unicodedata
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import PurePosixPath
from zipfile import BadZipFile, ZipFile

from core.errors import BadQuery

LARGEST, LARGEST_OF_A_CASE = 10 << 20, 100 << 20
"""Bytes of one file, and of all files of a case."""
BEGINS: Mapping[str, bytes] = {
    "pdf": b"%PDF-",
    "png": b"\x89PNG\r\n\x1a\n",
    "jpg": b"\xff\xd8\xff",
    "docx": b"PK\x03\x04",
    "xlsx": b"PK\x03\x04",
    "pptx": b"PK\x03\x04",
}
"""How files of each kind begin."""
OFFICE: Mapping[str, str] = {"docx": "word/", "xlsx": "xl/", "pptx": "ppt/"}
TEXTS = frozenset({"txt", "csv", "eml"})
KINDS = frozenset({*BEGINS, *TEXTS})
HEADERS = ("from:", "to:", "subject:", "date:", "received:", "message-id:", "mime-version:")
ACTIVE = ("vba", "macro", "activex", "oleobject")
"""What parts of office documents are called that do something by themselves."""
PROGRAMS = (".exe", ".dll", ".js", ".vbs", ".ps1", ".bat", ".cmd", ".lnk", ".scr", ".hta", ".jar", ".msi")
MARKUP = ("<html", "<!doctype", "<script", "<svg", "<?xml", "<iframe", "<body", "<head")
LOOKED_AT = 4_096
MOST_PARTS, MOST_UNPACKED, LONGEST_NAME = 5_000, 500 << 20, 120


def safe_name(name: str) -> str:
    """The last part of a name, of characters that mean nothing to a shell or a header."""
    last = PurePosixPath(name.replace("\\", "/")).name
    plain = "".join(one if one.isalnum() or one in " ._-()" else "_" for one in unicodedata.normalize("NFC", last))
    stem, dot, ending = plain.rstrip(" .").rpartition(".")
    return f"{stem.strip(' .')[:LONGEST_NAME] or 'file'}.{ending}" if dot else ending[:LONGEST_NAME] or "file"


def recognised(name: str, data: bytes) -> str:
    """The kind of a file. Raises `BadQuery` where it is none of ours, or not what its name says."""
    ending = name.rpartition(".")[2].lower()
    kind = "jpg" if ending == "jpeg" else ending
    if kind not in KINDS:
        raise BadQuery(f"only these may be attached: {', '.join(sorted(KINDS))}")
    if not data:
        raise BadQuery("the file is empty")
    if kind in TEXTS:
        _check_text(kind, data)
    elif not data.startswith(BEGINS[kind]):
        raise BadQuery(f"the file is no {kind}")
    elif kind in OFFICE:
        _check_office(kind, data)
    return kind


def _check_text(kind: str, data: bytes) -> None:
    text = _decoded(data)
    if text is None or any(ord(one) < 32 and one not in "\t\n\r\f" for one in text):
        raise BadQuery("the file is no text")
    start = text[:LOOKED_AT].lower().lstrip("\ufeff \t\r\n")
    if kind == "eml":
        lines = start.splitlines()
        if sum(line.startswith(HEADERS) for line in lines) < 2:
            raise BadQuery("the file is no mail")
    elif start.startswith(("<", "#!")) or any(one in start for one in MARKUP):
        raise BadQuery("the file is a page or a script, which may not be attached")


def _decoded(data: bytes) -> str | None:
    for encoding in ("utf-8", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _check_office(kind: str, data: bytes) -> None:
    """What is declared of its parts is looked at; nothing but the list of types is unpacked."""
    try:
        with ZipFile(BytesIO(data)) as archive:
            parts = archive.infolist()
            names = [part.filename.lower() for part in parts]
            if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
                raise BadQuery("the file unpacks to more than a document")
            if any(part.flag_bits & 1 for part in parts):
                raise BadQuery("the file is encrypted: nobody could look at what it holds")
            whole = "[content_types].xml" in names and any(one.startswith(OFFICE[kind]) for one in names)
            if not whole:
                raise BadQuery(f"the file is no {kind}")
            with archive.open(parts[names.index("[content_types].xml")]) as types:
                listed = types.read(1 << 20).lower()
    except (BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, ValueError, struct.error, zlib.error):
        raise BadQuery(f"the file is no {kind}") from None
    if any(one.endswith(PROGRAMS) or any(word in one for word in ACTIVE) for one in names) or b"macroenabled" in listed:
        raise BadQuery("the file holds a macro or a program, which may not be attached")

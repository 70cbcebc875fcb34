"""Which files may lie with a case."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.attachments import KINDS, recognised, safe_name
from core.errors import BadQuery

TYPES = b"<Types><Override ContentType='application/vnd.ms-word.document'/></Types>"


def office(*names: str, types: bytes = TYPES, data: bytes = b"<x/>") -> bytes:
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", types)
        for name in names:
            archive.writestr(name, data)
    return file.getvalue()


DOCX = office("word/document.xml")
GOOD = {
    "a.pdf": b"%PDF-1.7\n...",
    "a.png": b"\x89PNG\r\n\x1a\n\0\0",
    "a.JPEG": b"\xff\xd8\xff\xe0\0",
    "a.txt": "会议记录\n".encode(),
    "b.txt": "会议记录\n".encode("gb18030"),
    "a.csv": b"a,b\r\n1,<2\r\n",
    "a.eml": b"From: li.na@corp.example\r\nSubject: hi\r\n\r\n<html>hi</html>",
    "a.docx": DOCX,
    "a.xlsx": office("xl/workbook.xml"),
    "a.pptx": office("ppt/presentation.xml"),
}


@pytest.mark.parametrize("name", GOOD)
def test_documents_and_pictures_are_known_by_what_they_hold(name: str) -> None:
    assert recognised(name, GOOD[name]) == name.rpartition(".")[2].lower().replace("jpeg", "jpg")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.exe", b"MZ\x90\0"),
        ("a.txt", b"MZ\x90\0\x03"),
        ("a.pdf", b"MZ\x90\0"),
        ("a.pdf", b""),
        ("a", b"text"),
        ("a.zip", DOCX),
        ("a.html", b"<html>"),
        ("a.txt", b"  <!DOCTYPE html><script>alert(1)</script>"),
        ("a.csv", b"a,b\n<script>alert(1)</script>"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='x'/>"),
        ("a.txt", b"\xef\xbb\xbf<svg onload=x>"),
        ("a.txt", b"#!/bin/sh\nrm -rf /"),
        ("a.eml", b"just some text"),
        ("a.png", b"\xff\xd8\xff\xe0"),
        ("a.docx", b"PK\x03\x04 torn"),
        ("a.docx", office("xl/workbook.xml")),
        ("a.docx", office("word/document.xml", "word/vbaProject.bin")),
        ("a.docx", office("word/document.xml", "word/embeddings/oleObject1.bin")),
        ("a.docx", office("word/document.xml", "word/run.EXE")),
        ("a.docx", office("word/document.xml", types=b"application/vnd.ms-word.document.macroEnabled.main+xml")),
        ("a.docx", b"MZ" + DOCX),
        ("a.docx", office("word/document.xml", "word/a.hta")),
    ],
)
def test_everything_else_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(BadQuery):
        recognised(name, data)


def test_a_document_that_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    bomb = bytearray(office("word/document.xml"))
    place = bomb.rindex(b"PK\x01\x02")
    bomb[place + 24 : place + 28] = (600 << 20).to_bytes(4, "little")
    with pytest.raises(BadQuery, match="unpacks"):
        recognised("a.docx", bytes(bomb))


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=200), st.booleans())
def test_any_bytes_are_a_kind_or_refused(kind: str, data: bytes, begun: bool) -> None:
    with suppress(BadQuery):
        assert recognised(f"a.{kind}", (DOCX[:200] + data) if begun else data) == kind


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\temp\\报告 1.pdf", "报告 1.pdf"),
        ('a"\r\nSet-Cookie: x.txt', "a___Set-Cookie_ x.txt"),
        ("x" * 500 + ".pdf", "x" * 120 + ".pdf"),
        (".pdf", "file.pdf"),
        ("", "file"),
    ],
)
def test_names_mean_nothing_to_a_shell_or_a_header(name: str, safe: str) -> None:
    assert safe_name(name) == safe

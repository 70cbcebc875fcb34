"""What everybody tries first is no password; what nobody would is one, of whatever characters."""

from __future__ import annotations

import pytest

from access.passwords import SHORTEST, check_password
from core.errors import Refused


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "P@ssw0rd1234",
        "Password2024!!",
        "qwertyuiop123",
        "1qaz2wsx3edc",
        "1q2w3e4r5t6y",
        "123456789012",
        "987654321098",
        "aaaaaaaaaaaaaaaa",
        "abcabcabcabc",
        "iloveyou1314",
        "Welcome12345",
        "administrator1",
        "Summer2026Summer",
        "changeme-changeme",
        "woaini520520",
        "Leaverwatch-2026",
        "senioranalyst",
    ],
)
def test_what_everybody_tries_first_is_refused(password: str) -> None:
    assert len(password) >= SHORTEST
    with pytest.raises(Refused, match="tries first"):
        check_password(password, "li.na")


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "another long one",
        "yet another one",
        "839201758264",
        "纸上得来终觉浅绝知此事要躬行",
        "lowercaseonlyphrase",
        "%&)(/=?x7Kq*+~#",
        "xK9mQ" * 50,
    ],
)
def test_any_composition_is_taken(password: str) -> None:
    check_password(password, "li.na")

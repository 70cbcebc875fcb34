"""The pseudonyms of this installation."""

from __future__ import annotations

import secrets

from core.ports import Records
from core.pseudonyms import Pseudonyms

KEY = "pseudonym_key"
"""The setting that keeps what pseudonyms are made with."""


def pseudonyms(records: Records) -> Pseudonyms:
    """Those of this installation, whose key is made once."""
    with records.alone("pseudonyms"):
        key = records.setting(KEY)
        if key is None:
            key = secrets.token_hex(32)
            records.set_setting(KEY, key)
    return Pseudonyms(bytes.fromhex(key))

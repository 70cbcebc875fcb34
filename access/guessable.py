"""Passwords that are guessed first: well-known words, runs of keys, years, and whatever is stuck onto them."""

from __future__ import annotations

import re

WORDS = (
    "password passwort passwd passw pass mima admin administrator root user guest login logon system server master "
    "super default changeme change welcome letmein secret private access test testing temp company office manager "
    "security internal database service support monkey dragon football baseball soccer basketball superman batman "
    "princess sunshine shadow michael jordan jennifer jessica charlie daniel thomas andrew joshua ashley killer "
    "trustno flower cheese computer internet whatever freedom starwars pokemon iloveyou love lovely woaini woaiwo "
    "nihao hello hallo hunter summer winter spring autumn january february march april june july august september "
    "october november december monday tuesday wednesday thursday friday saturday sunday china beijing shanghai "
    "zhongguo shenzhen london berlin google facebook microsoft windows linux apple samsung android chocolate cookie "
    "orange banana purple yellow golden silver diamond forever together nothing number secure abc xyz your my the is "
    "me you its"
)
"""Of our own choosing: the words that lists of common passwords are mostly made of."""
OF_HERE = "leaverwatch leaver watch analyst auditor legal senior insider risk"
"""What this service and its roles are called."""
KEYS = (
    "01234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "qwertzuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn",
    "1q2w3e4r5t6y7u8i9o0p",
    "!@#$%^&*()",
)
RUN = 3
LEFT = 4
"""So many different letters or digits have to remain once all that is taken away."""
_RUNS = {
    text[start : start + RUN] for keys in KEYS for text in (keys, keys[::-1]) for start in range(len(text) - RUN + 1)
}
_LONGEST_FIRST = sorted({*WORDS.split(), *OF_HERE.split()}, key=len, reverse=True)
_YEAR = re.compile(r"(?:19|20)\d\d")
_LOOKS_LIKE = str.maketrans("01345789@$!|", "oieasteqasil")


def guessable(password: str) -> bool:
    """Whether there is next to nothing in it but what everybody tries first."""
    left = _YEAR.sub(" ", _without_runs(password.lower())).translate(_LOOKS_LIKE)
    for word in _LONGEST_FIRST:
        left = left.replace(word, " ")
    return len({one for one in left if one.isalnum()}) < LEFT


def _without_runs(text: str) -> str:
    """Without keys that follow each other, and characters that repeat."""
    in_a_run = [False] * len(text)
    for start in range(len(text) - RUN + 1):
        part = text[start : start + RUN]
        if part in _RUNS or len(set(part)) == 1:
            in_a_run[start : start + RUN] = [True] * RUN
    return "".join(" " if run else one for one, run in zip(text, in_a_run, strict=True))

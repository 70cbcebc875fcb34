"""The text of a Lucene query to luqum's tree, with the operators that people know, or a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy

from luqum import parser, tree
from luqum.exceptions import ParseError
from luqum.head_tail import TokenValue
from ply.lex import LexToken

from core.errors import BadQuery

LONGEST = 4_000
MOST_TERMS = 200
ENDS = frozenset({"TERM", "PHRASE", "RPAREN", "RBRACKET", "TO"})
BEGINS = frozenset({"TERM", "PHRASE", "LPAREN", "LBRACKET", "NOT", "PLUS", "MINUS", "LESSTHAN", "GREATERTHAN", "TO"})
"""Tokens that may end a term, and those that may begin the next."""
SPELLINGS = {"&&": "AND_OP", "||": "OR_OP"}
NOT_OURS = {"APPROX": "~ (similar words)", "BOOST": "^ (weights)", "REGEX": "/.../ (regular expressions)"}


def tree_of(text: str) -> tree.Item:
    """The tree, as deep as the text is. Raises `BadQuery`."""
    if len(text) > LONGEST:
        raise BadQuery(f"the search has {len(text):,} characters, more than {LONGEST:,}")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise BadQuery("the search is not UTF-8")
    tokens = list(_tokens(text))
    if not tokens:
        raise BadQuery("the search is empty; * finds everything")
    if sum(token.type in ("TERM", "PHRASE") for token in tokens) > MOST_TERMS:
        raise BadQuery(f"the search has more than {MOST_TERMS} terms")
    waiting = _joined(tokens)
    try:
        return parser.parse(lexer=parser.lexer.clone(), tokenfunc=lambda: next(waiting, None))
    except ParseError as error:
        raise BadQuery(_where(text, error)) from None


def _tokens(text: str) -> Iterator[LexToken]:
    """Luqum's tokens, with the spellings of operators that it does not know. A lexer holds state: each text its own."""
    lexer = parser.lexer.clone()
    lexer.input(text)
    while True:
        try:
            token = lexer.token()
        except ParseError:
            raise BadQuery(f"{_excerpt(text, lexer.lexpos)}: this needs quotes around it, or a quote is open") from None
        if token is None:
            return
        if token.type in NOT_OURS:
            raise BadQuery(f"{_excerpt(text, token.lexpos)}: {NOT_OURS[token.type]} has no meaning here; use quotes")
        while token.type == "TERM" and token.value.value.startswith("!"):
            yield _operator(token, "NOT")
            token.value.value = token.value.value[1:]
        if token.type != "TERM" or token.value.value:
            spelt = SPELLINGS.get(token.value.value) if token.type == "TERM" else None
            yield _operator(token, spelt) if spelt else token


def _joined(tokens: list[LexToken]) -> Iterator[LexToken]:
    """The tokens, AND between terms that stand side by side: it then binds as it does where it is written."""
    before, in_range = "", False
    for token in tokens:
        if before in ENDS and token.type in BEGINS and not in_range:
            yield _operator(token, "AND_OP")
        in_range = token.type == "LBRACKET" or (in_range and token.type != "RBRACKET")
        before = token.type
        yield token


def _operator(token: LexToken, kind: str) -> LexToken:
    made = copy(token)
    made.type, made.value = kind, TokenValue(kind.partition("_")[0])
    return made


def _where(text: str, error: ParseError) -> str:
    position = str(error).rpartition("position ")[2].rstrip("!")
    if not position.isdigit():
        return "the search ends too early: a bracket, a quote or a value is missing"
    return f"{_excerpt(text, int(position))}: this was not expected here"


def _excerpt(text: str, position: int) -> str:
    """The place, for a message: what stands there, and where."""
    return f"at character {position + 1}, {text[position : position + 20]!r}"

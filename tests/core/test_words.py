"""Texts are found by their words, Chinese ones by any part of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.words import LONGEST, terms_of, words_of


def found(text: str, query: str) -> bool:
    return all(term <= words_of(text) for term in terms_of(query))


def test_words_are_found_whole_whatever_their_case_or_width() -> None:
    assert found("The customer list, again", "LIST customer")
    assert found("ＡＢＣ export", "abc")
    assert not found("customers", "customer")
    assert terms_of("a b-c") == [{"a"}, {"b", "c"}]


def test_chinese_is_found_by_any_part_of_it() -> None:
    assert found("导出了客户名单，已核实", "客户名单")
    assert found("导出了客户名单，已核实", "户名 核")
    assert not found("名单里的客户", "客户名单")
    assert found("见CRM导出", "crm导出")


@given(st.text(max_size=80))
def test_every_text_is_found_by_itself(text: str) -> None:
    assert found(text, text)
    assert all(0 < len(word) <= LONGEST for word in words_of(text))

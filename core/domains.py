"""Mail domains: the company's, public providers', and everybody else's."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

PERSONAL_DOMAINS = frozenset(
    [
        "qq.com",
        "foxmail.com",
        "vip.qq.com",
        "163.com",
        "126.com",
        "yeah.net",
        "vip.163.com",
        "sina.com",
        "sina.cn",
        "sohu.com",
        "139.com",
        "189.cn",
        "aliyun.com",
        "21cn.com",
        "tom.com",
        "263.net",
        "gmail.com",
        "googlemail.com",
        "outlook.com",
        "hotmail.com",
        "live.com",
        "msn.com",
        "yahoo.com",
        "yahoo.co.jp",
        "icloud.com",
        "me.com",
        "mac.com",
        "proton.me",
        "protonmail.com",
        "gmx.com",
        "gmx.de",
        "gmx.net",
        "web.de",
        "mail.ru",
        "yandex.ru",
        "yandex.com",
        "aol.com",
        "att.net",
        "bellsouth.net",
        "charter.net",
        "comcast.net",
        "cox.net",
        "earthlink.net",
        "juno.com",
        "netzero.com",
        "netzero.net",
        "optonline.net",
        "sbcglobal.net",
        "verizon.net",
        "zoho.com",
        "fastmail.com",
        "tutanota.com",
        "hey.com",
        "naver.com",
        "daum.net",
    ]
)
"""Public mail providers, in China and abroad."""


def kind_of_domain(domain: pl.Expr, company: Collection[str], personal: Collection[str] = PERSONAL_DOMAINS) -> pl.Expr:
    """internal, personal or external; null where there is no domain. A domain of the company counts with its
    subdomains."""
    ours = pl.any_horizontal(
        pl.lit(False), *((domain == name) | domain.str.ends_with(f".{name}") for name in sorted(company))
    )
    return (
        pl.when(domain.is_null() | (domain == ""))
        .then(pl.lit(None, pl.String))
        .when(domain.is_in(sorted(personal)))
        .then(pl.lit("personal"))
        .when(ours)
        .then(pl.lit("internal"))
        .otherwise(pl.lit("external"))
    )

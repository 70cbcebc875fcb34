"""The closed list of what a `source.yml` may do to a text. Each transform is a column expression; none runs code."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

import orjson
import polars as pl

from ingest.located import Located

Transform = Callable[[pl.Expr], pl.Expr]

_IPV4 = r"(?:\d{1,3}\.){3}\d{1,3}"
_IP = (
    rf"(?i)^\s*(?:::ffff:)?(?P<a>{_IPV4})(?::\d+)?\s*$"
    rf"|^\s*\[(?:::ffff:)?(?P<b>{_IPV4})\](?::\d+)?\s*$"
    r"|^\s*\[(?:ipv6:)?(?P<c>[0-9a-f:.]*:[0-9a-f:.]*)(?:%[\w.]+)?\](?::\d+)?\s*$"
    r"|^\s*(?P<d>[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*)(?:%[\w.]+)?\s*$"
)
_MAPPED = r"^(?:(?:0{1,4}:){5}|::(?:0{1,4}:){0,4}|(?:0{1,4}:){1,4}:)ffff:"
_MAPPED_IN_DOTS = rf"{_MAPPED}({_IPV4})$"
_MAPPED_IN_HEX = rf"{_MAPPED}([0-9a-f]{{1,4}}):([0-9a-f]{{1,4}})$"
_ADDRESS = (
    r"([A-Za-z0-9.!#$%&'*+/=?^_`{|}~\x{80}-\x{10FFFF}-]+@[A-Za-z0-9\x{80}-\x{10FFFF}_.-]*[A-Za-z0-9\x{80}-\x{10FFFF}])"
)
_PLAIN_IP = r"^([0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3})(?::[0-9]+)?$"
_PLAIN_ADDRESS = r"^[A-Za-z0-9._+-]+@[A-Za-z0-9.-]*[A-Za-z0-9]$"
_WORD = re.compile(r"[\w .:@/+-]+")


def ip(text: pl.Expr) -> pl.Expr:
    """The address without port, brackets, zone id or IPv4-in-IPv6 prefix, also where the IPv4 in it is written in
    hexadecimal: one address is one text, in every store. Nothing if there is none."""
    plain = text.str.extract(_PLAIN_IP)
    # Others are rare: the long pattern sees only them.
    groups = pl.when(plain.is_null()).then(text).str.extract_groups(_IP)
    four, bracketed, *six = (groups.struct.field(name).str.to_lowercase() for name in "abcd")
    long = pl.coalesce(six)
    halves = [long.str.extract(_MAPPED_IN_HEX, group).str.to_integer(base=16, strict=False) for group in (1, 2)]
    mapped = pl.concat_str([part for half in halves for part in (half // 256, half % 256)], separator=".")
    return pl.coalesce(plain, four, bracketed, long.str.extract(_MAPPED_IN_DOTS), mapped, long)


def whole_number(text: pl.Expr) -> pl.Expr:
    """An Int64 from text; `12.0` counts, `12.5` and `many` become null."""
    trimmed = text.str.strip_chars()
    fraction = trimmed.cast(pl.Float64, strict=False)
    whole = pl.when((fraction.abs() < 2.0**53) & (fraction == fraction.round())).then(fraction)
    return pl.coalesce(trimmed.cast(pl.Int64, strict=False), whole.cast(pl.Int64, strict=False))


def hex_number(text: pl.Expr) -> pl.Expr:
    """An Int64 from `0x1f` or decimal text."""
    trimmed = text.str.strip_chars().str.to_lowercase()
    digits = pl.when(trimmed.str.starts_with("0x")).then(trimmed.str.slice(2))
    as_hex = digits.str.to_integer(base=16, strict=False, dtype=pl.Int64)
    return pl.coalesce(as_hex, trimmed.cast(pl.Int64, strict=False))


def email(text: pl.Expr) -> pl.Expr:
    plain = text.str.contains(_PLAIN_ADDRESS)
    # The long pattern sees only what is not an address and nothing else.
    return pl.when(plain).then(text).otherwise(pl.when(~plain).then(text).str.extract(_ADDRESS)).str.to_lowercase()


def _basename(text: pl.Expr) -> pl.Expr:
    return text.str.extract(r"([^/\\]+)[/\\]*$")


def _extension(text: pl.Expr) -> pl.Expr:
    return text.str.tail(40).str.extract(r"[^/\\]\.([^./\\\s]{1,32})$").str.to_lowercase()


def _account(argument: Located) -> Transform:
    realm = argument.text()
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", realm):
        argument.fail(f"{realm} is not the name of a realm")

    def transform(text: pl.Expr) -> pl.Expr:
        # The same as core.person.account_key, on a column.
        name = text.str.strip_chars()
        name = name.str.slice(0, 15) if realm == "salesforce" else name.str.to_lowercase()
        return pl.when(name != "").then(pl.concat_str(pl.lit(f"{realm}:"), name))

    return transform


def _map(argument: Located, *, keep: bool) -> Transform:
    table = {key: value.text() for key, value in argument.items()}

    def transform(text: pl.Expr) -> pl.Expr:
        if keep:
            return text.replace(table)
        return text.replace_strict(table, default=None, return_dtype=pl.String)

    return transform


def regex(argument: Located, *, groups: int = 0) -> str:
    """A pattern the column engine accepts (linear time, no look-around)."""
    pattern = argument.text()
    try:
        pl.Series([""], dtype=pl.String).str.contains(pattern, strict=True)
        found = pl.Series([""], dtype=pl.String).str.extract_groups(pattern).struct.fields if groups else []
    except pl.exceptions.PolarsError as error:
        argument.fail(f"the pattern cannot be used: {str(error).splitlines()[0]}")
    if len(found) < groups:
        argument.fail("the pattern needs a group in parentheses")
    return pattern


def _extract(argument: Located) -> Transform:
    pattern = regex(argument, groups=1)
    return lambda text: text.str.extract(pattern)


def _replace(argument: Located) -> Transform:
    pairs = [(regex(_key(argument, name)), value.text()) for name, value in argument.items()]

    def transform(text: pl.Expr) -> pl.Expr:
        for pattern, replacement in pairs:
            text = text.str.replace_all(pattern, replacement)
        return text

    return transform


def _key(argument: Located, name: str) -> Located:
    node = next(key for key, _ in argument.node.value if key.value == name)
    return Located(node, argument.file)


def _split(argument: Located) -> Transform:
    found = argument.mapping({"by", "item"})
    if set(found) != {"by", "item"}:
        argument.fail("split needs by and item")
    by, item = found["by"].text(), found["item"].integer()
    return lambda text: text.str.split(by).list.get(item, null_on_oob=True)


def _json(argument: Located) -> Transform:
    path = argument.text()
    path = path if path.startswith("$") else f"$.{path}"
    try:
        pl.select(pl.lit("{}").str.json_path_match(path))
    except pl.exceptions.PolarsError:
        argument.fail(f"{path} is not a JSON path")
    return lambda text: text.str.json_path_match(path)


def _json_item(argument: Located) -> Transform:
    found = argument.mapping({"where", "is", "take"})
    if set(found) != {"where", "is", "take"}:
        argument.fail("json_item needs where, is and take")
    names = [*found["is"].texts(), found["where"].text(), found["take"].text()]
    if not all(_WORD.fullmatch(name) for name in names):
        argument.fail("json_item takes plain words only")
    where, take = found["where"].text(), found["take"].text()
    paths = [f"$[?(@.{where}=='{name}')].{take}" for name in found["is"].texts()]

    def transform(text: pl.Expr) -> pl.Expr:
        values = [text.str.json_path_match(path) for path in paths]
        return pl.coalesce(pl.when(value != "").then(value) for value in values)

    return transform


def _null_if(argument: Located) -> Transform:
    values = list(argument.texts())
    return lambda text: pl.when(~text.is_in(values)).then(text)


def _prefix(argument: Located) -> Transform:
    prefix = argument.text()
    return lambda text: pl.concat_str(pl.lit(prefix), text)


def _multiply(argument: Located) -> Transform:
    factor = argument.integer()
    # Through floats, so that a product beyond 64 bits is a bad number instead of a wrapped one.
    return lambda text: (
        pl.when((text.cast(pl.Float64, strict=False) * factor).abs() < 2.0**62)
        .then((text.cast(pl.Float64, strict=False) * factor).round().cast(pl.Int64, strict=False).cast(pl.String))
        .otherwise(text)
    )


def _unquote(text: pl.Expr) -> pl.Expr:
    """Decode %XX; the few texts that have one are decoded one by one."""
    coded = pl.when(text.str.contains("%", literal=True)).then(text)
    return pl.coalesce(coded.map_elements(unquote, return_dtype=pl.String, skip_nulls=True), text)


def _count_items(text: pl.Expr) -> pl.Expr:
    return text.map_elements(_items, return_dtype=pl.String, skip_nulls=True)


def _items(text: str) -> str | None:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return str(len(found)) if isinstance(found, list) else None


SIMPLE: dict[str, Transform] = {
    "lower": lambda text: text.str.to_lowercase(),
    "upper": lambda text: text.str.to_uppercase(),
    "trim": lambda text: text.str.strip_chars(),
    "basename": _basename,
    "dirname": lambda text: text.str.extract(r"^(.*)[/\\][^/\\]+[/\\]*$"),
    "extension": _extension,
    "integer": lambda text: whole_number(text).cast(pl.String),
    "hex_integer": lambda text: hex_number(text).cast(pl.String),
    "ip": ip,
    "email": email,
    "domain_of_email": lambda text: text.str.extract(r"@([^@\s>]+)>?\s*$").str.to_lowercase(),
    "url_decode": _unquote,
    "count_items": _count_items,
}

TAKING: dict[str, Callable[[Located], Transform]] = {
    "account": _account,
    "map": lambda argument: _map(argument, keep=False),
    "map_or_keep": lambda argument: _map(argument, keep=True),
    "extract": _extract,
    "replace": _replace,
    "split": _split,
    "json": _json,
    "json_item": _json_item,
    "null_if": _null_if,
    "prefix": _prefix,
    "multiply": _multiply,
}


def transform(spec: Located) -> Transform:
    """The transform a `source.yml` names; a name that is not in the list is a `MappingError`."""
    if not spec.is_mapping:
        name = spec.text()
        if name in SIMPLE:
            return SIMPLE[name]
        spec.fail(f"{name} needs an argument" if name in TAKING else f"{name} is not a transform")
    pairs = list(spec.items())
    if len(pairs) != 1:
        spec.fail("a transform is a name or one {name: argument}")
    name, argument = pairs[0]
    if name not in TAKING:
        spec.fail(f"{name} takes no argument" if name in SIMPLE else f"{name} is not a transform")
    return TAKING[name](argument)

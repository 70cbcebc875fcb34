"""What a rule's log source means in a vendor's records: which of them it is about, and how they name its fields.

The tables lie in `detection/logsources/<product>.yml`, found by looking. A record that lacks what tells its log source
(a lone process event without channel and number) is not held against it: whoever looks there says what it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Annotated

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict
from sigma.rule import SigmaLogSource, SigmaRule
from sigma.types import SigmaType

from detection.condition import condition
from detection.node import All, Any, Leaf, Node, Not, every, fields_of, negated, some
from detection.predicate import Pattern, Present, Same, Test, fold
from detection.values import Placeholders, asked


def _several(value: object) -> object:
    return value if isinstance(value, list) else [value]


Names = Annotated[tuple[str, ...], BeforeValidator(_several)]


class Part(BaseModel):
    """Records of one kind within a log source: what tells them (`where`), their own names of Sigma's fields, and the
    `event.module` of stored events of just this kind, where we read them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    module: str = ""
    where: dict[str, Names] = {}
    fields: dict[str, Names] = {}


class Product(BaseModel):
    """A vendor's log sources. `module` is the `event.module` of its stored events, where we read all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    product: str | None
    module: str = ""
    fields: dict[str, Names] = {}
    services: dict[str, Part] = {}
    categories: dict[str, tuple[Part, ...]] = {}


@lru_cache(maxsize=1)
def products() -> Mapping[str, Product]:
    """The tables by product; the one of logs without product goes by the empty name."""
    found = {}
    for entry in files("detection").joinpath("logsources").iterdir():
        if entry.name.endswith(".yml"):
            product = Product.model_validate(yaml.safe_load(entry.read_text(encoding="utf-8")))
            found[product.product or ""] = product
    return found


def module_of(source: SigmaLogSource) -> str:
    """The system whose stored events a log source is about; empty where we read none."""
    product = products().get(source.product or "") or Product(product=source.product)
    service = product.services.get(source.service or "", Part())
    return next(filter(None, (service.module, *(part.module for part in _parts(product, source)))), product.module)


def modules() -> frozenset[str]:
    """The systems whose stored events log sources are about."""
    every_part = [part for product in products().values() for part in _parts_of(product)]
    return frozenset({part.module for part in every_part} | {product.module for product in products().values()}) - {""}


def known_source(source: SigmaLogSource) -> bool:
    """Whether a table says which records the log source is about."""
    product = products().get(source.product or "")
    return product is not None and (
        (source.category is None or source.category in product.categories)
        and (source.service is None or source.service in product.services)
    )


def telling_fields() -> frozenset[str]:
    """The fields by which log sources are told apart, by all their names in records."""
    found = set()
    for product in products().values():
        asked = {field for part in _parts_of(product) for field in part.where}
        found |= {column for field in asked for column in product.fields.get(field, (field,))}
    return frozenset(found)


def in_records(rule: SigmaRule, placeholders: Placeholders) -> Node:
    """The rule over a vendor's records. Raises `RuleError`."""
    source = rule.logsource
    product = products().get(source.product or "") or Product(product=source.product)
    service = product.services.get(source.service or "", Part())
    return some([_within(rule, product, service, part, placeholders) for part in _parts(product, source)])


def names_in_records(source: SigmaLogSource, field: str) -> tuple[str, ...]:
    """What a field of rules on a log source may be called in records, the likeliest first."""
    product = products().get(source.product or "") or Product(product=source.product)
    service = product.services.get(source.service or "", Part())
    tables = [{**product.fields, **service.fields, **part.fields} for part in _parts(product, source)]
    return tuple(dict.fromkeys(name for names in tables for name in names.get(field, (field,))))


def _parts_of(product: Product) -> list[Part]:
    return [*product.services.values(), *(part for several in product.categories.values() for part in several)]


def _parts(product: Product, source: SigmaLogSource) -> tuple[Part, ...]:
    return product.categories.get(source.category or "", (Part(),))


def missing_fields(node: Node, there: Collection[str]) -> list[str]:
    """Fields without which a condition over records that have no others than those `there` (in small letters) never
    holds; empty where it may hold."""
    unknown = {name for name in fields_of(node) if name.lower() not in there}
    return sorted(unknown) if _without(node, unknown) == some([]) else []


def _without(node: Node, fields: set[str]) -> Node:
    """The condition where these fields are absent."""
    match node:
        case Leaf():
            other = node.test.field if isinstance(node.test, Same) else None
            return some([]) if node.field in fields or other in fields else node
        case Not():
            return negated(_without(node.part, fields))
        case All():
            return every([_without(part, fields) for part in node.parts])
        case Any():
            return some([_without(part, fields) for part in node.parts])


def _within(rule: SigmaRule, product: Product, service: Part, part: Part, placeholders: Placeholders) -> Node:
    names = {**product.fields, **service.fields, **part.fields}

    def renamed(field: str, value: SigmaType) -> Node:
        node = asked(field, value, placeholders)
        return _renamed(node, names) if fields_of(node) & names.keys() else node

    where = [_where(field, values, names) for field, values in (*service.where.items(), *part.where.items())]
    return every([*where, condition(rule, renamed, placeholders)])


def _where(field: str, values: Sequence[str], names: Mapping[str, Sequence[str]]) -> Node:
    """The field has one of the values, or the record has no such field."""
    columns = names.get(field, (field,))
    said = some([Leaf(column, Pattern((fold(value),))) for column in columns for value in values])
    return some([said, every([negated(Leaf(column, Present())) for column in columns])])


def _renamed(node: Node, names: Mapping[str, Sequence[str]]) -> Node:
    match node:
        case Leaf():
            columns = names.get(node.field or "", (node.field,))
            return some([Leaf(column, test) for column in columns for test in _tests(node, names)])
        case Not():
            return negated(_renamed(node.part, names))
        case All():
            return every([_renamed(part, names) for part in node.parts])
        case Any():
            return some([_renamed(part, names) for part in node.parts])


def _tests(leaf: Leaf, names: Mapping[str, Sequence[str]]) -> list[Test]:
    if isinstance(leaf.test, Same):
        return [Same(name, leaf.test.starts, leaf.test.ends) for name in names.get(leaf.test.field, (leaf.test.field,))]
    return [leaf.test]

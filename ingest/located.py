"""YAML that knows its lines, so that a mistake in a `source.yml` is named with file and line."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NoReturn

import yaml

from core.errors import MappingError

Plain = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Located:
    """A YAML value with the file and line it stands in."""

    node: yaml.Node
    file: str

    @property
    def line(self) -> int:
        return int(self.node.start_mark.line) + 1

    def fail(self, problem: str) -> NoReturn:
        raise MappingError(f"{self.file}:{self.line}: {problem}")

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, yaml.SequenceNode)

    def items(self) -> Iterator[tuple[str, Located]]:
        """Keys and values of a mapping; a key given twice is an error."""
        if not isinstance(self.node, yaml.MappingNode):
            self.fail("a mapping is expected here")
        seen: set[str] = set()
        for key_node, value_node in self.node.value:
            key = Located(key_node, self.file).text()
            if key in seen:
                Located(key_node, self.file).fail(f"{key} is given twice")
            seen.add(key)
            yield key, Located(value_node, self.file)

    def mapping(self, known: Collection[str] | None = None) -> dict[str, Located]:
        """The mapping; with `known`, any other key is an error."""
        found = dict(self.items())
        for key, value in found.items():
            if known is not None and key not in known:
                value.fail(f"{key} is not known here; known are: {', '.join(sorted(known))}")
        return found

    def list(self) -> list[Located]:
        """The elements; a single value counts as a list of one."""
        if isinstance(self.node, yaml.SequenceNode):
            return [Located(node, self.file) for node in self.node.value]
        return [self]

    def plain(self) -> Plain:
        """A text, number, truth value or null."""
        if not isinstance(self.node, yaml.ScalarNode):
            self.fail("a single value is expected here")
        try:
            value = _PLAIN.construct_object(self.node)
        except (ValueError, yaml.YAMLError):
            self.fail(f"{self.node.value} cannot be read")
        if value is None or isinstance(value, str | int | float | bool):
            return value
        return str(self.node.value)

    def text(self) -> str:
        """The text exactly as written (so `on`, `007` and `1.10` stay what they are)."""
        if not isinstance(self.node, yaml.ScalarNode) or self.plain() is None:
            self.fail("a text is expected here")
        return str(self.node.value)

    def texts(self) -> tuple[str, ...]:
        return tuple(item.text() for item in self.list())

    def integer(self) -> int:
        value = self.plain()
        if not isinstance(value, int) or isinstance(value, bool):
            self.fail("a whole number is expected here")
        return value

    def flag(self) -> bool:
        value = self.plain()
        if not isinstance(value, bool):
            self.fail("true or false is expected here")
        return value


_PLAIN = yaml.SafeLoader("")


def load_located(text: str, file: str) -> Located:
    """Parse YAML; a syntax error is a `MappingError` with its line."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise MappingError(f"{file}:{line}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise MappingError(f"{file}:1: not valid YAML: {error}") from None
    if node is None:
        raise MappingError(f"{file}:1: the file is empty")
    return Located(node, file)

"""The docs page of the event fields, made from the one list."""

from __future__ import annotations

from core.schema import COMPARED, DERIVED, FIELDS, JOINED, Field

HEAD = """# Event fields

Made from `core/schema.py` by `python -m core.fieldpage > docs/fields.md`; a test holds the two together.
Names are Elastic Common Schema where it has a word; **ours** marks the others.
"""


def page() -> str:
    """The whole page as Markdown."""
    return "\n".join(
        [
            HEAD,
            _table("Stored", "What was seen, in every stored event.", FIELDS),
            _table("Joined when judging", "What was known at that moment; never stored.", JOINED),
            _table("Compared when judging", "What others had done by then; never stored.", COMPARED),
            _table("Derived", "From the event and the settings whenever rules run; never stored.", DERIVED),
        ]
    )


def _table(title: str, lead: str, fields: tuple[Field, ...]) -> str:
    rows = [
        f"| `{field.name}` | {field.kind.value} | {field.meaning}{' (**ours**)' if field.ours else ''} |"
        for field in fields
    ]
    return "\n".join([f"## {title}\n", f"{lead}\n", "| field | kind | meaning |", "|---|---|---|", *rows, ""])


if __name__ == "__main__":
    import sys

    sys.stdout.write(page())

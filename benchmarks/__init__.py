"""How fast and how big: figures in one run against a named limit. Never part of the tests."""

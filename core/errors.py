"""The errors of the house. Each says who acts on it; anything else raised is a bug."""

from __future__ import annotations


class LeaverwatchError(Exception):
    """Base of every error a person can act on; the text is one sentence fit to show."""


class MappingError(LeaverwatchError):
    """A `source.yml` is wrong: its author acts. The text starts with file and line."""


class RuleError(LeaverwatchError):
    """A rule file is wrong or asks for what cannot be run: its author acts. The text starts with the file."""


class Unreadable(LeaverwatchError):
    """Input that cannot be read: its bytes go to quarantine with this reason."""


class Refused(LeaverwatchError):
    """An input or request that is refused whole (a zip bomb, a directory given as a file, a missing column)."""


class BadQuery(Refused):
    """A search that cannot be understood: whoever typed it acts. The text names the place."""


class Masked(Refused):
    """It would tell who somebody is who is masked. The text says what would."""


class Stale(Refused):
    """Somebody else was quicker: whoever asked looks again at what it has become."""


class ConfigError(LeaverwatchError):
    """The configuration is wrong: the administrator acts."""


class Damaged(LeaverwatchError):
    """Stored data is missing or cannot be read: the administrator brings it back from a copy."""


class Broken(LeaverwatchError):
    """Evidence does not hold: whoever was given it acts. The text names the first thing that is broken."""


class Unavailable(LeaverwatchError):
    """A server does not answer or turns us away: the administrator acts, and what was to be done is done again."""


class Unbalanced(RuntimeError):
    """Matches and what became of them do not add up: a bug, and reason enough to stop."""

"""What each process has to be allowed to do: the roles that an administrator makes, and what a user lacks of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from store.elasticsearch.connection import Client, Trouble
from store.elasticsearch.templates import Names

NO_USERS = 400
"""What a server whose security is off answers to a question about rights."""
READS = ("read", "view_index_metadata")
RIGHTS: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "api": (["monitor"], READS),
    "judge": (["monitor"], [*READS, "index", "maintenance"]),
    "worker": (
        ["monitor", "manage_index_templates"],
        [*READS, "index", "maintenance", "create_index", "delete", "monitor", "indices:admin/rollover"],
    ),
    "retention": (["monitor"], [*READS, "maintenance", "delete", "delete_index", "monitor", "indices:admin/rollover"]),
}
"""Of the cluster, and of our indices."""


def role(process: str, names: Names) -> dict[str, Any]:
    """The role of a process, as a body for `PUT _security/role/NAME`."""
    cluster, indices = RIGHTS[process]
    ours = [names.events, names.lines, names.quarantine]
    return {"cluster": list(cluster), "indices": [{"names": ours, "privileges": list(indices)}]}


def lacking(client: Client, process: str, names: Names) -> list[str]:
    """The rights of its role that the user has not; none where the server knows no users."""
    asked = role(process, names)
    try:
        answer = client.security.has_privileges(cluster=asked["cluster"], index=asked["indices"])
    except Trouble as trouble:
        if trouble.status != NO_USERS:
            raise
        return []
    ours = {right for one in answer["index"].values() for right, has in one.items() if not has}
    lacks = [f"{right} of the cluster" for right, has in answer["cluster"].items() if not has]
    return lacks + [f"{right} of the indices" for right in sorted(ours)]

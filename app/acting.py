"""Response actions on their way to the system that does them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from app.channels import Channels
from app.pseudonyms import pseudonyms
from app.wiring import House
from core.action import Action, ActionState
from core.canonical import moment_text
from core.directory import ALWAYS, NEVER
from core.errors import Refused
from core.notifying import Channel, Delivery
from notify.planning import envelope

RESULT_AT_MOST = 2_000
_ENDS = {"done": ActionState.DONE, "failed": ActionState.FAILED}


class Acting:
    """Sends what was approved. Who the person is stands in what is sent and nowhere else."""

    def __init__(self, house: House, channels: Channels) -> None:
        self._house = house
        self._channels = channels

    def send(self, channel: Channel, delivery: Delivery, at: datetime) -> None:
        """Send an action, unless that was done or it is over. An answer that says how it ended ends it; after any other
        the result is awaited. Raises as `Channels.webhook`."""
        action = self._house.records.action(delivery.action)
        if action is None or action.state is not ActionState.APPROVED:
            return
        answer = self._channels.webhook(channel, delivery.id, self._payload(action, at), at)
        state, result = _ended(answer.body)
        self._move(action, state, result, at)

    def give_up(self, deliveries: Sequence[Delivery], at: datetime) -> None:
        """What could not be delivered has failed."""
        for one in deliveries:
            action = self._house.records.action(one.action) if one.action else None
            if action is not None:
                self._move(action, ActionState.FAILED, "it could not be delivered", at)

    def _move(self, action: Action, state: ActionState, result: str, at: datetime) -> None:
        try:
            self._house.records.move_action(action.id, state, by="leaverwatch", at=at, result=result)
        except Refused:
            # Its result came while it was still being sent, or its time was over.
            return

    def _payload(self, action: Action, at: datetime) -> str:
        base = self._house.config.access.address
        data = {
            "action": action.id,
            "what": action.what,
            "case": action.case,
            "alert": action.alert or None,
            "person": pseudonyms(self._house.records)(action.person),
            "accounts": sorted(self._accounts(action.person, at)),
            "reason": action.reason,
            "asked_by": action.asked_by,
            "approved_by": action.decided_by,
            "until": moment_text(action.expires),
            "result": f"{base}/api/v1/actions/{action.id}/result" if base else None,
        }
        # The time is that of the approval, so that what is sent again is the same.
        return envelope(f"action.{action.what}", action.decided or at, data)

    def _accounts(self, person: str, at: datetime) -> set[str]:
        """What is theirs now: seen in events, or only said by who lists accounts."""
        spans = list(self._house.directory().spans_of(person))
        spans += [
            (link.account, link.since or ALWAYS, link.until or NEVER)
            for link in self._house.records.links()
            if link.person == person
        ]
        return {account for account, since, until in spans if since <= at < until}


def _ended(body: bytes) -> tuple[ActionState, str]:
    """What an answer says."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or not isinstance(said.get("state"), str):
        return ActionState.SENT, ""
    return _ENDS.get(said["state"], ActionState.SENT), str(said.get("result", ""))[:RESULT_AT_MOST]

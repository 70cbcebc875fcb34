"""Telling people and systems of what happened: thinking of whom to tell, sending, trying again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby

import structlog

from app.acting import Acting
from app.beside import beside
from app.channels import Channels, Gone
from app.deadlines import remind
from app.forwarding import FORWARDED
from app.outlook import outlook_of
from app.wiring import House
from core.canonical import content_id
from core.errors import LeaverwatchError, Refused, Unavailable
from core.hearing import OF_ACCOUNT
from core.notifying import Channel, ChannelKind, Delivery, DeliveryState, Member, Staff, Tried
from notify.chat import room_of
from notify.mail import Undeliverable
from notify.planning import Outlook, Wishes, is_for, plan
from notify.timing import retry
from notify.words import message

AT_ONCE = 500
DIGEST_AT_MOST = 2_000
SENDERS = 4
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
KEPT_OF_CHANNEL = 10_000
JOB = "notify"
log = structlog.get_logger()


class Notifier:
    """One process's part in telling; of several only one is at work at any time."""

    def __init__(
        self,
        house: House,
        channels: Channels,
        staff: Staff,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._house = house
        self._records = house.records
        self._channels = channels
        self._staff = staff
        self._now = now
        self._acting = Acting(house, channels)
        self._tidied: datetime | None = None
        self._reminded: datetime | None = None

    def run(self) -> None:
        """Do what there is to do, unless another process is at it."""
        with self._records.unless_done(JOB) as mine:
            if mine:
                self._remind()
                self.plan()
                self.send()
                self._records.expire_actions(self._now())
                self._tidy()

    def plan(self) -> None:
        """Think of everything that has happened since: what is to be told, and how far that went, become true
        together, so that nothing is told twice or never."""
        records = self._records
        last, place = records.last_happening(), records.planned()
        if place is None:
            records.plan([], last)
        if place is None or place >= last:
            return
        wishes = Wishes(
            channels={channel.name: channel for channel in records.channels()},
            rules=records.rules(),
            members=self._staff.members(),
            preferences=records.preferences(),
        )
        kinds = OF_ACCOUNT.union(
            *(rule.kinds for rule in wishes.rules), *(channel.kinds for channel in wishes.channels.values())
        )
        while place < last:
            found = records.happened(place, AT_ONCE, kinds)
            new = list(plan(found, wishes, outlook_of(self._house), self._now())) if found else []
            place = found[-1].number if len(found) == AT_ONCE else max([last, *(one.number for one in found)])
            records.plan(new, place)

    def send(self) -> None:
        """Send what is due; channels do not wait for each other."""
        on = [channel for channel in self._records.channels() if channel.enabled]
        if not on:
            return
        with ThreadPoolExecutor(SENDERS, "send") as pool:
            for _ in pool.map(self._send_by, on):
                pass

    def _send_by(self, channel: Channel) -> None:
        most = AT_ONCE if channel.kind is ChannelKind.WEBHOOK else DIGEST_AT_MOST
        due = self._records.due(channel.name, self._now(), most)
        try:
            if channel.kind is ChannelKind.WEBHOOK:
                self._post(channel, due)
            else:
                self._tell(channel, due)
        except LeaverwatchError as error:
            log.warning("a channel waits", channel=channel.name, reason=str(error))

    def _post(self, channel: Channel, due: Sequence[Delivery]) -> None:
        for one in due:
            if not self._try(channel, [one], one.id, partial(self._posted, channel, one)):
                return

    def _posted(self, channel: Channel, one: Delivery) -> None:
        if one.action:
            self._acting.send(channel, one, self._now())
        else:
            self._channels.webhook(channel, one.id, one.body, self._now())

    def _tell(self, channel: Channel, due: Sequence[Delivery]) -> None:
        """Whatever one recipient is told now is one message."""
        room = channel.per_hour - self._records.messages_since(channel.name, self._now() - HOUR)

        def alike(one: Delivery) -> tuple[str, str]:
            return one.recipient, one.language

        for (recipient, language), together in groupby(sorted(due, key=alike), key=alike):
            if room <= 0:
                return
            member = self._staff.member(recipient) if recipient else None
            some = self._still_for(recipient, member, list(together))
            if not some:
                continue
            room -= 1
            to = [member.email] if member else []
            lines = [one.body for one in some]
            subject, text = message(lines, "zh" if language == "zh" else "en", room_of(channel.kind))
            name = content_id("message", *(one.id for one in some))
            send = partial(self._channels.message, channel, to, subject, text, name, self._now())
            if not self._try(channel, some, name, send):
                return

    def _still_for(self, recipient: str, member: Member | None, some: Sequence[Delivery]) -> Sequence[Delivery]:
        """Those that the recipient may be told of still: since they were thought of, somebody may have left, or may
        look at fewer. The others are let go of."""
        if not recipient:
            return some
        reached = member if member and member.email else None
        outlook = outlook_of(self._house)
        left = [one for one in some if reached and self._is_for(reached, one, outlook)]
        if gone := [one.id for one in some if one not in left]:
            note = "may not know of it any more" if reached else "nobody"
            self._records.tried(Tried(ids=gone, state=DeliveryState.FAILED, at=self._now(), note=note))
        return left

    def _is_for(self, member: Member, one: Delivery, outlook: Outlook) -> bool:
        found = self._records.happened(one.number - 1, 1)
        # What happened may be forgotten by now, or never have been, as where a channel is tried out.
        return not found or found[0].number != one.number or is_for(member, found[0], outlook)

    def _try(self, channel: Channel, some: Sequence[Delivery], name: str, send: Callable[[], None]) -> bool:
        """Send, and keep what became of it; whether others may follow. What fails too often turns the channel off, but
        for mail to one person who cannot be reached."""
        ids = [one.id for one in some]
        try:
            send()
        except (Refused, Unavailable) as error:
            nobody = isinstance(error, Undeliverable) and bool(some[0].recipient)
            again = None if nobody or isinstance(error, Gone) else self._again(some)
            state = DeliveryState.WAITING if again else DeliveryState.FAILED
            self._records.tried(Tried(ids=ids, state=state, at=self._now(), note=str(error), due=again))
            if again is None and not nobody:
                self._acting.give_up(some, self._now())
                self._records.turn_off(channel.name, str(error), self._now())
                log.error("a channel is off", channel=channel.name, reason=str(error))
            return nobody
        self._records.tried(Tried(ids=ids, state=DeliveryState.SENT, at=self._now(), message=name))
        return True

    def _again(self, some: Sequence[Delivery]) -> datetime | None:
        return retry(max(one.attempts for one in some) + 1, self._now())

    def _remind(self) -> None:
        """Of what is due, once in a minute."""
        now = self._now()
        if self._reminded is None or now - self._reminded >= MINUTE:
            remind(self._house, now)
            self._reminded = now

    def _tidy(self) -> None:
        """What is old goes, once in an hour."""
        now = self._now()
        if self._tidied is not None and now - self._tidied < HOUR:
            return
        self._tidied = now
        before = now - timedelta(days=self._house.config.notify.keep_days)
        self._records.forget_deliveries(before, KEPT_OF_CHANNEL)
        waiting = self._records.happened(int(self._records.setting(FORWARDED) or -1), 1)
        behind = bool(self._house.config.forward.to and waiting and waiting[0].at < before)
        if not behind:
            self._records.forget_happenings(before)


def notifying(house: House, channels: Channels, staff: Staff, every: float = 2.0) -> AbstractContextManager[None]:
    """Tell of what happens every so many seconds, beside whatever is done meanwhile."""
    return beside("notifying", Notifier(house, channels, staff).run, every)

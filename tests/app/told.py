"""A house whose clock is ours, with channels that lead to receivers on this machine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

from access.permissions import permissions_of
from app.channels import Channels, limits_of
from app.config import Access, Config, Notify
from app.entrance import sealer_of
from app.notifydesk import NotifyDesk
from app.notifying import Notifier
from app.wiring import House
from core.access import Caller, Role
from core.happening import Happening, Kind
from core.notifying import Address, Channel, ChannelKind, Delivery, DeliveryState, Member
from core.person import Link, Person
from tests.notify.receivers import LOCAL

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SECRET = "whsec_" + "c2VjcmV0" * 5
LI_NA = Person(id="7", name="李娜", email="li.na@example.com")


def config(data: Path, **sections: object) -> Config:
    known = {
        "notify": Notify(allow_networks=frozenset({ip_network("127.0.0.0/8")}), allow_http=frozenset({LOCAL})),
        "access": Access(address="https://watch.corp"),
    }
    return Config.model_validate({"data": data} | known | sections)


@dataclass
class People:
    """Who works here."""

    everybody: list[Member] = field(default_factory=list)

    def members(self) -> list[Member]:
        return self.everybody

    def member(self, name: str) -> Member | None:
        return next((one for one in self.everybody if one.caller.name == name), None)

    def add(self, name: str, role: Role, email: str) -> None:
        caller = Caller(name=name, roles=frozenset({role}), permissions=permissions_of([role]))
        self.everybody.append(Member(caller=caller, email=email))


class Told:
    """A house that tells, step by step."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.now = NOW
        self.people = People()
        self.channels = Channels(house.config, sealer_of(house.config, house.records), limits_of(house.config))
        self.notifier = self.another()
        self.desk = NotifyDesk(house, self.channels, self.people)
        house.records.save_persons([LI_NA], [Link(account="mail:li.na@example.com", person="7")])
        self.notifier.plan()

    def another(self) -> Notifier:
        """Another process's part."""
        return Notifier(self.house, self.channels, self.people, lambda: self.now)

    def channel(self, name: str, kind: ChannelKind, address: Address, **given: object) -> None:
        made = Channel(
            name=name,
            kind=kind,
            shown=self.channels.check(kind, address),
            sealed=self.channels.sealed(name, address),
            **given,  # type: ignore[arg-type]
        )
        self.house.records.save_channel(made, by="admin", at=self.now, what="made")

    def hook(self, port: int, name: str = "hook", **given: object) -> None:
        given = {"kinds": frozenset({Kind.ALERT_RAISED})} | given
        self.channel(name, ChannelKind.WEBHOOK, Address(url=f"http://{LOCAL}:{port}/in", secret=SECRET), **given)

    def turn_on(self, name: str) -> None:
        channel = next(one for one in self.house.records.channels() if one.name == name)
        self.house.records.save_channel(replace(channel, enabled=True), by="admin", at=self.now, what="turned on")

    def happen(self, *subjects: str, kind: Kind = Kind.ALERT_RAISED, severity: str = "high") -> None:
        self.house.records.happen(
            [
                Happening(
                    at=self.now, kind=kind, subject=one, person="7", severity=severity, details={"rule": "mass_export"}
                )
                for one in subjects
            ]
        )

    def later(self, **given: float) -> None:
        self.now += timedelta(**given)

    def states(self) -> dict[str, DeliveryState]:
        return {one.id: one.state for one in self.deliveries()}

    def deliveries(self) -> list[Delivery]:
        return list(self.house.records.deliveries(None, None, 1000))

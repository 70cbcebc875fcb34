"""The shop of one case with HR's desk, and more people: the boss of 李娜, an HR person, a colleague in Germany."""

from __future__ import annotations

from pathlib import Path

from api.shop import Shop
from app.config import Config, Hr
from app.hrdesk import HrDesk
from app.wiring import House
from core.person import Link, Person

LI, BOSS, HR, KURT = "7", "1", "2", "9"
PEOPLE = [
    Person(
        id=LI,
        name="李娜",
        email="li.na@example.com",
        department="Sales",
        country="CN",
        manager_email="boss@example.com",
    ),
    Person(id=BOSS, name="Boss", email="boss@example.com", department="Sales"),
    Person(id=HR, name="Hr Person", email="hr@example.com", department="HR", manager_email="boss@example.com"),
    Person(id=KURT, name="Kurt", email="kurt@example.com", department="Support", country="DE"),
]


def with_hr(shop: Shop, folder: Path, **policy: object) -> Shop:
    links = [
        Link(account=account, person=one.id)
        for one in PEOPLE
        for account in (f"mail:{one.email}", f"employee:{one.id}")
    ]
    shop.records.save_persons(PEOPLE, links)
    config = Config(data=folder, hr=Hr.model_validate({"notices_from": "low"} | policy))
    shop.hr = HrDesk(House(config=config, records=shop.records, events=shop.events))
    return shop

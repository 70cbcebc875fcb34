"""Another access key: what the old one sealed opens all the while, and is sealed by the new one in the end."""

from __future__ import annotations

import json
import secrets
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from access.sealing import Sealer
from app.channels import Channels
from app.cli import main
from app.config import Access, Config
from app.entrance import KEY, KNOWN, access_keys, entrance, rotate, sealer_of
from app.wiring import House, open_house
from core.access import Role
from core.errors import ConfigError, Damaged, Refused
from core.evidence import Deed
from core.keyring import KeyRing
from core.notifying import Address, Channel, ChannelKind
from core.users import User, totp_of
from store.records import resealing
from store.records.resealing import sealed_values
from tests.api.people import NOTED, START

SECRET, ADDRESS = "JBSWY3DPEHPK3PXP", Address(url="https://hook.example/x", secret="whsec_x")
OLD, NEW = secrets.token_hex(32), secrets.token_hex(32)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(data=tmp_path)


@pytest.fixture
def house(config: Config) -> Iterator[House]:
    with open_house(config) as opened:
        yield opened


def fill(house: House, config: Config, users: int = 3) -> None:
    """Users with a second factor, one without, and a channel."""
    sealer = sealer_of(config, house.records)
    for name in (f"user{number}" for number in range(users)):
        house.records.add_user(User(name=name, roles=frozenset({Role.ANALYST}), created=START), NOTED)
        house.records.set_totp(name, sealer.seal(SECRET, totp_of(name)), ["x"], confirmed=True, noted=NOTED)
    house.records.add_user(User(name="without", roles=frozenset({Role.ADMIN}), created=START), NOTED)
    sealed = Channels(config, sealer).sealed("hook", ADDRESS)
    channel = Channel(name="hook", kind=ChannelKind.WEBHOOK, shown="", sealed=sealed)
    house.records.save_channel(channel, by="test", at=START, what="made")


def all_opens(house: House, config: Config, sealer: Sealer | None = None) -> bool:
    """Whether everything opens, for who starts now or has started before."""
    sealer = sealer or sealer_of(config, house.records)
    (channel,) = house.records.channels()
    assert Channels(config, sealer).address(channel) == ADDRESS
    totps = [one for one in sealed_values(house.records.database) if one.of.startswith("totp|")]
    return bool(totps) and all(sealer.open(one.value, one.of) == SECRET for one in totps)


def test_everything_is_sealed_by_another_key_which_whoever_runs_notices(house: House, config: Config) -> None:
    fill(house, config)
    running = sealer_of(config, house.records)
    ((old, _),) = access_keys(config, house.records)
    new, count = rotate(config, house.records, "ann")
    assert (count, access_keys(config, house.records)) == (4, [(old, 0), (new, 4)])
    assert all_opens(house, config, running)
    assert all(one.value.startswith(f"k1.{new}.") for one in sealed_values(house.records.database))
    assert running.seal("x", "y").startswith(f"k1.{new}.")
    assert house.records.credentials("user0").second_factor
    (noted,) = [one for one in house.records.audited() if one.deed is Deed.REKEYED]
    assert (noted.by, noted.details) == ("ann", {"what": KEY, "key": new, "sealed": 4})
    assert (config.data / KEY).stat().st_mode & 0o777 == 0o600


def test_the_old_key_is_needed_by_backups_alone(house: House, config: Config) -> None:
    fill(house, config)
    before = (config.data / KEY).read_text()
    rotate(config, house.records, "ann")
    kept = (config.data / KEY).read_text()
    assert kept.startswith(before)
    (config.data / KEY).write_text(kept.splitlines()[1])
    assert all_opens(house, config)
    (config.data / KEY).write_text(before)
    with pytest.raises(ConfigError, match="not the one"):
        sealer_of(config, house.records)


def test_a_kill_in_between_leaves_everything_open_and_the_next_goes_on(
    house: House, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(house, config)
    running, before = sealer_of(config, house.records), sealed_values(house.records.database)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for where, name in ((Sealer, "anew"), (resealing, "note_in")):
        with monkeypatch.context() as patched:
            patched.setattr(where, name, killed)
            with pytest.raises(KeyboardInterrupt):
                rotate(config, house.records, "ann")
        assert sealed_values(house.records.database) == before
        assert all_opens(house, config, running)
        assert all_opens(house, config)
    made = KeyRing(config.data / KEY).current
    assert rotate(config, house.records, "ann") == (made, 4), "no third key is made"
    assert len((config.data / KEY).read_text().splitlines()) == 2
    assert all_opens(house, config, running)


def test_what_is_sealed_meanwhile_by_the_old_key_is_taken_along_by_the_next(house: House, config: Config) -> None:
    fill(house, config)
    late = sealer_of(config, house.records).seal(SECRET, totp_of("without"))
    rotate(config, house.records, "ann")
    house.records.set_totp("without", late, [], confirmed=True, noted=NOTED)
    assert all_opens(house, config)
    assert rotate(config, house.records, "ann")[1] == 5
    assert [count for _, count in access_keys(config, house.records)] == [0, 0, 5]


def test_a_key_of_the_configuration_is_followed_by_another_one(house: House, config: Config) -> None:
    def given(*keys: str) -> Config:
        return Config(data=config.data, access=Access(key=" ".join(keys)))

    fill(house, given(OLD))
    with pytest.raises(Refused, match="put a new one behind"):
        rotate(given(OLD), house.records, "ann")
    with pytest.raises(ConfigError, match="not the one"):
        rotate(given(NEW), house.records, "ann")
    running = sealer_of(given(OLD, NEW), house.records)
    assert all_opens(house, config, running)
    assert rotate(given(OLD, NEW), house.records, "ann")[1] == 4
    assert all_opens(house, config, running)
    assert all_opens(house, given(NEW))
    with pytest.raises(ConfigError, match="not the one"):
        entrance(given(OLD), house.records)
    assert not (config.data / KEY).exists()


def test_a_file_gives_way_to_the_configuration(house: House, config: Config) -> None:
    fill(house, config)
    both = Config(data=config.data, access=Access(key=f"{(config.data / KEY).read_text().strip()} {NEW}"))
    rotate(both, house.records, "ann")
    (config.data / KEY).unlink()
    assert all_opens(house, Config(data=config.data, access=Access(key=NEW)))


def test_what_was_sealed_before_keys_could_be_told_apart_opens_and_is_sealed_anew(house: House, config: Config) -> None:
    key = bytes.fromhex(OLD)

    def as_before(text: str, of: str) -> str:
        nonce = secrets.token_bytes(12)
        return urlsafe_b64encode(nonce + AESGCM(key).encrypt(nonce, text.encode(), of.encode())).decode()

    (config.data / KEY).touch(0o600)
    (config.data / KEY).write_text(OLD)
    house.records.set_setting(KNOWN, sha256(key).hexdigest())
    fill(house, config)
    for name in ("user0", "without"):
        house.records.set_totp(name, as_before(SECRET, totp_of(name)), [], confirmed=True, noted=NOTED)
    assert all_opens(house, config)
    assert access_keys(config, house.records) == [(sha256(key).hexdigest()[:12], 5)]
    assert rotate(config, house.records, "ann")[1] == 5
    assert [count for _, count in access_keys(config, house.records)] == [0, 5]
    assert all_opens(house, config)
    with pytest.raises(Damaged):
        sealer_of(config, house.records).open(as_before(SECRET, "totp|li"), "totp|wang")


def test_what_no_key_opens_is_named_and_stops_it(house: House, config: Config) -> None:
    fill(house, config)
    house.records.set_totp("user1", "k1.000000000000.AAAA", [], confirmed=True, noted=NOTED)
    before = sealed_values(house.records.database)
    with pytest.raises(Damaged, match=r"totp\|user1 was sealed by none"):
        rotate(config, house.records, "ann")
    assert sealed_values(house.records.database) == before
    assert ("000000000000", 1) in access_keys(config, house.records)


def test_keys_are_listed_and_rotated_on_the_command_line_and_never_shown(
    house: House, config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def line(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["leaverwatch", *arguments, "--data", str(config.data)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert not ended.value.code, err
        return out

    fill(house, config)
    told = line("access-key", "rotate", "--by", "ann") + line("access-key", "keys")
    listed: list[dict[str, object]] = json.loads(line("access-key", "keys", "--json"))
    assert [one["sealed"] for one in listed] == [0, 4]
    assert f"4 secrets are sealed by key {listed[1]['key']} now" in told
    for key in (config.data / KEY).read_text().split():
        assert key not in told + str(listed)
    assert house.records.audited()[-1].by == "ann"

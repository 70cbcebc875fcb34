"""Commands about who may log in or call: users, keys. Whoever may read the records database may give themselves any of
it; the audit log says who did."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.inputs import Json, house_of
from core.access import Permission, Role

if TYPE_CHECKING:
    from core.ports import Records
    from core.users import User

Name = Annotated[str, typer.Argument(help="What the user logs in with.")]
RolesOf = Annotated[list[Role], typer.Option("--role", help="As often as there are roles.")]
Departments = Annotated[list[str] | None, typer.Option("--department", help="Only people of it; none: of all.")]
Countries = Annotated[list[str] | None, typer.Option("--country", help="Only people who work there.")]
Days = Annotated[int, typer.Option(min=1, max=366, help="How long the key lasts.")]
May = Annotated[list[Permission] | None, typer.Option("--may", help="What it may do; without, all its owner may.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    users = typer.Typer(help="Who may log in, and what they may do.", no_args_is_help=True)
    users.command("add")(add)
    users.command("list")(list_users)
    for command in (roles, password, disable, enable):
        users.command()(command)
    app.add_typer(users, name="users")
    keys = typer.Typer(help="Keys that programs call the API with.", no_args_is_help=True)
    keys.command("add")(add_key)
    keys.command("list")(list_keys)
    keys.command("revoke")(revoke_key)
    app.add_typer(keys, name="keys")


def add(
    context: typer.Context,
    name: Name,
    role: RolesOf,
    email: Annotated[str, typer.Option(help="By it is known which employee the user is.")] = "",
    department: Departments = None,
    country: Countries = None,
) -> None:
    """Add a user. Give a password afterwards: `users password NAME`; a service has keys instead."""
    from access.noting import changed, rights
    from access.roles import check_roles
    from app.cli.show import who
    from core.access import Scope
    from core.errors import Refused
    from core.users import User, named

    known = named(name)
    if known is None:
        raise Refused("a name has up to 64 small letters, digits and . _ @ -")
    check_roles(role)
    scope = Scope(departments=frozenset(department or ()), countries=frozenset(country or ()))
    user = User(name=known, roles=frozenset(role), created=_now(), scope=scope, email=email)
    with house_of(context) as house:
        house.records.add_user(user, changed(who(), known, _now(), "added", **rights(user)))
    typer.echo(f"{known} is {', '.join(sorted(user.roles))}")


def list_users(context: typer.Context, json: Json = False) -> None:
    """Every user there is."""
    from app.cli.show import document, table

    with house_of(context) as house:
        found = house.records.users()
    if json:
        document([_document(user) for user in found])
        return
    table(
        f"{len(found)} users",
        ("name", "roles", "departments", "countries", "e-mail", "disabled by", "since"),
        (
            (
                user.name, ", ".join(sorted(user.roles)), ", ".join(sorted(user.scope.departments)),
                ", ".join(sorted(user.scope.countries)), user.email, user.disabled_by, user.created,
            )
            for user in found
        ),
    )  # fmt: skip


def roles(context: typer.Context, name: Name, role: RolesOf) -> None:
    """Give a user other roles; their sessions end."""
    from access.roles import check_roles

    check_roles(role)
    with _user(context, name) as (records, user):
        _change(records, user, "roles", lambda one: replace(one, roles=frozenset(role)))


def disable(context: typer.Context, name: Name) -> None:
    """Shut a user out at once, with their sessions and keys."""
    from app.cli.show import who

    with _user(context, name) as (records, user):
        _change(records, user, "disabled", lambda one: replace(one, disabled_by=who()))


def enable(context: typer.Context, name: Name) -> None:
    """Let a user in again."""
    with _user(context, name) as (records, user):
        _change(records, user, "enabled", lambda one: replace(one, disabled_by=""))


def password(context: typer.Context, name: Name) -> None:
    """Give a user another password, asked for or read from standard input; sessions, locks and the second factor go."""
    from access.lockout import FORGOTTEN, of_user
    from access.noting import changed
    from access.passwords import Hasher, check_password
    from app.cli.show import who
    from core.errors import Refused

    with _user(context, name) as (records, user):
        if user.issuer or user.roles == {Role.SERVICE}:
            raise Refused(f"{user.name} does not log in with a password")
        given = _asked()
        check_password(given, user.name)
        records.set_password(user.name, Hasher().hash(given), changed(who(), user.name, _now(), "password"))
        off = changed(who(), user.name, _now(), "second factor off")
        records.set_totp(user.name, "", [], confirmed=False, noted=off)
        records.forget_attempts(of_user(user.name), _now() - FORGOTTEN)
    typer.echo(f"{user.name} has another password")


def add_key(
    context: typer.Context,
    name: Name,
    purpose: Annotated[str, typer.Option("--for", help="What the key is for.")],
    days: Days = 90,
    may: May = None,
) -> None:
    """Print a new key, once: it is not kept."""
    from access.keys import allowed, new_key
    from access.noting import changed
    from app.cli.show import who

    with _user(context, name) as (records, user):
        key, text = new_key(user, purpose, allowed(user) if may is None else may, days, _now())
        told = {"key": key.id, "permissions": sorted(key.permissions), "days": days}
        records.add_key(key, changed(who(), user.name, _now(), "key made", **told))
    typer.echo(text)


def list_keys(context: typer.Context, json: Json = False) -> None:
    """Every key there is, but for what it opens with."""
    from app.cli.show import document, table

    with house_of(context) as house:
        found = house.records.keys_of()
    if json:
        names = ("id", "user", "purpose", "permissions", "created", "expires", "used", "revoked")
        document([{name: getattr(key, name) for name in names} for key in found])
        return
    table(
        f"{len(found)} keys",
        ("id", "of", "for", "may", "until", "used last", "revoked"),
        (
            (key.id, key.user, key.purpose, ", ".join(sorted(key.permissions)), key.expires, key.used, key.revoked)
            for key in found
        ),
    )


def revoke_key(context: typer.Context, key: Annotated[str, typer.Argument(help="Id of the key.")]) -> None:
    """Make a key useless at once."""
    from access.noting import changed
    from app.cli.show import who
    from core.errors import Refused

    with house_of(context) as house:
        found = house.records.key(key)
        owner = found[0].user if found else ""
        noted = changed(who(), owner, _now(), "key revoked", key=key)
        if found is None or not house.records.revoke_key(key, _now(), noted):
            raise Refused(f"there is no key {key} that could be revoked")
    typer.echo(f"{key} opens nothing any more")


@contextmanager
def _user(context: typer.Context, name: str) -> Iterator[tuple[Records, User]]:
    from core.errors import Refused
    from core.users import named

    with house_of(context) as house:
        user = house.records.user(named(name) or "")
        if user is None:
            raise Refused(f"there is no user {name}")
        yield house.records, user


def _change(records: Records, user: User, what: str, change: Callable[[User], User]) -> None:
    from access.noting import changed, rights
    from app.cli.show import who

    user = records.change_user(user.name, change, lambda one: changed(who(), one.name, _now(), what, **rights(one)))
    typer.echo(f"{user.name}: {', '.join(sorted(user.roles))}{' (disabled)' if user.disabled else ''}")


def _asked() -> str:
    if sys.stdin.isatty():
        given: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return given
    return sys.stdin.readline().rstrip("\r\n")


def _document(user: User) -> dict[str, object]:
    return {
        "name": user.name,
        "roles": sorted(user.roles),
        "departments": sorted(user.scope.departments),
        "countries": sorted(user.scope.countries),
        "email": user.email,
        "created": user.created,
        "disabled_by": user.disabled_by,
        "issuer": user.issuer,
    }


def _now() -> datetime:
    return datetime.now(UTC)

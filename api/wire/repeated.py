"""Idempotency keys: a change that is sent again, because nobody knows whether it arrived, is made once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.caller import Door
from api.operations import needed, operation_of
from api.problems import Problem, answer_of, problem_of
from api.wire.bodies import body_of, given
from core.access import Caller, Permission
from core.answering import Answers, Earlier
from core.errors import LeaverwatchError

METHODS = frozenset({"POST", "PATCH"})
SHORTEST, LONGEST = 16, 128
"""Characters of a key. What is kept can be read by whoever has it, so it has to be one that nobody guesses: a UUID."""
MOST_BYTES = 256 * 1024
MOST_KEPT = 100_000
TIDY_SECONDS = 600.0
SHOWN = ("content-type", "location", "etag")
PERSONAL = frozenset({Permission.OWN_ACCOUNT})


class Repeated:
    """A layer: a request with an `Idempotency-Key` that was answered before, with the same body, is answered the same
    again. Only what succeeded is kept: what was refused has changed nothing and may be tried again. What is kept is
    sealed with the key. Of logins, and of whatever somebody does with their own account, nothing is kept; of what is
    shown once, only that it was done."""

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app = app
        self._most = most
        self._tidied = monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in METHODS:
            await self._app(scope, receive, send)
            return
        key = Headers(scope=scope).get("idempotency-key")
        if key is None:
            await self._app(scope, receive, send)
            return
        answers: Answers = scope["app"].state.shop.records
        begun = datetime.now(UTC)
        try:
            caller = await _caller(scope)
            if caller is not None:
                _check(key, Headers(scope=scope).get("content-type", "json"))
                body = await body_of(receive, self._most)
                receive = given(body, receive)
                asked = _Asked(key, caller, scope, body)
                await self._tidy(answers, begun)
                earlier = await run_in_threadpool(answers.begin_answer, asked.place, asked.body, begun)
                if earlier is not None:
                    await _again(asked, earlier, send)
                    return
        except Problem as problem:
            await answer_of(problem)(scope, receive, send)
            return
        except LeaverwatchError as error:
            await answer_of(problem_of(error))(scope, receive, send)
            return
        if caller is None:
            await self._app(scope, receive, send)
            return

        async def keep(answer: bytes) -> None:
            # What was done and cannot be kept is answered all the same.
            with suppress(LeaverwatchError):
                await run_in_threadpool(answers.keep_answer, asked.place, begun, asked.seal(answer))

        keeping = _Keeping(send, keep)
        try:
            await self._app(scope, receive, keeping)
        finally:
            if not keeping.kept:
                await run_in_threadpool(answers.drop_answer, asked.place, begun)

    async def _tidy(self, answers: Answers, now: datetime) -> None:
        if monotonic() - self._tidied > TIDY_SECONDS:
            self._tidied = monotonic()
            await run_in_threadpool(answers.forget_answers, now, MOST_KEPT)


class _Asked:
    """A request by what it is known by, and the seal of its answer: all made with its key, without which nobody can
    tell anything of it."""

    def __init__(self, key: str, caller: Caller, scope: Scope, body: bytes) -> None:
        where = json.dumps([caller.name, scope["method"], scope["path"]])
        # Who may look at others by now is not shown what was answered before.
        view = json.dumps([sorted(caller.scope.departments), sorted(caller.scope.countries), caller.person]).encode()
        self._key = key.encode()
        self.place = self._digest("place", where.encode()).hex()
        self.body = self._digest("body", scope["query_string"] + b"\n" + view + b"\n" + body).hex()
        self._seal = AESGCM(self._digest("seal", where.encode()))

    def seal(self, answer: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._seal.encrypt(nonce, answer, self.place.encode()) if answer else b""

    def unseal(self, sealed: bytes) -> bytes:
        return self._seal.decrypt(sealed[:12], sealed[12:], self.place.encode())

    def _digest(self, what: str, of: bytes) -> bytes:
        return hmac.new(self._key, what.encode() + b"\0" + of, hashlib.sha256).digest()


class _Keeping:
    """In the place of `send`: what succeeded is kept before the end of it is sent."""

    def __init__(self, send: Send, keep: Callable[[bytes], Awaitable[None]]) -> None:
        self._send = send
        self._keep = keep
        self._status = 0
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._fits = True
        self.kept = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = Headers(raw=message["headers"])
            self._headers = {name: headers[name] for name in SHOWN if name in headers}
            # A cookie is for whoever is there now; what no browser may store, such as a secret that is shown once, is
            # not stored here either.
            self._fits = "set-cookie" not in headers and "no-store" not in headers.get("cache-control", "")
        elif message["type"] == "http.response.body":
            self._add(message.get("body", b""))
            if not message.get("more_body", False) and 200 <= self._status < 300:
                self.kept = True
                await self._keep(self._answer())
        await self._send(message)

    def _add(self, body: bytes) -> None:
        self._fits = self._fits and len(self._body) + len(body) <= MOST_BYTES
        self._body = self._body + body if self._fits else bytearray()

    def _answer(self) -> bytes:
        """As bytes; empty where it is too large, or not to be kept."""
        if not self._fits:
            return b""
        body = base64.b64encode(self._body).decode()
        return json.dumps({"status": self._status, "headers": self._headers, "body": body}).encode()


def _check(key: str, content: str) -> None:
    if not SHORTEST <= len(key) <= LONGEST or not key.isascii() or not key.isprintable():
        why = f"an Idempotency-Key has {SHORTEST} to {LONGEST} printable characters that nobody guesses"
        raise Problem(422, "bad-idempotency-key", why)
    if "json" not in content:
        # The same upload sent again is rarely the same bytes.
        raise Problem(422, "idempotency-key-unfit", "an Idempotency-Key goes with JSON alone")


async def _caller(scope: Scope) -> Caller | None:
    """Who calls, where this is an operation whose answers are kept, and one that they may call now: of others the route
    itself says what is wrong."""
    route = operation_of(scope)
    wanted = needed(route) if route else frozenset()
    if not wanted or wanted <= PERSONAL:
        return None
    door: Door = scope["app"].state.door
    try:
        caller = await run_in_threadpool(door.caller, Request(scope))
    except Problem:
        return None
    return caller if all(caller.may(one) for one in wanted) else None


async def _again(asked: _Asked, earlier: Earlier, send: Send) -> None:
    if not hmac.compare_digest(earlier.body, asked.body):
        raise Problem(422, "idempotency-key-used", "the Idempotency-Key was used before, with another body or view")
    if not earlier.done:
        raise Problem(409, "under-way", "the same request is under way", {"Retry-After": "1"})
    if not earlier.answer:
        raise Problem(409, "done-before", "this was done before; its answer could not be kept")
    found = json.loads(asked.unseal(earlier.answer))
    body = base64.b64decode(found["body"])
    headers = {**found["headers"], "content-length": str(len(body)), "idempotency-replayed": "true"}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": found["status"], "headers": raw})
    await send({"type": "http.response.body", "body": body})

"""What every method of the client does: send, wait where it is asked to, and tell what went wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2

TRIES = 4
LONGEST_WAIT = 60.0
BUSY = frozenset({429, 503})
UNDER_WAY = "under-way"
Query = Mapping[str, object]


class ApiProblem(Exception):
    """The service refused. `code` is stable (docs/api.md lists them), `detail` a sentence, `fields` what is wrong with
    each part of a request that cannot be understood."""

    def __init__(self, status: int, code: str, detail: str, fields: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.fields = fields


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream. `id` is what to come back with."""

    id: str
    kind: str
    data: dict[str, Any]


class Calls:
    """A connection. Requests that may be sent again are, where the service is busy: reads, and changes, which carry a
    key by which they are done once. `http` takes the place of a connection of its own, `wait` of sleeping."""

    def __init__(
        self,
        url: str = "",
        key: str = "",
        *,
        http: httpx2.Client | None = None,
        timeout: float = 60.0,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = http or httpx2.Client(base_url=url, timeout=timeout)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._wait = wait
        self.etag = ""
        """What the last answer is known by: given as `if_match`, a change is made only to what was shown."""

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Calls:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        headers: Query | None = None,
        *,
        once: bool = False,
        **content: Any,
    ) -> Any:
        """Send a request and return what the answer says: JSON as values, anything else as bytes, nothing as None."""
        sent = self._headers | _texts(headers or {})
        if once:
            sent["Idempotency-Key"] = str(uuid4())
        again = once or method in ("GET", "PUT", "DELETE")
        for tries_left in reversed(range(TRIES)):
            answer = self._http.request(method, path, params=_params(query or {}), headers=sent, **content)
            problem = _problem(answer)
            if problem is None:
                self.etag = answer.headers.get("ETag", "")
                return _said(answer)
            if not again or not tries_left or not _passes(problem):
                raise problem
            self._wait(_seconds(answer, 2.0 ** (TRIES - tries_left - 1)))
        raise AssertionError

    def _lines(self, path: str, query: Query | None = None, headers: Query | None = None) -> Iterator[Any]:
        """A JSON document for each line, as they come."""
        for line in self._text_of(path, query, headers):
            if line:
                yield json.loads(line)

    def _events(self, path: str, query: Query | None = None, headers: Query | None = None) -> Iterator[Event]:
        """Server-sent events, as they come."""
        number, kind, data = "", "", list[str]()
        for line in self._text_of(path, query, headers):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "id":
                number = value
            elif name == "event":
                kind = value
            elif name == "data":
                data.append(value)
            elif not line:
                if data:
                    yield Event(number, kind, json.loads("\n".join(data)))
                kind, data = "", []

    def _each(self, page: Callable[[str | None], Any], name: str) -> Iterator[Any]:
        """All items of a list, page after page."""
        after: str | None = None
        while True:
            found = page(after)
            yield from found[name]
            after = found["next"]
            if after is None:
                return

    def _text_of(self, path: str, query: Query | None, headers: Query | None) -> Iterator[str]:
        sent = self._headers | _texts(headers or {})
        with self._http.stream("GET", path, params=_params(query or {}), headers=sent, timeout=None) as answer:
            if answer.status_code >= 400:
                answer.read()
                problem = _problem(answer)
                if problem is not None:
                    raise problem
            yield from answer.iter_lines()


def _problem(answer: httpx2.Response) -> ApiProblem | None:
    if answer.status_code < 400:
        return None
    try:
        said = answer.json()
    except ValueError:
        said = None
    if not isinstance(said, dict) or "code" not in said:
        return ApiProblem(answer.status_code, "unknown", answer.reason_phrase)
    return ApiProblem(answer.status_code, said["code"], said["detail"], said.get("fields", ()))


def _passes(problem: ApiProblem) -> bool:
    """Whether it may be otherwise a little later."""
    return problem.status in BUSY or problem.code == UNDER_WAY


def _seconds(answer: httpx2.Response, otherwise: float) -> float:
    told = answer.headers.get("Retry-After", "")
    return min(float(told) if told.isdigit() else otherwise, LONGEST_WAIT)


def _said(answer: httpx2.Response) -> Any:
    if not answer.content:
        return None
    return answer.json() if "json" in answer.headers.get("Content-Type", "") else answer.content


def _params(query: Query) -> list[tuple[str, str | int | float | bool | None]]:
    """Parameters that are given; of a list each, but fields parted by commas."""
    found: list[tuple[str, str | int | float | bool | None]] = []
    for name, value in query.items():
        if isinstance(value, list | tuple | set | frozenset):
            texts = [_text(one) for one in value]
            found += [(name, ",".join(texts))] if name == "fields" else [(name, text) for text in texts]
        elif value is not None:
            found.append((name, _text(value)))
    return found


def _texts(values: Query) -> dict[str, str]:
    return {name: _text(value) for name, value in values.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)

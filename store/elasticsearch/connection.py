"""Talking to Elasticsearch, and what is wrong when it refuses, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from elastic_transport import ConnectionTimeout, ObjectApiResponse, TlsError, TransportError
from elasticsearch import ApiError, Elasticsearch, OrjsonSerializer, UnsupportedProductError

from core.errors import ConfigError, Unavailable

OLDEST, NEWEST = 8, 9
TIMEOUT = 60.0
RETRIES = 4
UNKNOWN = frozenset({404, 405, 501})
SOMETHING_ELSE = "what answers at the address of Elasticsearch is something else"


class Trouble(Unavailable):
    """Elasticsearch refused or did not answer; `status` is HTTP's, 0 without an answer."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class Client(Elasticsearch):
    """The client, its errors told in one sentence without the password: raises `Trouble`."""

    def perform_request(self, method: str, path: str, **rest: Any) -> ObjectApiResponse[Any]:
        try:
            return super().perform_request(method, path, **rest)  # type: ignore[return-value]
        except UnsupportedProductError:
            raise Trouble(SOMETHING_ELSE) from None
        except ApiError as error:
            raise Trouble(_refusal(error, path), error.status_code) from error
        except TlsError as error:
            raise Trouble(f"Elasticsearch's certificate is not trusted: {error.message}") from None
        except ConnectionTimeout:
            raise Trouble("Elasticsearch does not answer in time") from None
        except TransportError as error:
            raise Trouble(f"Elasticsearch cannot be reached: {error.message}") from None


def connect(address: str, *, api_key: str = "", ca: Path | None = None) -> Client:
    """A client for `https://USER:PASSWORD@HOST:PORT` or several of them, comma between. `ca` is the one authority
    whose certificates are trusted (PEM). Raises `ConfigError`; does not ask the server anything."""
    hosts = [host.strip() for host in address.split(",") if host.strip()]
    for host in hosts:
        parts = urlsplit(host)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("an address of Elasticsearch is like https://HOST:9200")
    if ca is not None and not ca.is_file():
        raise ConfigError(f"no certificate authority for Elasticsearch at {ca}")
    security: Mapping[str, Any] = {
        **({"api_key": api_key} if api_key else {}),
        **({"ca_certs": str(ca)} if ca is not None else {}),
    }
    return Client(
        [_with_port(host) for host in hosts],
        serializers={"application/json": OrjsonSerializer()},
        request_timeout=TIMEOUT,
        max_retries=RETRIES,
        retry_on_timeout=True,
        **security,
    )


def check_version(client: Client) -> str:
    """Which there is. Raises `ConfigError` where a node is older or newer than we know."""
    nodes = client.nodes.info(filter_path="nodes.*.version")["nodes"].values()
    versions = sorted({node["version"] for node in nodes})
    for version in versions:
        if not OLDEST <= int(version.partition(".")[0]) <= NEWEST:
            raise ConfigError(f"Elasticsearch is version {version}; {OLDEST}.x and {NEWEST}.x serve")
    return ", ".join(versions)


def _with_port(host: str) -> str:
    parts = urlsplit(host)
    return host if parts.port else parts._replace(netloc=f"{parts.netloc}:9200").geturl()


def _refusal(error: ApiError, path: str) -> str:
    if error.status_code in UNKNOWN and "x-elastic-product" not in error.meta.headers:
        return SOMETHING_ELSE
    if error.status_code == 401:
        return "Elasticsearch does not know this user or API key"
    if error.status_code == 403:
        asked = "" if error.body else f"to ask for {path.partition('?')[0]}"
        return f"Elasticsearch does not allow this user what it needs: {asked or _reason(error)}"
    return f"Elasticsearch answered {error.status_code} to {path.partition('?')[0]}: {_reason(error)}"


def _reason(error: ApiError) -> str:
    found = error.body.get("error") if isinstance(error.body, dict) else error.message
    if isinstance(found, dict):
        found = next(iter(found.get("root_cause") or ()), found).get("reason")
    return " ".join(str(found).split())[:300]

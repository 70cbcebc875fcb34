"""Secrets that have to be read again lie sealed: AES-256-GCM, bound to what they are."""

from __future__ import annotations

from base64 import urlsafe_b64decode

from core.errors import ConfigError, Damaged
from core.keyring import Keys, key_id


class Sealer:
    """Seals by the last of the access keys, and opens by any."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def seal(self, text: str, of: str) -> str:
        """Whoever opens it has to say what it is of, and has to have the key."""
        return self._keys.seal(text, of)

    def open(self, sealed: str, of: str) -> str:
        """Raises `Damaged` where it is not what one of the keys sealed as that."""
        try:
            if key_id(sealed):
                return self._keys.open(sealed, of)
            # It was sealed before there could be a second key.
            return self._keys.open_untold(urlsafe_b64decode(sealed), of)
        except (ValueError, ConfigError, Damaged):
            raise Damaged("a sealed secret was not sealed with this installation's access key") from None

    def anew(self, sealed: str, of: str) -> str:
        """The same, sealed by the key that seals now; as it is, where it is. Raises `Damaged`."""
        return sealed if sealed.startswith(self._keys.prefix()) else self.seal(self.open(sealed, of), of)

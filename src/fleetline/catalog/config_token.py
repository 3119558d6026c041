"""A config.json as a name: `config:` and the file itself, packed, so that an address on the web can hold a whole model.

The token is base64url of zlib of the JSON list [name, configuration]. Whoever writes one leaves out every field that says
nothing of the model (`smallest`), so that a token has a few hundred letters.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fleetline.errors import InputError

PREFIX = "config:"
MOST_LETTERS = 6_000  # of a token: addresses of 8,000 letters pass every common proxy
_MOST_BYTES = 200_000  # of the configuration in it


def is_token(name: str) -> bool:
    """Whether a model is asked for by its configuration itself."""
    return name.startswith(PREFIX)


def write(name: str, fields: Mapping[str, Any]) -> str:
    """The token of a configuration.

    Raises:
        InputError: it is too long for an address.
    """
    packed = zlib.compress(json.dumps([name, dict(fields)], separators=(",", ":")).encode(), level=9)
    token = PREFIX + base64.urlsafe_b64encode(packed).decode().rstrip("=")
    if len(token) > MOST_LETTERS:
        said = (
            f"configuration: {len(token)} letters as a name, allowed {MOST_LETTERS}; use it as a file on the command line"
        )
        raise InputError(said, field="model", got=len(token), allowed=MOST_LETTERS)
    return token


def read(token: str) -> tuple[str, bytes]:
    """The name and the configuration, as JSON text, of a token.

    Raises:
        InputError: not a token, or one that unpacks to something else or too much.
    """
    letters = token.removeprefix(PREFIX)
    try:
        if len(token) > MOST_LETTERS:
            raise ValueError
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(
            base64.b64decode(letters + "=" * (-len(letters) % 4), b"-_", validate=True), _MOST_BYTES
        )
        name, fields = json.loads(text)
        if not unpacking.eof or not isinstance(name, str) or not isinstance(fields, dict):
            raise ValueError
    except (ValueError, TypeError, binascii.Error, zlib.error, RecursionError) as error:
        allowed = f"'{PREFIX}' and what an upload of a config.json answered"
        raise InputError(f"model: got '{token[:40]}...', allowed {allowed}", field="model", got=token[:40]) from error
    return name, json.dumps(fields).encode()


def smallest(fields: Mapping[str, Any], same: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
    """The fields without all those that make no difference; `same` says of some of them whether they still say the same.

    Groups are left out whole where that works, and halved where it does not.
    """

    def kept(needed: Sequence[str], group: Sequence[str]) -> list[str]:
        """What of `group` is needed beside `needed`."""
        if not group or same({name: fields[name] for name in needed}):
            return []
        if len(group) == 1:
            return list(group)
        half = len(group) // 2
        first = kept([*needed, *group[half:]], group[:half])
        return first + kept([*needed, *first], group[half:])

    chosen = set(kept([], list(fields)))
    return {name: value for name, value in fields.items() if name in chosen}

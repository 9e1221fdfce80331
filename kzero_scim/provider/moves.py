"""Moves: another KZero tenant, KZero server or Entra tenant under a stack that has resources. Pure: asks no service.

Such a change is a slip of the keyboard more often than a wish, and no service could tell it from one: the resources in
the state are of one tenant, and everything that is asked would be answered by another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from kzero_scim.confirmations import VARIABLE, how_to_confirm, is_confirmed
from kzero_scim.errors import SettingsError

ACTION: Final = "move"
"""The confirmation's action; it names where to."""

_TO_REALM: Final = (
    "the endpoint and the mappers are made there, the provisioning job is made anew and begins with an initial cycle; "
    "who was provisioned to {old} stays there and is kept in step no longer"
)
_TO_SERVER: Final = (
    "the endpoint's settings and the mappers are written there, the provisioning job is made anew and begins with an "
    "initial cycle; everything on {old} is left as it is"
)
_TO_ENTRA: Final = (
    "the enterprise application, its assignments and its job are made anew there; those in {old} are left as they are "
    "and are in this stack no longer, so take them off first (`pulumi destroy` with the old id) unless you cannot"
)


@dataclass(frozen=True)
class Move:
    """One changed setting that is a move.

    Attributes:
        key: The setting, as the stack's file spells it.
        old: Its value in the state.
        new: Its value now.
        target: What the confirmation names.
        consequence: What becomes of both sides.
    """

    key: str
    old: str
    new: str
    target: str
    consequence: str

    @property
    def sentence(self) -> str:
        """Say what moves and what that means."""
        return f'{self.key}: "{self.old}" => "{self.new}" moves this stack: {self.consequence.format(old=self.old)}'


def check_moves(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Look at the provider's old and new settings.

    Args:
        old: The settings in the state, by their keys in camelCase.
        new: The settings now.

    Returns:
        A warning for each confirmed move.

    Raises:
        SettingsError: There are moves that are not confirmed; all of them are named.
    """
    moves = _moves(old, new)
    if any(not is_confirmed(ACTION, move.target) for move in moves):
        named = "; ".join(move.sentence for move in moves)
        rest = "".join(f" {ACTION}={move.target}" for move in moves[1:])
        beside = f" ({VARIABLE} then holds{rest} too, separated by a space)" if rest else ""
        message = (
            f"{named}. Nothing was changed. If it is a slip, put the old value back; "
            f"{how_to_confirm(ACTION, moves[0].target)}{beside}"
        )
        raise SettingsError(message)
    return [move.sentence for move in moves]


def same_server(old: str, new: str) -> bool:
    """Tell whether two addresses are one server, spelled differently or not."""
    return _origin(old) == _origin(new)


def _moves(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Move]:
    def both(key: str) -> tuple[str, str] | None:
        before, after = old.get(key), new.get(key)
        is_told = isinstance(before, str) and isinstance(after, str) and before and after
        return (before, after) if is_told else None

    moves: list[Move] = []
    if (pair := both("tenantId")) and pair[0].casefold() != pair[1].casefold():
        moves.append(Move("azuread:tenantId", *pair, pair[1], _TO_ENTRA))
    if (pair := both("serverUrl")) and not same_server(*pair):
        moves.append(Move("kzeroServerUrl", *pair, urlsplit(pair[1]).netloc or pair[1], _TO_SERVER))
    if (pair := both("realm")) and pair[0] != pair[1]:
        moves.append(Move("kzeroTenant", *pair, pair[1], _TO_REALM))
    return moves


def _origin(address: str) -> tuple[str, str | None, int | None, str]:
    parts = urlsplit(address.strip())
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme.lower())
    return parts.scheme.lower(), parts.hostname, port, parts.path.rstrip("/")

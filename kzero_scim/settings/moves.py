"""Detects moves: another KZero tenant, KZero server or Entra tenant in a stack that has resources. Asks no service.

Such a change is usually a mistake. No service can detect it, because the resources in the state belong to one tenant
and another tenant answers all requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from kzero_scim.errors import SettingsError
from kzero_scim.origin import origin
from kzero_scim.resource.formats import is_guid, same_id
from kzero_scim.settings.confirmations import VARIABLE, confirmed, how_to_confirm, is_confirmed

_ENTRA: Final = "azuread:tenantId"

ACTION: Final = "move"
"""The confirmation's action; its value is the destination."""

_TO_REALM: Final = (
    "it creates the endpoint and the mappers there, and a new provisioning job that begins with an initial cycle; "
    "the users in {old} stay and get no further updates"
)
_TO_SERVER: Final = (
    "it writes the endpoint's settings and the mappers there, and creates a new provisioning job that begins with an "
    "initial cycle; everything on {old} stays unchanged"
)
_TO_ENTRA: Final = (
    "it creates a new enterprise application with assignments and job there; those in {old} stay unchanged and leave "
    "this stack"
)
_PREPARE: Final = (
    "{sentence}. Nothing was changed. If this is a mistake, put the old value back. To move, also put it back and run "
    "`{variable}={action}={new} pulumi up`, which marks the application there to be kept; then set the new value and "
    "run the same command again. To delete the application instead, run `pulumi destroy` with the old value first"
)
_PREPARED: Final = (
    "the enterprise application in {old} is marked to be kept; now set azuread:tenantId to {new} and run the update "
    "with the same confirmation. A run without the confirmation removes the mark"
)


@dataclass(frozen=True)
class Move:
    """One changed setting that is a move.

    Attributes:
        key: The setting, as the stack file spells it.
        old: Its value in the state.
        new: Its value now.
        target: The value that confirms the move.
        consequence: What the move does on both sides.
    """

    key: str
    old: str
    new: str
    target: str
    consequence: str

    @property
    def sentence(self) -> str:
        """What moves, and what that does."""
        return f'{self.key}: "{self.old}" => "{self.new}" moves this stack: {self.consequence.format(old=self.old)}'


def check_moves(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Check the provider's old and new settings for moves, and return warnings.

    Args:
        old: The settings in the state, by their keys in camelCase.
        new: The settings now.

    Returns:
        A warning for each confirmed move.

    Raises:
        SettingsError: Moves are not confirmed (the message names all of them), or a move to another Entra tenant is
            not prepared.
    """
    moves = _moves(old, new)
    for move in moves:
        if move.key == _ENTRA and not same_id(old.get("movingTo"), move.new):
            raise SettingsError(_PREPARE.format(sentence=move.sentence, variable=VARIABLE, action=ACTION, new=move.new))
    if any(not is_confirmed(ACTION, move.target) for move in moves):
        named = "; ".join(move.sentence for move in moves)
        rest = "".join(f" {ACTION}={move.target}" for move in moves[1:])
        beside = f" (add{rest} to the same variable, separated by a space)" if rest else ""
        message = (
            f"{named}. Nothing was changed. If this is a mistake, put the old value back; "
            f"{how_to_confirm(ACTION, moves[0].target)}{beside}"
        )
        raise SettingsError(message)
    warnings = [move.sentence for move in moves]
    if new.get("movingTo") and new["movingTo"] != old.get("movingTo"):
        warnings.append(_PREPARED.format(old=new.get("tenantId"), new=new["movingTo"]))
    return warnings


def next_entra_tenant(present: str) -> str | None:
    """Return the confirmed Entra tenant ID that this run prepares a move to, or None."""
    return next((to for to in confirmed(ACTION) if is_guid(to) and not same_id(to, present)), None)


def same_server(old: str, new: str) -> bool:
    """Return whether two addresses are the same server, even if they are spelled differently."""
    return server(old) == server(new)


def moved_from(old: str | None, new: str | None) -> bool:
    """Return whether a resource in the state is on another server than the configured one."""
    return old is not None and new is not None and not same_server(old, new)


def is_left_behind(configured: str | None, realm: str) -> bool:
    """Return whether the stack has moved away from a realm, so that its administrator is unknown."""
    return configured is not None and configured != realm


def _moves(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Move]:
    def both(key: str) -> tuple[str, str] | None:
        before, after = old.get(key), new.get(key)
        if isinstance(before, str) and isinstance(after, str) and before and after:
            return before, after
        return None

    moves: list[Move] = []
    if (pair := both("tenantId")) and not same_id(*pair):
        moves.append(Move(_ENTRA, *pair, pair[1], _TO_ENTRA))
    if (pair := both("serverUrl")) and not same_server(*pair):
        moves.append(Move("kzeroServerUrl", *pair, urlsplit(pair[1]).netloc or pair[1], _TO_SERVER))
    if (pair := both("realm")) and pair[0] != pair[1]:
        moves.append(Move("kzeroTenant", *pair, pair[1], _TO_REALM))
    return moves


def server(address: str) -> str:
    """Return a server's address in one spelling: its origin, and its path if it has one."""
    return f"{origin(address)}{urlsplit(address.strip()).path.rstrip('/')}"

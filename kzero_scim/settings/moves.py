"""Moves: another KZero tenant, KZero server or Entra tenant under a stack that has resources. Pure: asks no service.

Such a change is a slip of the keyboard more often than a wish, and no service could tell it from one: the resources in
the state are of one tenant, and everything that is asked would be answered by another.
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
    "and are in this stack no longer"
)
_PREPARE: Final = (
    "{sentence}. Nothing was changed. Put the old value back if it is a slip. To move, put it back too and run "
    "`{variable}={action}={new} pulumi up`, which marks the application there to be left; then set the new value and "
    "run the same once more. To take the application off instead, run `pulumi destroy` with the old value first"
)
_PREPARED: Final = (
    "the enterprise application is marked to be left in {old}: now set azuread:tenantId to {new} and run it with the "
    "same confirmation. A run without it takes the mark away"
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
        SettingsError: There are moves that are not confirmed, all of which are named; or the move to another Entra
            tenant is not prepared.
    """
    moves = _moves(old, new)
    for move in moves:
        if move.key == _ENTRA and not same_id(old.get("movingTo"), move.new):
            raise SettingsError(_PREPARE.format(sentence=move.sentence, variable=VARIABLE, action=ACTION, new=move.new))
    if any(not is_confirmed(ACTION, move.target) for move in moves):
        named = "; ".join(move.sentence for move in moves)
        rest = "".join(f" {ACTION}={move.target}" for move in moves[1:])
        beside = f" ({VARIABLE} then holds{rest} too, separated by a space)" if rest else ""
        message = (
            f"{named}. Nothing was changed. If it is a slip, put the old value back; "
            f"{how_to_confirm(ACTION, moves[0].target)}{beside}"
        )
        raise SettingsError(message)
    warnings = [move.sentence for move in moves]
    if new.get("movingTo") and new["movingTo"] != old.get("movingTo"):
        warnings.append(_PREPARED.format(old=new.get("tenantId"), new=new["movingTo"]))
    return warnings


def next_entra_tenant(present: str) -> str | None:
    """Give the Entra tenant id that this run prepares a move to: one that is confirmed and not the present one."""
    return next((to for to in confirmed(ACTION) if is_guid(to) and not same_id(to, present)), None)


def same_server(old: str, new: str) -> bool:
    """Tell whether two addresses are one server, spelled differently or not."""
    return server(old) == server(new)


def moved_from(old: str | None, new: str | None) -> bool:
    """Tell whether a resource in the state is on another server than the one that is configured now."""
    return old is not None and new is not None and not same_server(old, new)


def is_left_behind(configured: str | None, realm: str) -> bool:
    """Tell whether a realm is one that the stack has moved from: its administrator is no longer known."""
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
    """Give a server's address, however it is spelled: its origin, and the path if there is one."""
    return f"{origin(address)}{urlsplit(address.strip()).path.rstrip('/')}"

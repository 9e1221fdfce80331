"""The functions of package ``kzero``, which read from Entra and change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import pulumi

from kzero_scim.resource.codec import decode_lenient
from kzero_scim.sdk.results import GlobalAdministrators, OrphanedApplication

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

Options = pulumi.InvokeOptions | pulumi.InvokeOutputOptions


def find_orphaned_application(
    *, display_name: str, template_id: str, mark: str, opts: pulumi.InvokeOptions | None = None
) -> OrphanedApplication:
    """Return an unused application of this name that the same account created, and wait for it.

    The result is not an output, because the program must know at once whether to import the application.

    Raises:
        Exception: Several applications match, or there is no answer. Pulumi has no specific class for it.
    """
    arguments = {"displayName": display_name, "templateId": template_id, "mark": mark}
    answer = pulumi.runtime.invoke("kzero:entra:findOrphanedApplication", arguments, opts)
    return decode_lenient(OrphanedApplication, answer.value or {})


def get_global_administrators(*, opts: Options | None = None) -> pulumi.Output[GlobalAdministrators]:
    """Return the Global Administrators. A missing permission is a warning in the result, not an error."""
    return _invoke("kzero:entra:getGlobalAdministrators", {}, GlobalAdministrators, opts)


async def ask_global_administrators(opts: pulumi.InvokeOptions) -> GlobalAdministrators:
    """Return the Global Administrators, for a program that continues without an answer.

    A failed output always ends the program, but the program can catch this exception.

    Raises:
        Exception: The provider or the engine gave no answer. Pulumi has no specific class for it.
    """
    answer = await pulumi.runtime.invoke_async("kzero:entra:getGlobalAdministrators", {}, opts)
    return decode_lenient(GlobalAdministrators, answer)


def is_run_over(error: Exception) -> bool:
    """Return whether a function got no answer because the engine ends the run and reports the reason itself."""
    return any(words in str(error) for words in ("cancelled", "connection is closing", "monitor has terminated"))


def _invoke(token: str, arguments: Mapping[str, Any], kind: type[T], opts: Options | None) -> pulumi.Output[T]:
    answer: pulumi.Output[Any] = pulumi.runtime.invoke_output(token, dict(arguments), opts)
    return answer.apply(lambda values: decode_lenient(kind, values))

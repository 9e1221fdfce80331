"""The functions of package ``kzero``: questions to Entra, nothing changed."""

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
    """Find an unused application of this name that this very account has made, and wait for the answer.

    Not an output: whether a resource is imported must be known when it is declared.

    Raises:
        Exception: There are several, or nobody gave an answer; pulumi has no kind of its own for it.
    """
    arguments = {"displayName": display_name, "templateId": template_id, "mark": mark}
    answer = pulumi.runtime.invoke("kzero:entra:findOrphanedApplication", arguments, opts)
    return decode_lenient(OrphanedApplication, answer.value or {})


def get_global_administrators(*, opts: Options | None = None) -> pulumi.Output[GlobalAdministrators]:
    """Find the Global Administrators; a missing permission is a warning in the answer, not an error."""
    return _invoke("kzero:entra:getGlobalAdministrators", {}, GlobalAdministrators, opts)


async def ask_global_administrators(opts: pulumi.InvokeOptions) -> GlobalAdministrators:
    """Find the Global Administrators, for a program that goes on without an answer.

    An output that fails ends the program, whoever reads it; this can be caught.

    Raises:
        Exception: The provider or the engine gave no answer; pulumi has no kind of its own for it.
    """
    answer = await pulumi.runtime.invoke_async("kzero:entra:getGlobalAdministrators", {}, opts)
    return decode_lenient(GlobalAdministrators, answer)


def is_run_over(error: Exception) -> bool:
    """Tell whether a function got no answer because the engine is ending the run, whose reason is told elsewhere."""
    return any(words in str(error) for words in ("cancelled", "connection is closing", "monitor has terminated"))


def _invoke(token: str, arguments: Mapping[str, Any], kind: type[T], opts: Options | None) -> pulumi.Output[T]:
    answer: pulumi.Output[Any] = pulumi.runtime.invoke_output(token, dict(arguments), opts)
    return answer.apply(lambda values: decode_lenient(kind, values))

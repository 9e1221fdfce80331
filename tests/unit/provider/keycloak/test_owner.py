"""The mark of the stack that manages a client."""

from __future__ import annotations

import pytest

from kzero_scim.errors import ProviderError
from kzero_scim.provider.keycloak.owner import ATTRIBUTE, require_ours, stack_of

URN = "urn:pulumi:contoso::fleet::kzero-scim:components:ScimEndpoint$kzero:keycloak:MapperSet::tenant"


def client(owner: str | None) -> dict[str, object]:
    """Return a client with a mark."""
    return {"clientId": "scim-endpoint", "attributes": {} if owner is None else {ATTRIBUTE: owner}}


@pytest.mark.parametrize(
    ("urn", "stack"), [(URN, "fleet/contoso"), ("urn:test", None), ("", None), ("urn:pulumi:x::", None)]
)
def test_the_mark_is_the_project_and_the_stack_of_the_urn(urn: str, stack: str | None) -> None:
    """Calls outside an engine, as those of `kzero-scim drift`, have no stack."""
    assert stack_of(urn) == stack


@pytest.mark.parametrize(
    ("urn", "owner"), [(URN, None), (URN, "fleet/contoso"), ("urn:test", "fleet/other"), (URN, "")]
)
def test_an_unmarked_client_and_our_own_may_be_changed(urn: str, owner: str | None) -> None:
    """A client that a person set up belongs to no stack."""
    require_ours(urn, "Contoso", client(owner))


def test_another_stacks_client_is_refused_until_the_run_names_its_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """The confirmation names the present owner, so that one left in a pipeline takes over nothing else."""
    with pytest.raises(ProviderError) as caught:
        require_ours(URN, "Contoso", client("fleet/other"))
    assert str(caught.value).startswith(
        'client "scim-endpoint" of realm "Contoso" is managed by stack fleet/other, not by fleet/contoso. Nothing was'
    )
    assert "KZERO_SCIM_CONFIRM=take-over=fleet/other" in str(caught.value)
    assert "pulumi state delete" not in str(caught.value)

    monkeypatch.setenv("KZERO_SCIM_CONFIRM", "take-over=fleet/third")
    with pytest.raises(ProviderError, match=f"pulumi state delete '{URN.replace('$', '[$]')}'"):
        require_ours(URN, "Contoso", client("fleet/other"), is_deletion=True)
    monkeypatch.setenv("KZERO_SCIM_CONFIRM", "take-over=fleet/other")
    require_ours(URN, "Contoso", client("fleet/other"))

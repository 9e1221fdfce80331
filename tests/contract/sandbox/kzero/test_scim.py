"""The local KZero's SCIM endpoint on a real Keycloak, asked in Entra's shape by a plain HTTP client."""

import uuid
from typing import Any

import pytest
from kzero_sandbox.running import Tenant

from tests.kzero_endpoint import ENTERPRISE, EXTENSION, PATCH_OP, KZeroEndpoint, entra_user, provisioning_token


@pytest.fixture
def endpoint(kzero_endpoint: KZeroEndpoint) -> KZeroEndpoint:
    """The endpoint of a fresh tenant, set up as the guide says."""
    return kzero_endpoint


class TestSettings:
    """The endpoint obeys its settings at every request."""

    def test_off_answers_not_found_and_so_does_an_unknown_tenant(self, tenant: Tenant) -> None:
        """A tenant without the endpoint, one in the wrong case and one that does not exist all answer 404."""
        for realm in (tenant.realm, tenant.realm.upper(), "Nobody"):
            assert tenant.kzero.get(f"/realms/{realm}/scim/v2/ServiceProviderConfig").status_code == 404

    def test_on_asks_for_a_token(self, endpoint: KZeroEndpoint) -> None:
        """Without a token every document is refused with a challenge."""
        answer = endpoint.tenant.kzero.get(f"/realms/{endpoint.tenant.realm}/scim/v2/ServiceProviderConfig")

        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith(f'Bearer realm="{endpoint.tenant.realm}"')
        assert answer.headers["Content-Type"] == "application/scim+json"

    def test_switched_off_again_answers_not_found_at_once(self, endpoint: KZeroEndpoint) -> None:
        """Nothing is remembered from an earlier request."""
        assert endpoint.scim.get("/Users").status_code == 200

        endpoint.tenant.set_realm_attributes(kzero__scim__enabled="false")

        assert endpoint.scim.get("/Users").status_code == 404

    def test_another_azure_tenant_is_refused(self, endpoint: KZeroEndpoint) -> None:
        """A token of a tenant other than the configured one is refused."""
        endpoint.tenant.set_realm_attributes(kzero__scim__azureTenantId=str(uuid.uuid4()))

        assert endpoint.scim.get("/Users").status_code == 401

    def test_a_token_for_something_else_or_out_of_date_is_refused(self, endpoint: KZeroEndpoint) -> None:
        """A Graph token of the right tenant has the wrong audience; an old provisioning token has ended."""
        graph_token = endpoint.tenant.entra.post("/sandbox/token").json()["access_token"]
        for token in (graph_token, provisioning_token(endpoint.tenant, lifetime=-3600), "not.a.token"):
            answer = endpoint.scim.get("/Users", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401
            assert token not in answer.text

    def test_profile_generic_takes_the_realms_own_token(self, endpoint: KZeroEndpoint) -> None:
        """Remote Token Authentication: the token of client `scim-endpoint`, and no longer Entra's."""
        tenant = endpoint.tenant
        tenant.set_realm_attributes(kzero__scim__profile="Generic")
        owner = tenant.realm_token("scim-endpoint", tenant.credentials.scim_client_secret)
        stranger = tenant.realm_token(tenant.credentials.client_id, tenant.credentials.client_secret)

        def status(token: str) -> int:
            return endpoint.scim.get("/Users", headers={"Authorization": f"Bearer {token}"}).status_code

        assert status(owner) == 200
        assert status(stranger) == 401
        assert endpoint.scim.get("/Users").status_code == 401


class TestMappers:
    """The mapper set decides what arrives, at every request."""

    def test_a_user_arrives_with_the_mapped_attributes(self, endpoint: KZeroEndpoint) -> None:
        """The guide's seven fill Keycloak's fields and the attributes of the guide's names."""
        endpoint.create()

        user = endpoint.kept()
        assert (user["username"], user["firstName"], user["lastName"], user["email"], user["enabled"]) == (
            "alex@contoso.example",
            "Alex",
            "Lindqvist",
            "alex@contoso.example",
            True,
        )
        assert user["attributes"] == {
            "scim.externalId": ["0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"],
            "userPrincipalName": ["Alex@contoso.example"],
            "givenName": ["Alex"],
            "surName": ["Lindqvist"],
            "manager": ["robin"],
            "extensionAttribute1": ["field"],
            "isSoftDeleted": ["true"],
        }

    def test_without_the_mapper_tag_the_tag_no_longer_arrives(self, endpoint: KZeroEndpoint) -> None:
        """The rest still does."""
        endpoint.tenant.keycloak_admin.delete(endpoint.mapper_path("tag")).raise_for_status()

        endpoint.create()

        attributes = endpoint.kept()["attributes"]
        assert "extensionAttribute1" not in attributes
        assert attributes["surName"] == ["Lindqvist"]

    def test_without_the_mapper_login_name_no_user_can_be_made(self, endpoint: KZeroEndpoint) -> None:
        """A SCIM error says which mapper is missing."""
        endpoint.tenant.keycloak_admin.delete(endpoint.mapper_path("loginName")).raise_for_status()

        answer = endpoint.scim.post("/Users", json=entra_user())

        assert answer.status_code == 400
        assert answer.json()["scimType"] == "invalidValue"
        assert "loginName" in answer.json()["detail"]

    def test_a_status_mapper_of_the_wrong_type_is_an_error(self, endpoint: KZeroEndpoint) -> None:
        """Claim JSON Type String cannot tell whether somebody may sign in."""
        endpoint.change_mapper("status", jsonType__label="String")

        answer = endpoint.scim.post("/Users", json=entra_user())

        assert answer.status_code == 400
        assert "'status' has Claim JSON Type String" in answer.json()["detail"]

    def test_a_mapper_with_all_token_options_off_maps_nothing(self, endpoint: KZeroEndpoint) -> None:
        """Like a missing one."""
        endpoint.change_mapper(
            "manager",
            id__token__claim="false",
            access__token__claim="false",
            userinfo__token__claim="false",
            introspection__token__claim="false",
        )

        endpoint.create()

        assert "manager" not in endpoint.kept()["attributes"]

    def test_an_escaped_claim_takes_the_same_attribute(self, endpoint: KZeroEndpoint) -> None:
        r"""The tag's claim with `2\.0` is the same path."""
        endpoint.change_mapper("tag", claim__name=f"{EXTENSION}:tag".replace(".", "\\."))

        endpoint.create()

        assert endpoint.kept()["attributes"]["extensionAttribute1"] == ["field"]


class TestUsers:
    """The life of a user, as Entra leads it."""

    def test_the_answer_shows_what_is_stored(self, endpoint: KZeroEndpoint) -> None:
        """What no mapper took is not echoed, the spelling of the user name is kept, the place is named."""
        answer = endpoint.scim.post("/Users", json=entra_user())

        user = answer.json()
        assert (
            answer.headers["Location"] == user["meta"]["location"] == f"{endpoint.tenant.scim_url}/Users/{user['id']}"
        )
        assert user["id"] == endpoint.kept()["id"]
        assert user["userName"] == "Alex@contoso.example"
        assert user[EXTENSION] == {"tag": "field"}
        assert user[ENTERPRISE] == {"manager": {"value": "robin"}}
        assert "title" not in user
        assert endpoint.scim.get(f"/Users/{user['id']}").json() == user

    def test_a_second_user_of_that_name_is_a_conflict(self, endpoint: KZeroEndpoint) -> None:
        """409 with scimType uniqueness."""
        endpoint.create()

        answer = endpoint.scim.post("/Users", json=entra_user())

        assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")

    @pytest.mark.parametrize(
        "condition",
        [
            'userName eq "alex@CONTOSO.example"',
            'externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"',
            'emails[type eq "work"].value eq "alex@contoso.example"',
            f'{EXTENSION}:tag eq "field"',
            'userName eq "alex@contoso.example" and active eq true',
        ],
    )
    def test_filters_find_the_user(self, endpoint: KZeroEndpoint, condition: str) -> None:
        """Those that Entra sends, whichever index of Keycloak serves them."""
        endpoint.create()
        endpoint.create(userName="other@contoso.example", emails=[], externalId="1", active=False, **{EXTENSION: {}})

        assert endpoint.found(condition) == ["Alex@contoso.example"]

    def test_the_connection_test_finds_an_empty_list(self, endpoint: KZeroEndpoint) -> None:
        """Entra asks for a user that cannot exist and expects a list without any."""
        answer = endpoint.scim.get("/Users", params={"filter": f'userName eq "{uuid.uuid4()}"'})

        assert answer.status_code == 200
        assert answer.json() == {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": 0,
            "startIndex": 1,
            "itemsPerPage": 0,
            "Resources": [],
        }

    def test_a_filter_that_is_none_is_a_scim_error(self, endpoint: KZeroEndpoint) -> None:
        """400 invalidFilter."""
        answer = endpoint.scim.get("/Users", params={"filter": "userName is alex"})

        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidFilter")

    def test_pages_cover_all_users_once(self, endpoint: KZeroEndpoint) -> None:
        """StartIndex counts from one; the tenant's own administrator is a user too."""
        for number in range(3):
            name = f"user{number}@contoso.example"
            endpoint.create(userName=name, emails=[], externalId=str(number))

        pages = [endpoint.scim.get("/Users", params={"startIndex": start, "count": 2}).json() for start in (1, 3)]

        assert [page["totalResults"] for page in pages] == [4, 4]
        names = [user["userName"] for page in pages for user in page["Resources"]]
        assert sorted(names) == ["tenant-admin", *(f"user{number}@contoso.example" for number in range(3))]

    def test_disabling_and_enabling_in_entras_default_style(self, endpoint: KZeroEndpoint) -> None:
        """`Replace` with "False" as a string, and back with a true boolean."""
        user = endpoint.create()

        assert endpoint.patch(user, {"op": "Replace", "path": "active", "value": "False"}).status_code == 200
        assert endpoint.kept()["enabled"] is False

        assert endpoint.patch(user, {"op": "Add", "path": "active", "value": True}).json()["active"] is True
        assert endpoint.kept()["enabled"] is True

    def test_default_style_patch(self, endpoint: KZeroEndpoint) -> None:
        """An operation a path: value filter, URN, removal."""
        user = endpoint.create()

        endpoint.patch(
            user,
            {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "new@contoso.example"},
            {"op": "Replace", "path": f"{EXTENSION}:tag", "value": "office"},
            {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "morgan"},
            {"op": "Remove", "path": "name.givenName"},
        ).raise_for_status()

        kept = endpoint.kept()
        assert kept["email"] == "new@contoso.example"
        assert kept["attributes"]["extensionAttribute1"] == ["office"]
        assert kept["attributes"]["manager"] == ["morgan"]
        assert "firstName" not in kept
        assert "givenName" not in kept["attributes"]

    def test_flag_style_patch(self, endpoint: KZeroEndpoint) -> None:
        """Lower case and without paths, as with `aadOptscim062020`."""
        user = endpoint.create()

        endpoint.patch(
            user,
            {
                "op": "replace",
                "value": {
                    "active": False,
                    "name.givenName": "Alexis",
                    f"{EXTENSION}:tag": "office",
                    f"{ENTERPRISE}:manager": "morgan",
                },
            },
        ).raise_for_status()

        kept = endpoint.kept()
        assert (kept["enabled"], kept["firstName"]) == (False, "Alexis")
        assert kept["attributes"]["extensionAttribute1"] == ["office"]
        assert kept["attributes"]["manager"] == ["morgan"]

    def test_renaming_a_user(self, endpoint: KZeroEndpoint) -> None:
        """A changed userPrincipalName keeps the user and its id."""
        user = endpoint.create()

        endpoint.patch(user, {"op": "Replace", "path": "userName", "value": "Sasha@contoso.example"}).raise_for_status()

        assert endpoint.kept("sasha@contoso.example")["id"] == user
        assert endpoint.found('userName eq "sasha@contoso.example"') == ["Sasha@contoso.example"]

    def test_put_removes_what_it_lacks(self, endpoint: KZeroEndpoint) -> None:
        """The whole of the mapped attributes is replaced; `active` stays when it is not said."""
        user = endpoint.create(active=False)

        endpoint.scim.put(f"/Users/{user}", json={"userName": "alex@contoso.example"}).raise_for_status()

        kept = endpoint.kept()
        assert kept["enabled"] is False
        assert set(kept["attributes"]) == {"userPrincipalName", "isSoftDeleted"}

    def test_delete(self, endpoint: KZeroEndpoint) -> None:
        """Gone in Keycloak, and not found afterwards."""
        user = endpoint.create()

        assert endpoint.scim.delete(f"/Users/{user}").status_code == 204
        assert endpoint.tenant.user("alex@contoso.example") is None
        assert endpoint.scim.get(f"/Users/{user}").status_code == 404
        assert endpoint.scim.delete(f"/Users/{user}").status_code == 404


class TestGroups:
    """The life of a group, as Entra leads it."""

    def test_create_find_fill_empty_rename_delete(self, endpoint: KZeroEndpoint) -> None:
        """In both of Entra's styles of member changes."""
        user = endpoint.create()
        scim = endpoint.scim
        created = scim.post("/Groups", json={"displayName": "Staff", "externalId": "g1", "members": []})
        assert created.status_code == 201
        path = f"/Groups/{created.json()['id']}"

        def patch(**operation: Any) -> list[str]:  # noqa: ANN401 - JSON
            answer = scim.patch(path, json={"schemas": [PATCH_OP], "Operations": [operation]})
            assert answer.status_code == 204, answer.text
            return [member["value"] for member in scim.get(path).json()["members"]]

        assert patch(op="Add", path="members", value=[{"value": user}]) == [user]
        assert patch(op="Remove", path="members", value=[{"value": user}]) == []
        assert patch(op="add", value={"members": [{"value": user}]}) == [user]
        assert patch(op="remove", path=f'members[value eq "{user}"]') == []
        patch(op="Replace", path="displayName", value="Crew")
        query = {"filter": 'displayName eq "crew"', "excludedAttributes": "members"}
        found = scim.get("/Groups", params=query).json()
        assert [group["displayName"] for group in found["Resources"]] == ["Crew"]
        assert "members" not in found["Resources"][0]
        assert scim.delete(path).status_code == 204
        assert scim.get(path).status_code == 404

    def test_a_member_that_does_not_exist_is_an_error(self, endpoint: KZeroEndpoint) -> None:
        """400 that names the user."""
        group = endpoint.scim.post("/Groups", json={"displayName": "Staff"}).json()["id"]
        nobody = str(uuid.uuid4())

        answer = endpoint.scim.patch(
            f"/Groups/{group}", json={"Operations": [{"op": "Add", "path": "members", "value": [{"value": nobody}]}]}
        )

        assert answer.status_code == 400
        assert nobody in answer.json()["detail"]

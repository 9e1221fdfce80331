"""The local KZero's SCIM endpoint on a real Keycloak, with requests in Entra's format from a plain HTTP client."""

import uuid
from typing import Any

import pytest
from kzero_sandbox.running import Tenant

from tests.kzero_endpoint import ENTERPRISE, EXTENSION, PATCH_OP, KZeroEndpoint, entra_user, provisioning_token


@pytest.fixture
def endpoint(kzero_endpoint: KZeroEndpoint) -> KZeroEndpoint:
    """Return the endpoint of a new tenant, set up according to the guide."""
    return kzero_endpoint


class TestSettings:
    """The endpoint applies its current settings to every request."""

    def test_off_answers_not_found_and_so_does_an_unknown_tenant(self, tenant: Tenant) -> None:
        """An endpoint that is off, a tenant's name in the wrong case and an unknown tenant all answer 404."""
        for realm in (tenant.realm, tenant.realm.upper(), "Nobody"):
            assert tenant.kzero.get(f"/realms/{realm}/scim/v2/ServiceProviderConfig").status_code == 404

    def test_on_requires_a_token(self, endpoint: KZeroEndpoint) -> None:
        """Without a token, the endpoint refuses the request with a challenge."""
        answer = endpoint.tenant.kzero.get(f"/realms/{endpoint.tenant.realm}/scim/v2/ServiceProviderConfig")

        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith(f'Bearer realm="{endpoint.tenant.realm}"')
        assert answer.headers["Content-Type"] == "application/scim+json"

    def test_switched_off_again_answers_not_found_immediately(self, endpoint: KZeroEndpoint) -> None:
        """The endpoint answers 404 immediately after it is switched off."""
        assert endpoint.scim.get("/Users").status_code == 200

        endpoint.tenant.set_realm_attributes(kzero__scim__enabled="false")

        assert endpoint.scim.get("/Users").status_code == 404

    def test_another_azure_tenant_is_refused(self, endpoint: KZeroEndpoint) -> None:
        """A token of a tenant other than the configured one is refused."""
        endpoint.tenant.set_realm_attributes(kzero__scim__azureTenantId=str(uuid.uuid4()))

        assert endpoint.scim.get("/Users").status_code == 401

    def test_a_token_for_something_else_or_out_of_date_is_refused(self, endpoint: KZeroEndpoint) -> None:
        """A Graph token with the wrong audience and an expired provisioning token are refused."""
        graph_token = endpoint.tenant.entra.post("/sandbox/token").json()["access_token"]
        for token in (graph_token, provisioning_token(endpoint.tenant, lifetime=-3600), "not.a.token"):
            answer = endpoint.scim.get("/Users", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401
            assert token not in answer.text

    def test_profile_generic_accepts_the_realms_own_token(self, endpoint: KZeroEndpoint) -> None:
        """With Remote Token Authentication, only the token of client `scim-endpoint` is accepted, and not Entra's."""
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
    """The mappers decide, for every request, which attributes are stored."""

    def test_a_user_arrives_with_the_mapped_attributes(self, endpoint: KZeroEndpoint) -> None:
        """The guide's seven mappers fill Keycloak's fields and the attributes that the guide names."""
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

    def test_without_the_mapper_tag_the_tag_is_not_stored(self, endpoint: KZeroEndpoint) -> None:
        """Without the mapper, the attribute is not stored, but all others are."""
        endpoint.tenant.keycloak_admin.delete(endpoint.mapper_path("tag")).raise_for_status()

        endpoint.create()

        attributes = endpoint.kept()["attributes"]
        assert "extensionAttribute1" not in attributes
        assert attributes["surName"] == ["Lindqvist"]

    def test_without_the_mapper_login_name_no_user_can_be_created(self, endpoint: KZeroEndpoint) -> None:
        """The SCIM error names the missing mapper."""
        endpoint.tenant.keycloak_admin.delete(endpoint.mapper_path("loginName")).raise_for_status()

        answer = endpoint.scim.post("/Users", json=entra_user())

        assert answer.status_code == 400
        assert answer.json()["scimType"] == "invalidValue"
        assert "loginName" in answer.json()["detail"]

    def test_a_status_mapper_of_the_wrong_type_is_an_error(self, endpoint: KZeroEndpoint) -> None:
        """A status mapper with Claim JSON Type String is refused, because it cannot disable a user reliably."""
        endpoint.change_mapper("status", jsonType__label="String")

        answer = endpoint.scim.post("/Users", json=entra_user())

        assert answer.status_code == 400
        assert "'status' has Claim JSON Type String" in answer.json()["detail"]

    def test_a_mapper_with_all_token_options_off_maps_nothing(self, endpoint: KZeroEndpoint) -> None:
        """A mapper with all token options off has no effect, like a missing mapper."""
        endpoint.change_mapper(
            "manager",
            id__token__claim="false",
            access__token__claim="false",
            userinfo__token__claim="false",
            introspection__token__claim="false",
        )

        endpoint.create()

        assert "manager" not in endpoint.kept()["attributes"]

    def test_an_escaped_claim_accepts_the_same_attribute(self, endpoint: KZeroEndpoint) -> None:
        r"""The tag's claim with `2\.0` is the same path as with `2.0`."""
        endpoint.change_mapper("tag", claim__name=f"{EXTENSION}:tag".replace(".", "\\."))

        endpoint.create()

        assert endpoint.kept()["attributes"]["extensionAttribute1"] == ["field"]


class TestUsers:
    """Create, find, change and delete a user as Entra does."""

    def test_the_answer_shows_what_is_stored(self, endpoint: KZeroEndpoint) -> None:
        """The answer omits unmapped attributes, keeps the user name's spelling, and names the location."""
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
        """A second user with the same name is a 409 error with scimType uniqueness."""
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
        """The filters that Entra sends find the user, whichever index of Keycloak is used."""
        endpoint.create()
        endpoint.create(userName="other@contoso.example", emails=[], externalId="1", active=False, **{EXTENSION: {}})

        assert endpoint.found(condition) == ["Alex@contoso.example"]

    def test_the_connection_test_finds_an_empty_list(self, endpoint: KZeroEndpoint) -> None:
        """A search for a user that cannot exist returns an empty list, as Entra's connection test expects."""
        answer = endpoint.scim.get("/Users", params={"filter": f'userName eq "{uuid.uuid4()}"'})

        assert answer.status_code == 200
        assert answer.json() == {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": 0,
            "startIndex": 1,
            "itemsPerPage": 0,
            "Resources": [],
        }

    def test_an_invalid_filter_is_a_scim_error(self, endpoint: KZeroEndpoint) -> None:
        """An invalid filter is a 400 invalidFilter error."""
        answer = endpoint.scim.get("/Users", params={"filter": "userName is alex"})

        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidFilter")

    def test_pages_cover_all_users_once(self, endpoint: KZeroEndpoint) -> None:
        """`startIndex` starts at one, and the tenant's own administrator is also a user."""
        for number in range(3):
            name = f"user{number}@contoso.example"
            endpoint.create(userName=name, emails=[], externalId=str(number))

        pages = [endpoint.scim.get("/Users", params={"startIndex": start, "count": 2}).json() for start in (1, 3)]

        assert [page["totalResults"] for page in pages] == [4, 4]
        names = [user["userName"] for page in pages for user in page["Resources"]]
        assert sorted(names) == ["tenant-admin", *(f"user{number}@contoso.example" for number in range(3))]

    def test_disabling_and_enabling_in_entras_default_style(self, endpoint: KZeroEndpoint) -> None:
        """`Replace` with "False" as a string disables the user, and a boolean enables the user again."""
        user = endpoint.create()

        assert endpoint.patch(user, {"op": "Replace", "path": "active", "value": "False"}).status_code == 200
        assert endpoint.kept()["enabled"] is False

        assert endpoint.patch(user, {"op": "Add", "path": "active", "value": True}).json()["active"] is True
        assert endpoint.kept()["enabled"] is True

    def test_default_style_patch(self, endpoint: KZeroEndpoint) -> None:
        """A PATCH with one operation per path can use a value filter, a URN and a removal."""
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
        """A PATCH in lower case without paths, as with `aadOptscim062020`, changes the same attributes."""
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

    def test_put_removes_missing_attributes(self, endpoint: KZeroEndpoint) -> None:
        """PUT replaces all mapped attributes; `active` stays unchanged if the body lacks it."""
        user = endpoint.create(active=False)

        endpoint.scim.put(f"/Users/{user}", json={"userName": "alex@contoso.example"}).raise_for_status()

        kept = endpoint.kept()
        assert kept["enabled"] is False
        assert set(kept["attributes"]) == {"userPrincipalName", "isSoftDeleted"}

    def test_delete(self, endpoint: KZeroEndpoint) -> None:
        """A deleted user no longer exists in Keycloak, and a request for it answers 404."""
        user = endpoint.create()

        assert endpoint.scim.delete(f"/Users/{user}").status_code == 204
        assert endpoint.tenant.user("alex@contoso.example") is None
        assert endpoint.scim.get(f"/Users/{user}").status_code == 404
        assert endpoint.scim.delete(f"/Users/{user}").status_code == 404


class TestGroups:
    """Create, find, change and delete a group as Entra does."""

    def test_create_find_fill_empty_rename_delete(self, endpoint: KZeroEndpoint) -> None:
        """A group can be created, filled, emptied, renamed and deleted in both of Entra's formats."""
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
        second = endpoint.create(userName="sam@contoso.example", emails=[])
        assert patch(op="add", value={"members": [{"value": second}]}) == [user, second]
        for condition in (f'members[value eq "{user}"]', f'members eq "{user}" and displayName eq "staff"'):
            member = {"filter": condition, "excludedAttributes": "members"}
            [found] = scim.get("/Groups", params=member).json()["Resources"]
            assert (found["displayName"], "members" in found) == ("Staff", False)
        assert patch(op="remove", path=f'members[value eq "{second}"]') == [user]
        assert patch(op="remove", path=f'members[value eq "{user}"]') == []
        assert scim.get("/Groups", params=member).json()["Resources"] == []
        patch(op="Replace", path="displayName", value="Crew")
        query = {"filter": 'displayName eq "crew"', "excludedAttributes": "members"}
        found = scim.get("/Groups", params=query).json()
        assert [group["displayName"] for group in found["Resources"]] == ["Crew"]
        assert "members" not in found["Resources"][0]
        assert scim.delete(path).status_code == 204
        assert scim.get(path).status_code == 404

    def test_a_member_that_does_not_exist_is_an_error(self, endpoint: KZeroEndpoint) -> None:
        """A missing member is a 400 error that names the user."""
        group = endpoint.scim.post("/Groups", json={"displayName": "Staff"}).json()["id"]
        missing = str(uuid.uuid4())

        answer = endpoint.scim.patch(
            f"/Groups/{group}", json={"Operations": [{"op": "Add", "path": "members", "value": [{"value": missing}]}]}
        )

        assert answer.status_code == 400
        assert missing in answer.json()["detail"]

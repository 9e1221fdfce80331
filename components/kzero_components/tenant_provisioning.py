"""One tenant, both sides, in the order of the guide's steps. The only component that a tenant's program needs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import pulumi
from pydantic import SecretStr

from kzero_components.enterprise_app import EnterpriseApp
from kzero_components.interrupted_run import orphaned_application, stack_mark
from kzero_components.provisioning_job import Credentials, Mappings, ProvisioningJob
from kzero_components.remote_access import NativeAccess, RemoteAccess
from kzero_components.scim_endpoint import Activation, ScimEndpoint
from kzero_components.user_assignments import UserAssignments
from kzero_scim import sdk as kzero
from kzero_scim.display import plain
from kzero_scim.guide.checklist import Evidence, as_output, judge
from kzero_scim.keycloak import native_scim
from kzero_scim.mapping.attribute_mapping import guide_rows
from kzero_scim.sdk.provider_arguments import provider_arguments
from kzero_scim.settings.connection import remote_token_client
from kzero_scim.settings.tenant_settings import TenantSettings

_ENTRA_PORTAL: Final = "https://entra.microsoft.com"


class TenantProvisioning(pulumi.ComponentResource):
    """SCIM provisioning of one tenant, from Microsoft Entra ID to KZero Passwordless.

    Args:
        name: The component's name, which its children have too.
        settings: The tenant's settings.

    Attributes:
        endpoint: The SCIM endpoint and its mappers in KZero.
        access: The client whose tokens Entra sends; None with the profile Azure or a given token.
        app: The enterprise application.
        assignments: The users and groups that Entra provisions.
        users: What happens to these users in KZero when the stack is destroyed.
        job: The provisioning job.
        test: The test user's provisioning on demand; None without a test user or with provisioning off.
        tenant_url: The SCIM endpoint's address as settings or endpoint give it, without a flag.
        outputs: What the stack exports: ``checklist``, ``tenantUrl``, ``applicationId``, ``servicePrincipalId``,
            ``jobId``, ``provisioning``, ``portalUrls``, ``globalAdministrators`` and ``onDestroy``.

    Raises:
        pulumi.RunError: Through the outputs, before anything is created: ``lockoutGuard`` is ``require`` and no Global
            Administrator has a fallback account.
    """

    tenant_url: pulumi.Output[str]
    outputs: dict[str, pulumi.Output[Any]]

    def __init__(self, name: str, *, settings: TenantSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare both sides, in the order of the guide's steps."""
        released = pulumi.ResourceOptions(transformations=[_release]) if settings.adopted else None
        super().__init__(
            "kzero-scim:components:TenantProvisioning", name, None, pulumi.ResourceOptions.merge(opts, released)
        )
        self._settings = settings
        self._kzero = kzero.Provider("kzero", opts=pulumi.ResourceOptions(parent=self), **provider_arguments(settings))
        guard = _lockout_guard(settings, self._kzero, self)

        # Steps 1 and 2, in KZero first: nothing is created in Entra for a wrong tenant name or a disabled endpoint.
        self.endpoint = self._enable_endpoint(name, guard)
        # Waits for the endpoint even if the settings give its address.
        self.tenant_url = self.endpoint.tenant_url.apply(lambda url: settings.given_tenant_url or url)
        self.access = self._grant_access(name)
        self._warn_of_limits()
        # Step 3, in Entra.
        self.app = self._add_application(name)
        self.assignments = self._assign_users(name)
        self.users = self._decide_on_destroy(name)
        # Steps 4 and 5.
        self.job = self._start_provisioning(name)
        self.test = self._test_provisioning(name)

        self.outputs = self._outputs(settings, guard)
        self.register_outputs(self.outputs)

    def _enable_endpoint(self, name: str, guard: pulumi.Output[Any]) -> ScimEndpoint:
        """Declare the SCIM endpoint (step 1) and its mappers (step 2)."""
        settings = self._settings
        # A guard that only warns does not delay anything.
        first: pulumi.Input[list[pulumi.Resource]] = (
            guard.apply(lambda _: []) if settings.lockout_guard == "require" else []
        )
        return ScimEndpoint(
            name,
            tenant=settings.kzero_tenant,
            profile=settings.profile,
            azure_tenant_id=settings.entra_tenant_id if settings.profile == "Azure" else None,
            activation=Activation(
                mode=settings.activation,
                preset=settings.activation_preset,
                holder=settings.activation_holder,
                attributes=settings.activation_attributes,
                timeout=settings.activation_timeout,
            ),
            mappers={key: asdict(mapper) for key, mapper in settings.mappers.items()} or None,
            mappers_exclusive=settings.mappers_exclusive,
            escape_dots=settings.mappers_escape_dots,
            native=settings.is_native,
            opts=self._after(first),
        )

    def _grant_access(self, name: str) -> RemoteAccess | None:
        """Declare the client whose tokens Entra sends; None if Entra sends another token."""
        settings = self._settings
        client = remote_token_client(settings, os.environ)
        if client is None:
            return None
        return RemoteAccess(
            name,
            tenant=settings.kzero_tenant,
            tenant_url=self.tenant_url,
            client_id=client,
            token_endpoint=settings.remote_token_endpoint,
            method=settings.remote_token_method,
            renew_before=settings.remote_token_renew_before,
            endpoint_fingerprint=self.endpoint.endpoint.settings_fingerprint,
            native=NativeAccess(token_lifespan=settings.remote_token_lifespan, attributes=settings.scim_attributes)
            if settings.is_native
            else None,
            opts=self._after([self.endpoint]),
        )

    def _warn_of_limits(self) -> None:
        """Warn of settings with which the endpoint accepts no token or keeps fewer attributes."""
        settings = self._settings
        if settings.profile == "Generic" and not self.access and not settings.secret_token:
            pulumi.log.warn(
                "profile Generic accepts only tokens that the realm issues, and the token that Entra issues itself is "
                "not one: set remoteTokenClientId and remoteTokenClientSecret, or secretToken",
                self,
            )
        if settings.is_native:
            targets = [row.target for row in settings.attribute_mappings] or list(guide_rows())
            for line in native_scim.limits(targets, settings.scim_attributes):
                pulumi.log.warn(line, self)

    def _add_application(self, name: str) -> EnterpriseApp:
        """Declare the enterprise application (step 3)."""
        settings = self._settings
        return EnterpriseApp(
            name,
            display_name=settings.application_name,
            tenant_id=settings.entra_tenant_id,
            protect=settings.protect,
            adopted=settings.adopted,
            import_id=orphaned_application(settings.application_name, self._kzero, self),
            notes=stack_mark(),
            opts=self._after([item for item in (self.endpoint, self.access) if item]),
        )

    def _assign_users(self, name: str) -> UserAssignments:
        """Declare the users and groups of the application (step 3)."""
        settings = self._settings
        return UserAssignments(
            name,
            service_principal_id=self.app.service_principal_id,
            users=settings.users,
            groups=settings.groups,
            app_role=settings.app_role,
            exclusive=settings.assignments_exclusive,
            unassign_max_users=settings.unassign_max_users,
            unassign_max_share=settings.unassign_max_share,
            opts=self._child,
        )

    def _decide_on_destroy(self, name: str) -> kzero.ProvisionedUsers:
        """Declare what a destroy does with the users.

        A destroy works in reverse order: it deletes the job first, which could undo the change, then handles the users,
        and only then removes the assignments that identify them. It leaves the users of an adopted tenant unchanged.
        """
        settings = self._settings
        on_destroy = "keep" if settings.adopted else settings.on_destroy
        called, formerly = _users_names(name, on_destroy)
        return kzero.ProvisionedUsers(
            called,
            realm=settings.kzero_tenant,
            service_principal_id=self.app.service_principal_id,
            user_name_source=settings.user_name_source,
            on_destroy=on_destroy,
            opts=pulumi.ResourceOptions.merge(
                self._after([self.assignments]), pulumi.ResourceOptions(aliases=[pulumi.Alias(name=formerly)])
            ),
        )

    def _start_provisioning(self, name: str) -> ProvisioningJob:
        """Declare the provisioning job, from credentials to Provisioning Status (step 4)."""
        settings = self._settings
        return ProvisioningJob(
            name,
            service_principal_id=self.app.service_principal_id,
            credentials=_credentials(settings, self.tenant_url, self.access),
            mappings=_mappings(settings),
            template=settings.job_template,
            enabled=settings.provisioning,
            endpoint_fingerprint=self.endpoint.endpoint.settings_fingerprint,
            opts=self._after([self.assignments, self.users]),
        )

    def _test_provisioning(self, name: str) -> kzero.OnDemandProvisioning | None:
        """Declare the provisioning on demand of the test user (step 5); None without one or with provisioning off."""
        settings, user = self._settings, self._settings.test_user
        if not user or not settings.provisioning:
            return None
        mapper_set = self.endpoint.mapper_set
        return kzero.OnDemandProvisioning(
            name,
            service_principal_id=self.app.service_principal_id,
            job_id=self.job.job.job_id,
            user=user,
            verify=settings.verify_test_user,
            assigned_users=_assigned_beside(user, settings.users) if settings.scope == "assigned" else None,
            assigned_groups=settings.groups if settings.scope == "assigned" else None,
            rows=self.job.attribute_mappings.rows,
            mappers=mapper_set.mappers if mapper_set else kept_by_keycloak(settings),
            triggers={
                "credentials": self.job.credentials.settings_fingerprint,
                "mappings": self.job.attribute_mappings.fingerprint,
                "mappers": mapper_set.fingerprint if mapper_set else self._kept_fingerprint(),
            },
            opts=self._after([self.job.status, self.assignments.resource]),
        )

    @property
    def _child(self) -> pulumi.ResourceOptions:
        """The options of every child: this parent and its provider."""
        return pulumi.ResourceOptions(parent=self, providers=[self._kzero])

    def _after(self, first: pulumi.Input[Sequence[pulumi.Input[pulumi.Resource]]]) -> pulumi.ResourceOptions:
        """Return the options of a child that waits for other resources."""
        return pulumi.ResourceOptions.merge(self._child, pulumi.ResourceOptions(depends_on=first))

    def _kept_fingerprint(self) -> pulumi.Input[str]:
        """Return what changes when Keycloak's own SCIM API is set to keep other attributes."""
        return self.access.attributes.fingerprint if self.access and self.access.attributes else ""

    def _outputs(self, settings: TenantSettings, guard: pulumi.Output[Any]) -> dict[str, pulumi.Output[Any]]:
        endpoint, mapper_set = self.endpoint.endpoint, self.endpoint.mapper_set
        status = self.job.status
        found = pulumi.Output.all(
            tenant_url=endpoint.tenant_url,
            answer=endpoint.answer,
            alive=endpoint.alive,
            mappers=mapper_set.mappers if mapper_set else [],
            kept=None if mapper_set else list(kept_by_keycloak(settings)),
            rows=self.job.attribute_mappings.rows,
            service_principal_id=self.app.service_principal_id,
            job_id=self.job.job.job_id,
            schedule_state=status.schedule_state,
            quarantine=status.quarantine,
            test_result=self.job.connection_test.result,
            tested_at=self.job.connection_test.tested_at,
            on_demand_result=self.test.result if self.test else None,
            comparisons=self.test.comparisons if self.test else [],
            not_compared=self.test.not_compared if self.test else [],
            kzero_user_id=self.test.kzero_user_id if self.test else None,
        )

        def judged(assigned: Any) -> pulumi.Output[Any]:  # noqa: ANN401 - assignments by name, or None before any exist
            return found.apply(lambda values: as_output(judge(_evidence(settings, values | {"assigned": assigned}))))

        # Separate, because Output.all creates an output for each value inside its arguments, 4,000 for 1,000 users.
        checklist: pulumi.Output[Any] = self.assignments.assignments.apply(judged)
        return {
            "checklist": checklist,
            "tenantUrl": self.tenant_url,
            "applicationId": self.app.application_id,
            "servicePrincipalId": self.app.service_principal_id,
            "jobId": self.job.job.job_id,
            "provisioning": pulumi.Output.all(
                state=status.schedule_state,
                statusCode=status.status_code,
                lastCycle=status.last_cycle,
                lastSuccessfulCycle=status.last_successful_cycle,
                synchronizedEntries=status.synchronized_entries,
                quarantine=status.quarantine,
            ),
            "portalUrls": pulumi.Output.all(self.app.service_principal_id, self.app.application_id).apply(
                lambda ids: portal_urls(settings, ids[0], ids[1])
            ),
            "globalAdministrators": guard,
            "onDestroy": self.users.on_delete,
        }


def kept_by_keycloak(settings: TenantSettings) -> dict[str, dict[str, str]]:
    """Return what Keycloak's own SCIM API keeps, as mappers, for the comparison of the test user."""
    return {
        name: {"user_attribute": kept.user_attribute, "claim": kept.claim}
        for name, kept in native_scim.kept_attributes(settings.scim_attributes).items()
    }


def _users_names(name: str, on_destroy: str) -> tuple[str, str]:
    """Return the resource name for this ``onDestroy`` value and the name for the other value, kept as an alias.

    The name is the only text that `pulumi destroy --preview-only` shows.
    """
    kept, disabled = f"{name}-users-stay-as-they-are", f"{name}-users-are-disabled"
    return (disabled, kept) if on_destroy == "disable" else (kept, disabled)


def portal_urls(settings: TenantSettings, service_principal_id: str, application_id: str) -> dict[str, str]:
    """Return the addresses of the pages that show the tenant: three of Entra, two of KZero."""
    blade = f"{_ENTRA_PORTAL}/{settings.entra_tenant_id}/#view/Microsoft_AAD_IAM/ManagedAppMenuBlade/~"
    ids = f"objectId/{service_principal_id}/appId/{application_id}"
    return {
        "application": f"{blade}/Overview/{ids}",
        "usersAndGroups": f"{blade}/Users/{ids}",
        "provisioning": f"{blade}/Provisioning/{ids}",
        "kzeroDashboard": "https://dashboard.kzero.com/",
        "kzeroAdvancedConsole": f"{settings.kzero_server_url}/admin/{settings.kzero_tenant}/console/",
    }


def _assigned_beside(user: str, users: list[str]) -> list[str]:
    """Return the users to look for the test user among: only itself if it is listed."""
    return [user] if user in users else users


def _credentials(settings: TenantSettings, tenant_url: pulumi.Output[str], access: RemoteAccess | None) -> Credentials:
    return Credentials(
        tenant_url=tenant_url.apply(lambda url: f"{url}{settings.tenant_url_flag}"),
        allow_foreign_tenant_url=settings.allow_foreign_tenant_url,
        secret_token=access.secret_token if access else _secret(settings.secret_token),
        oauth2=access.oauth2 if access else None,
        scope=settings.scope,
        notification_email=settings.notification_email,
        deletion_threshold=settings.deletion_threshold,
    )


def _mappings(settings: TenantSettings) -> Mappings:
    rows = {
        row.target: {key: value for key, value in asdict(row).items() if key != "target" and value is not None}
        for row in settings.attribute_mappings
    }
    attributes = [asdict(attribute) for attribute in settings.custom_attributes]
    return Mappings(
        rows=rows or None,
        custom_attributes=attributes or None,
        provision_groups=settings.provision_groups,
        exclusive=settings.attribute_mappings_exclusive,
    )


def _evidence(settings: TenantSettings, values: dict[str, Any]) -> Evidence:
    given = dict(values)
    given["mappers"], given["rows"], given["assigned"] = (
        list(values[key] or ()) for key in ("mappers", "rows", "assigned")
    )
    return Evidence(
        application_name=settings.application_name,
        everybody=settings.scope == "all",
        test_user=settings.test_user,
        verify=settings.verify_test_user,
        **{key: value for key, value in given.items() if value is not None},
    )


def _secret(value: SecretStr | None) -> pulumi.Output[str] | None:
    return pulumi.Output.secret(value.get_secret_value()) if value else None


def _release(arguments: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
    """Make a destroy keep what was set up by hand and only remove it from the state."""
    released = pulumi.ResourceOptions(retain_on_delete=True)
    return pulumi.ResourceTransformationResult(arguments.props, pulumi.ResourceOptions.merge(arguments.opts, released))


def _lockout_guard(
    settings: TenantSettings, provider: kzero.Provider, parent: pulumi.Resource
) -> pulumi.Output[dict[str, Any]]:
    """Return which Global Administrators have an .onmicrosoft.com name, which the guide warns to keep."""
    if settings.lockout_guard == "off":
        return pulumi.Output.from_input({"checked": False})
    required = settings.lockout_guard == "require"

    async def look() -> dict[str, Any]:
        try:
            result = await kzero.ask_global_administrators(pulumi.InvokeOptions(parent=parent, provider=provider))
        except Exception as error:  # pulumi has no exception class for this
            if kzero.is_run_over(error):
                # Another resource failed and the engine ends the run. That error is already reported.
                return {"checked": False}
            if required:
                raise pulumi.RunError(str(error)) from error
            result = kzero.GlobalAdministrators(warning=f"could not check Global Administrators: {error}")
        if result.onmicrosoft:
            return {"checked": True, "onmicrosoft": list(result.onmicrosoft)}
        problem = result.warning or "no enabled Global Administrator has an .onmicrosoft.com name"
        reason = (
            f"{problem}. Make sure that at least one has an .onmicrosoft.com name, so that losing a custom domain "
            "cannot lock everyone out"
        )
        if required:
            message = f"lockoutGuard: {reason}; or set kzero-scim:lockoutGuard to warn"
            raise pulumi.RunError(plain(message))
        pulumi.log.warn(plain(reason), parent)
        return {"checked": True, "onmicrosoft": [], "warning": reason}

    return pulumi.Output.from_input(look())

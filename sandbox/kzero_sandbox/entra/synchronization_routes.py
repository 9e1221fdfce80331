"""Graph's synchronization operations: templates, jobs, secrets, schema, connection test, on-demand, logs.

Follows learn.microsoft.com/graph/api/resources/synchronization-overview.
"""

import copy
from collections.abc import Callable

from . import permissions
from .application_template import NON_GALLERY_TEMPLATE
from .audit import PROVISIONING_LOG
from .cycle import ProvisioningService
from .default_schema import default_schema
from .directory import Directory
from .expressions import FUNCTIONS, ExpressionError, Value, evaluate, parse
from .graph_errors import GraphError, not_found, refuse
from .graph_routing import GraphAnswer, GraphRequest, Json, Router, page
from .jobs import RESET_SCOPES, RESTART, TEMPLATES, Job, Jobs
from .schema_rules import check_schema
from .scim_client import ScimError

_FILTER_OPERATORS = (
    ("EQUALS", "String", 1), ("NOT EQUALS", "String", 1), ("REGEX MATCH", "String", 1),
    ("NOT REGEX MATCH", "String", 1), ("IS NULL", "String", 0), ("IS NOT NULL", "String", 0),
    ("IS TRUE", "Boolean", 0), ("IS FALSE", "Boolean", 0),
)  # fmt: skip


class SynchronizationRoutes:
    """The handlers for the synchronization jobs of one tenant."""

    def __init__(
        self, directory: Directory, jobs: Jobs, service: ProvisioningService, on_started: Callable[[Job], None]
    ) -> None:
        """Serve these jobs.

        Args:
            directory: The directory with the service principals.
            jobs: The jobs.
            service: Sends requests to targets.
            on_started: Receives each job that is started or restarted.
        """
        self._directory = directory
        self._jobs = jobs
        self._service = service
        self._on_started = on_started

    def register(self, router: Router) -> None:
        """Add the operations to the router's table."""
        read, write = permissions.READ_SYNCHRONIZATION, permissions.WRITE_SYNCHRONIZATION
        base = "/servicePrincipals/{principal}/synchronization"
        router.add("GET", f"{base}/templates", read, self.list_templates)
        router.add("GET", base + "/templates/{template}", read, self.get_template)
        router.add("GET", base + "/templates/{template}/schema", read, self.get_template_schema)
        router.add("GET", f"{base}/secrets", read, self.list_secrets)
        router.add("PUT", f"{base}/secrets", write, self.put_secrets)
        router.add("GET", f"{base}/jobs", read, self.list_jobs)
        router.add("POST", f"{base}/jobs", write, self.create_job)
        router.add("POST", f"{base}/jobs/validateCredentials", write, self.validate)
        job = base + "/jobs/{job}"
        router.add("GET", job, read, self.get_job)
        router.add("DELETE", job, write, self.delete_job)
        router.add("POST", f"{job}/start", write, self.start)
        router.add("POST", f"{job}/pause", write, self.pause)
        router.add("POST", f"{job}/restart", write, self.restart)
        router.add("POST", f"{job}/validateCredentials", write, self.validate)
        router.add("POST", f"{job}/provisionOnDemand", write, self.provision_on_demand)
        schema = f"{job}/schema"
        router.add("GET", schema, read, self.get_schema)
        router.add("PUT", schema, write, self.put_schema)
        router.add("PATCH", schema, write, self.patch_schema)
        router.add("DELETE", schema, write, self.reset_schema)
        for name, handler in (("functions", self.list_functions), ("filterOperators", self.list_operators)):
            router.add("GET", f"{schema}/{name}", write, handler)
            router.add("GET", f"{schema}/{name}()", write, handler)
        router.add("POST", f"{schema}/parseExpression", write, self.parse_expression)
        router.add("POST", schema + "/directories/{directory}/discover", write, self.discover)
        router.add("GET", "/auditLogs/provisioning", permissions.READ_LOGS, self.list_log)

    def _principal(self, principal: str) -> Json:
        if principal not in self._directory.service_principals:
            raise not_found(principal)
        return self._directory.service_principals[principal]

    def _job(self, principal: str, job: str) -> Job:
        self._principal(principal)
        return self._jobs.job(principal, job)

    # --- templates ---------------------------------------------------------------------------------------------------

    def _templates(self, principal: str) -> list[Json]:
        # Only an application created from the template supports provisioning: terraform-provider-azuread issue 1165.
        if self._principal(principal)["applicationTemplateId"] != NON_GALLERY_TEMPLATE:
            return []
        return [
            {
                "id": name,
                "applicationId": NON_GALLERY_TEMPLATE,
                "default": default,
                "description": None,
                "discoverable": default,
                "factoryTag": name,
                "metadata": [
                    {"key": "galleryApplicationIdentifier", "value": NON_GALLERY_TEMPLATE},
                    {"key": "galleryApplicationKey", "value": "customappsso"},
                    {"key": "supportsProvisionOnDemand", "value": "true"},
                ],
            }
            for name, default in TEMPLATES.items()
        ]

    def list_templates(self, request: GraphRequest, principal: str) -> GraphAnswer:
        """GET templates."""
        return page(request, self._templates(principal), f"servicePrincipals('{principal}')/synchronization/templates")

    def _template(self, principal: str, template: str) -> Json:
        for item in self._templates(principal):
            if item["id"] == template:
                return item
        raise not_found(template)

    def get_template(self, request: GraphRequest, principal: str, template: str) -> GraphAnswer:
        """GET templates/{id}."""
        found = self._template(principal, template)
        return GraphAnswer(200, {"@odata.context": request.context("synchronizationTemplate/$entity"), **found})

    def get_template_schema(self, request: GraphRequest, principal: str, template: str) -> GraphAnswer:
        """GET templates/{id}/schema: the schema of a new job."""
        self._template(principal, template)
        context = request.context("synchronizationSchema/$entity")
        return GraphAnswer(200, {"@odata.context": context, **default_schema(f"{template}.{'0' * 32}")})

    # --- secrets -----------------------------------------------------------------------------------------------------

    def list_secrets(self, request: GraphRequest, principal: str) -> GraphAnswer:
        """GET secrets: the keys, with hidden values."""
        self._principal(principal)
        held = self._jobs.secrets.get(principal, {})
        return page(request, [{"key": key, "value": "*"} for key in held], "synchronizationSecretKeyStringValuePair")

    def put_secrets(self, request: GraphRequest, principal: str) -> GraphAnswer:
        """PUT secrets."""
        self._principal(principal)
        pairs = request.json().get("value")
        if not isinstance(pairs, list):
            refuse("The request body must hold a list 'value'.", code="BadRequest")
        self._jobs.set_secrets(principal, pairs)
        return GraphAnswer(204)

    # --- jobs --------------------------------------------------------------------------------------------------------

    def list_jobs(self, request: GraphRequest, principal: str) -> GraphAnswer:
        """GET jobs."""
        self._principal(principal)
        jobs = [job.shown() for job in self._jobs.of(principal)]
        return page(request, jobs, f"servicePrincipals('{principal}')/synchronization/jobs")

    def create_job(self, request: GraphRequest, principal: str) -> GraphAnswer:
        """POST jobs."""
        service_principal = self._principal(principal)
        template = request.json().get("templateId")
        if not isinstance(template, str) or not self._templates(principal):
            refuse(f"Synchronization template '{template}' is not available for this application.", code="BadRequest")
        job = self._jobs.create(principal, service_principal["appId"], template)
        return GraphAnswer(201, self._shown(request, job))

    def _shown(self, request: GraphRequest, job: Job) -> Json:
        context = f"servicePrincipals('{job.service_principal_id}')/synchronization/jobs/$entity"
        return {"@odata.context": request.context(context), **job.shown()}

    def get_job(self, request: GraphRequest, principal: str, job: str) -> GraphAnswer:
        """GET jobs/{id}."""
        return GraphAnswer(200, self._shown(request, self._job(principal, job)))

    def delete_job(self, request: GraphRequest, principal: str, job: str) -> GraphAnswer:
        """DELETE jobs/{id}."""
        del request
        self._principal(principal)
        self._jobs.delete(principal, job)
        return GraphAnswer(204)

    def start(self, request: GraphRequest, principal: str, job: str) -> GraphAnswer:
        """POST start."""
        del request
        found = self._job(principal, job)
        found.start()
        self._on_started(found)
        return GraphAnswer(204)

    def pause(self, request: GraphRequest, principal: str, job: str) -> GraphAnswer:
        """POST pause."""
        del request
        self._job(principal, job).pause()
        return GraphAnswer(204)

    def restart(self, request: GraphRequest, principal: str, job: str) -> GraphAnswer:
        """POST restart; without criteria or scope, reset quarantine, watermark and escrows, as documented."""
        found = self._job(principal, job)
        body = request.body or {}
        criteria = body.get("criteria") if isinstance(body, dict) else None
        text = str((criteria or {}).get("resetScope") or "")
        scopes = {part.strip() for part in text.split(",") if part.strip()} or set(RESTART)
        for scope in sorted(scopes - RESET_SCOPES):
            refuse(f"Requested value '{scope}' was not found.", code="BadRequest")
        found.restart(scopes)
        self._on_started(found)
        return GraphAnswer(204)

    async def validate(self, request: GraphRequest, principal: str, job: str | None = None) -> GraphAnswer:
        """POST validateCredentials, of a job or of the jobs collection."""
        self._principal(principal)
        schema = default_schema("") if job is None else self._job(principal, job).schema
        body = request.json()
        given = body.get("credentials") or []
        if not all(isinstance(pair, dict) for pair in given):
            refuse("'credentials' must hold objects with a 'key' and a 'value'.", code="BadRequest")
        credentials = {str(pair.get("key")): str(pair.get("value")) for pair in given}
        if body.get("useSavedCredentials"):
            credentials = dict(self._jobs.secrets.get(principal, {}))
        try:
            await self._service.validate(credentials, schema)
        except ScimError as error:
            raise GraphError(
                400,
                "CredentialValidationUnavailable",
                f"We received this unexpected response from your application: {error.message}."
                " Please check the service and try again.",
                inner={
                    "code": "SystemForCrossDomainIdentityManagementCredentialValidationUnavailable",
                    "message": error.message,
                },
            ) from error
        return GraphAnswer(204)

    async def provision_on_demand(self, request: GraphRequest, principal: str, job: str) -> GraphAnswer:
        """POST provisionOnDemand for one subject."""
        found = self._job(principal, job)
        parameters: list[Json] = request.json().get("parameters") or []
        try:
            rule = parameters[0]["ruleId"]
            subject = parameters[0]["subjects"][0]
            object_id, kind = subject["objectId"], subject["objectTypeName"]
        except (TypeError, KeyError, IndexError) as error:
            message = "The request body must hold parameters with a ruleId and subjects."
            raise GraphError(400, "BadRequest", message) from error
        if rule not in {item["id"] for item in found.schema["synchronizationRules"]}:
            refuse(f"Synchronization rule '{rule}' was not found.", code="BadRequest")
        kind = {"user": "User", "group": "Group"}.get(str(kind).lower())
        if kind is None:
            refuse("objectTypeName must be 'User' or 'Group'.", code="BadRequest")
        outcome = await self._service.provision_on_demand(found, str(object_id), kind)
        context = request.context("microsoft.graph.stringKeyStringValuePair")
        return GraphAnswer(200, {"@odata.context": context, **outcome.answer()})

    # --- schema ------------------------------------------------------------------------------------------------------

    def get_schema(self, request: GraphRequest, principal: str, job: str) -> GraphAnswer:
        """GET schema."""
        context = request.context(f"servicePrincipals('{principal}')/synchronization/jobs('{job}')/schema/$entity")
        return GraphAnswer(200, {"@odata.context": context, **copy.deepcopy(self._job(principal, job).schema)})

    def put_schema(self, request: GraphRequest, principal: str, job: str) -> GraphAnswer:
        """PUT schema: replace the whole schema."""
        found = self._job(principal, job)
        check_schema(request.body)
        found.replace_schema({name: value for name, value in request.json().items() if not name.startswith("@")})
        return GraphAnswer(204)

    def patch_schema(self, request: GraphRequest, principal: str, job: str) -> GraphAnswer:
        """PATCH schema: Graph's metadata lists it, but the service answers 404 (msgraph-sdk-python issue 820)."""
        del request
        self._job(principal, job)
        uri = (
            f"https://syncfabric.windowsazure.com/api/servicePrincipals('{principal}')/synchronization/jobs('{job}')"
            "/schema?api-version=2.0"
        )
        message = f"No HTTP resource was found that matches the request URI '{uri}'."
        refuse('{"Message":"' + message + '"}', code="UnknownError", status=404)

    def reset_schema(self, request: GraphRequest, principal: str, job: str) -> GraphAnswer:
        """DELETE schema: restore the default schema."""
        del request
        found = self._job(principal, job)
        found.replace_schema(default_schema(found.id))
        return GraphAnswer(204)

    def list_functions(self, request: GraphRequest, principal: str, job: str) -> GraphAnswer:
        """GET schema/functions."""
        self._job(principal, job)
        functions = [
            {
                "name": function.name,
                "parameters": [
                    {
                        "allowMultipleOccurrences": name in function.repeated,
                        "name": name,
                        "required": index < function.required,
                        "type": "String",
                    }
                    for index, name in enumerate((*function.parameters, *function.repeated))
                ],
            }
            for function in FUNCTIONS.values()
        ]
        return page(request, functions, "functions")

    def list_operators(self, request: GraphRequest, principal: str, job: str) -> GraphAnswer:
        """GET schema/filterOperators."""
        self._job(principal, job)
        operators = [
            {
                "arity": "Unary" if not operands else "Binary",
                "id": name,
                "multivaluedComparisonType": "All",
                "name": name,
                "supportedAttributeTypes": [kind],
            }
            for name, kind, operands in _FILTER_OPERATORS
        ]
        return page(request, operators, "filterOperators")

    def parse_expression(self, request: GraphRequest, principal: str, job: str) -> GraphAnswer:
        """POST schema/parseExpression: answers 200 even for an invalid expression."""
        self._job(principal, job)
        body = request.json()
        answer: Json = {
            "@odata.context": request.context("microsoft.graph.parseExpressionResponse"),
            "error": None,
            "evaluationResult": [],
            "evaluationSucceeded": False,
            "parsedExpression": None,
            "parsingSucceeded": False,
        }
        try:
            answer["parsedExpression"] = parse(str(body.get("expression") or ""))
            answer["parsingSucceeded"] = True
            properties = (body.get("testInputObject") or {}).get("properties") or []
            entry: dict[str, Value] = {item["key"]: item["value"] for item in properties}
            result = evaluate(answer["parsedExpression"], entry)
            answer["evaluationResult"] = result if isinstance(result, list) else [] if result is None else [result]
            answer["evaluationSucceeded"] = True
        except (ExpressionError, KeyError, TypeError, ValueError) as error:
            answer["error"] = {"code": "InvalidExpression", "message": str(error), "tenantActionable": True}
        return GraphAnswer(200, answer)

    def discover(self, request: GraphRequest, principal: str, job: str, directory: str) -> GraphAnswer:
        """POST directories/{id}/discover: return the definition unchanged, as for all non-gallery applications."""
        for item in self._job(principal, job).schema["directories"]:
            if item["id"] == directory:
                return GraphAnswer(200, {"@odata.context": request.context("directoryDefinition/$entity"), **item})
        raise not_found(directory)

    def list_log(self, request: GraphRequest) -> GraphAnswer:
        """GET /auditLogs/provisioning, newest first."""
        return page(request, PROVISIONING_LOG.select(request, self._jobs.log), "auditLogs/provisioning", searched=True)

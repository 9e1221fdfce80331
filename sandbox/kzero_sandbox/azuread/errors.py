"""Errors that the plugin reports to the engine, one line each for the person who reads it. Must not know gRPC."""


class Refusal(Exception):  # noqa: N818 - an answer to the engine, not a fault of the plugin
    """The plugin cannot do what the engine requested; the message names the operation, its target and the answer."""


class GraphRefusal(Refusal):
    """Graph answered with an error.

    Attributes:
        status: The HTTP status.
        code: Graph's error code, for instance `Request_ResourceNotFound`.
        text: Graph's own message.
    """

    def __init__(self, request: str, *, status: int, code: str, text: str) -> None:
        """Build the message from the request (method and path) and Graph's answer."""
        super().__init__(f"{request}: Microsoft Graph answered {status} {code}: {text}")
        self.status = status
        self.code = code
        self.text = text


class Cancelled(Refusal):
    """The plugin ends while an operation waits."""

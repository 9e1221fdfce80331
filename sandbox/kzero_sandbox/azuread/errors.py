"""What the plugin refuses or what Graph refused, in one line for the person who reads it."""


class Refusal(Exception):  # noqa: N818 - it is an answer to the engine, not a defect of the plugin
    """The engine's request cannot be met; the message says what was done to what, and what was said."""


class GraphRefusal(Refusal):
    """Graph answered with an error.

    Attributes:
        status: The HTTP status.
        code: Graph's error code, for instance `Request_ResourceNotFound`.
        text: Graph's own message.
    """

    def __init__(self, request: str, *, status: int, code: str, text: str) -> None:
        """Put a message together from the request (method and path) and Graph's answer."""
        super().__init__(f"{request}: Microsoft Graph answered {status} {code}: {text}")
        self.status = status
        self.code = code
        self.text = text


class Cancelled(Refusal):
    """The engine cancelled while the plugin waited."""

"""The one way in which a request of the messages API is refused."""


class Refused(Exception):
    """Answer with this status and the text as `message`; `retry_after` is in seconds."""

    def __init__(self, status: int, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after

"""What every answer tells browsers: take it for what it says it is, run nothing, frame nothing."""

from flask import Flask, Response

# The console has a policy of its own: it stands where a page has not said otherwise.
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def add_to_all(app: Flask, *, public_url: str | None) -> None:
    """Add them to each answer that does not have them. Where the bridge's address is https, it stays so for a year."""
    added = dict(_HEADERS)
    if public_url and public_url.startswith("https://"):
        added["Strict-Transport-Security"] = "max-age=31536000"

    @app.after_request
    def secure(response: Response) -> Response:
        for name, value in added.items():
            response.headers.setdefault(name, value)
        return response

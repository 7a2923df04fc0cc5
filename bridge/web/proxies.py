"""What the proxies before us tell of a request: who called, and whether over TLS. Believed as far as we are told."""

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface
from werkzeug.middleware.proxy_fix import ProxyFix


def believe(app: Flask, proxies: int) -> None:
    """Have `request` name the client and the scheme that the outermost of so many proxies saw; 0 believes nobody.

    Each proxy adds the address that it was called from at the end of `X-Forwarded-For`, so what stands further left
    came with the request, and may be anything. `X-Forwarded-Host` is never believed: Heroku's router passes on
    whatever a client says there.
    """
    app.session_interface = _Sessions()
    if proxies:
        # Of the scheme the nearest proxy's word counts: most write the header anew instead of adding to it.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=1, x_host=0)  # type: ignore[method-assign]


class _Sessions(SecureCookieSessionInterface):
    """Sessions whose cookie travels over TLS only, wherever it is given over TLS."""

    def get_cookie_secure(self, app: Flask) -> bool:
        """Flask asks this for each cookie."""
        return request.is_secure or super().get_cookie_secure(app)

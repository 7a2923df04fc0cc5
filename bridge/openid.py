"""Who may log in to the console with an account of their company's: the settings of OpenID Connect."""

import importlib.util
import re
from dataclasses import dataclass, field

from bridge.environment import Environment, is_loopback, split_url

#: All of them; the first four are needed, and the first three say that OpenID Connect is wanted.
NAMES = (
    "CONSOLE_OIDC_ISSUER",
    "CONSOLE_OIDC_CLIENT_ID",
    "CONSOLE_OIDC_CLIENT_SECRET",
    "CONSOLE_ALLOWED_DOMAIN",
    "CONSOLE_OPERATORS",
)
_NEEDED, _WANTING = NAMES[:4], NAMES[:3]

_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
# It must fit the column of the audit list that says who acted.
_LONGEST_EMAIL = 100


@dataclass(frozen=True, kw_only=True)
class OpenId:
    """A provider, what it knows the bridge as, and whom of its people the console lets in. `operators` are e-mails."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    domain: str
    operators: frozenset[str]
    public_url: str

    @property
    def redirect_uri(self) -> str:
        """The address that the provider sends people back to, as it is registered there."""
        return f"{self.public_url}/console/oidc/callback"

    def role_of(self, email: str) -> str:
        """What one of the domain may do."""
        return "operator" if email in self.operators else "viewer"


def email_of(text: object, domain: str) -> str | None:
    """An e-mail of exactly this domain in lower case; None for anything else, whatever it looks like."""
    # ASCII before lower case: there are other letters whose lower case is one of ours.
    if not isinstance(text, str) or not text.isascii() or not text.isprintable() or len(text) > _LONGEST_EMAIL:
        return None
    email = text.lower()
    name, _, of = email.partition("@")
    return email if name and " " not in email and of == domain else None


def read(environment: Environment, public_url: str | None) -> OpenId | None:
    """The settings; None without any. Problems are noted, each with its setting."""
    given = {name: environment.text(name) for name in NAMES}
    if not any(given[name] for name in _WANTING):
        for name in NAMES[len(_WANTING) :]:
            if given[name]:
                environment.warnings.append(f"{name} does nothing without CONSOLE_OIDC_ISSUER")
        return None
    for name in _NEEDED:
        if not given[name]:
            environment.problem(name, f"is missing; to log in with OpenID Connect takes {', '.join(_NEEDED)}")
    _check_issuer(environment, given["CONSOLE_OIDC_ISSUER"])
    _check_public_url(environment, public_url)
    if importlib.util.find_spec("authlib") is None:
        environment.problem("CONSOLE_OIDC_ISSUER", "needs Authlib: pip install 'helpdesk-bridge[oidc]'")
    domain = (given["CONSOLE_ALLOWED_DOMAIN"] or "").lower()
    if domain and not _DOMAIN.fullmatch(domain):
        environment.problem("CONSOLE_ALLOWED_DOMAIN", "must be what follows the @ of your e-mails, such as example.com")
    return OpenId(
        issuer=given["CONSOLE_OIDC_ISSUER"] or "",
        client_id=given["CONSOLE_OIDC_CLIENT_ID"] or "",
        client_secret=given["CONSOLE_OIDC_CLIENT_SECRET"] or "",
        domain=domain,
        operators=_operators(environment, given["CONSOLE_OPERATORS"], domain),
        public_url=public_url or "",
    )


def is_safe(url: object) -> bool:
    """Whether secrets may go to this address: https, or this machine."""
    if not isinstance(url, str):
        return False
    parts = split_url(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)))


def _check_issuer(environment: Environment, issuer: str | None) -> None:
    parts = split_url(issuer or "")
    if issuer and (not is_safe(issuer) or parts.query or parts.fragment or "@" in parts.netloc):
        environment.problem("CONSOLE_OIDC_ISSUER", "must be an https address such as https://accounts.google.com")


def _check_public_url(environment: Environment, public_url: str | None) -> None:
    if not public_url:
        environment.problem(
            "PUBLIC_URL", "is missing; with OpenID Connect the provider sends people back to PUBLIC_URL"
        )
    elif not is_safe(public_url):
        environment.problem("PUBLIC_URL", "must be https, because people come back to it from OpenID Connect")


def _operators(environment: Environment, text: str | None, domain: str) -> frozenset[str]:
    given = {part.strip() for part in (text or "").split(",") if part.strip()}
    found = {part: email_of(part, domain) for part in given}
    if domain and (wrong := sorted(part for part, email in found.items() if email is None)):
        environment.problem("CONSOLE_OPERATORS", f"{', '.join(wrong)} is no e-mail of {domain}")
    return frozenset(email for email in found.values() if email)

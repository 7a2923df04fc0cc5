"""Connections and accounts: who may send webhooks to us, and under which brand their messages leave."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

from bridge.environment import Environment, is_loopback, split_url
from bridge.signing import PUBLIC_SECRETS

#: Settings of one connection: `<CONNECTION>_<SUFFIX>`.
CONNECTION_SUFFIXES = (
    "SECRETS",
    "ATTENTIVE_API_TOKEN",
    "ATTENTIVE_BRAND",
    "ATTENTIVE_API",
    "URL",
    "API_TOKEN",
    "EMAIL",
    "COUNTRY",
    "SIGNATURE_HEADER",
    "VERIFICATION",
)

#: The account of all connections that have no token of their own.
SHARED_ACCOUNT = "attentive"

#: What becomes of a webhook that cannot be verified: refused, or kept for a day while its texts are held.
Verification = Literal["enforce", "report"]

#: Which of Attentive's APIs: the legacy one, POST /1/messages, or the newer one, POST /v1/text/send.
Api = Literal["messages", "text"]

_WHERE_IT_IS = "Admin Center > Apps and integrations > Webhooks > the webhook > Reveal secret"

_CREDENTIALS = ("URL", "API_TOKEN", "EMAIL")
_CONNECTION_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")


@dataclass(frozen=True, kw_only=True)
class Connection:
    """One configured instance of a source. `account` names the Attentive brand its messages go to.

    `credentials` are those of the platform's REST API that are set: URL, API_TOKEN, EMAIL.
    `country` is the region to read a phone number in when its record names none. `verification` is what is set: what
    holds is in the database too, because `report` ends.
    """

    name: str
    source: str
    secrets: tuple[str, ...] = field(repr=False)
    account: str = SHARED_ACCOUNT
    signature_header: str | None = None
    country: str | None = None
    verification: Verification = "enforce"
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Account:
    """One Attentive brand. Without a token its messages wait. `api` is the one that the token is for."""

    name: str
    token: str | None = field(default=None, repr=False)
    brand: str | None = None
    api: Api = "messages"


def setting_prefix(connection: str) -> str:
    """`shop-eu` -> `SHOP_EU`: how a connection's name is written in settings."""
    return connection.upper().replace("-", "_")


class ConnectionReader:
    """Reads all connections and accounts; `accounts` is complete once `connections()` is exhausted."""

    def __init__(self, environment: Environment, sources: Collection[str]) -> None:
        self._env = environment
        self._sources = sources
        token, brand = environment.token("ATTENTIVE_API_TOKEN"), environment.text("ATTENTIVE_BRAND")
        self._api = self._read_api("ATTENTIVE_API", "messages")
        self.accounts = {SHARED_ACCOUNT: Account(name=SHARED_ACCOUNT, token=token, brand=brand, api=self._api)}

    def connections(self) -> Iterator[Connection]:
        """Each connection that has a secret; what is wrong is noted as problems."""
        named = self._env.text("CONNECTIONS")
        prefixes: dict[str, str] = {}
        for name, source in self.names():
            prefix = setting_prefix(name)
            if prefix in prefixes:
                self._env.problem("CONNECTIONS", f"{prefixes[prefix]} and {name} share the settings {prefix}_…")
                continue
            prefixes[prefix] = name
            secrets = self._secrets(f"{prefix}_SECRETS")
            if secrets:
                yield self._connection(name, source, prefix, secrets)
            elif named:
                self._env.problem(f"{prefix}_SECRETS", f"is not set; the connection {name} cannot verify its webhooks")

    def names(self) -> list[tuple[str, str]]:
        """The name and source of each connection that there may be, with or without a secret."""
        named = self._env.text("CONNECTIONS")
        return list(self._named_connections(named)) if named else [(source, source) for source in self._sources]

    def connection(self, name: str, source: str) -> Connection:
        """One connection, also where it has no secret yet."""
        prefix = setting_prefix(name)
        return self._connection(name, source, prefix, self._secrets(f"{prefix}_SECRETS"))

    def _named_connections(self, named: str) -> Iterator[tuple[str, str]]:
        for part in named.split(","):
            name, separator, source = (piece.strip() for piece in part.partition("="))
            if not separator or not _CONNECTION_NAME.fullmatch(name):
                self._env.problem("CONNECTIONS", f"{part.strip()!r} must be name=source, such as shop-eu=shopify")
            elif source not in self._sources:
                known = ", ".join(sorted(self._sources))
                self._env.problem("CONNECTIONS", f"{name} has the unknown source {source!r}; known: {known}")
            else:
                yield name, source

    def _secrets(self, name: str) -> tuple[str, ...]:
        """Secrets verbatim, newest first; only a comma inside one is written %2C."""
        parts = (part.strip() for part in (self._env.text(name) or "").split(","))
        secrets = tuple(re.sub("%2c", ",", part, flags=re.IGNORECASE) for part in parts if part)
        for public in PUBLIC_SECRETS.keys() & set(secrets):
            whose = PUBLIC_SECRETS[public]
            self._env.problem(name, f"is {whose}, which anybody knows; use the webhook's own ({_WHERE_IT_IS})")
        return secrets

    def _connection(self, name: str, source: str, prefix: str, secrets: tuple[str, ...]) -> Connection:
        header = self._env.text(f"{prefix}_SIGNATURE_HEADER")
        if header and not _HEADER_NAME.fullmatch(header):
            self._env.problem(f"{prefix}_SIGNATURE_HEADER", f"{header!r} is no header name")
        credentials = {suffix: value for suffix in _CREDENTIALS if (value := self._env.text(f"{prefix}_{suffix}"))}
        url = credentials.get("URL", "https://example")
        if split_url(url).scheme != "https" and not is_loopback(url):
            self._env.problem(f"{prefix}_URL", "must be an https address, such as https://example.zendesk.com")
        return Connection(
            name=name,
            source=source,
            secrets=secrets,
            account=self._account(name, prefix),
            signature_header=header.lower() if header else None,
            country=self._env.country(f"{prefix}_COUNTRY"),
            verification=cast(
                Verification, self._env.choice(f"{prefix}_VERIFICATION", "enforce", get_args(Verification))
            ),
            credentials=credentials,
        )

    def _account(self, connection: str, prefix: str) -> str:
        """The account a connection's messages go to: one per token, since limits and duplicates are per token.

        A brand of its own without a token of its own waits for one: another brand's would be the wrong sender.
        """
        token = self._env.token(f"{prefix}_ATTENTIVE_API_TOKEN")
        brand = self._env.text(f"{prefix}_ATTENTIVE_BRAND")
        api = self._read_api(f"{prefix}_ATTENTIVE_API", self._api)
        if not token and not brand:
            self._check_api(prefix, api, self.accounts[SHARED_ACCOUNT])
            return SHARED_ACCOUNT
        for account in self.accounts.values():
            if token and account.token == token:
                if brand and brand != account.brand:
                    other = f"the account {account.name!r} has the same token and is the same brand"
                    self._env.warnings.append(f"{prefix}_ATTENTIVE_BRAND is not used: {other}")
                self._check_api(prefix, api, account)
                return account.name
        self.accounts[connection] = Account(name=connection, token=token, brand=brand, api=api)
        return connection

    def _read_api(self, name: str, default: Api) -> Api:
        return cast(Api, self._env.choice(name, default, get_args(Api)))

    def _check_api(self, prefix: str, api: Api, account: Account) -> None:
        """A token is for one of the APIs."""
        if api != account.api:
            theirs = f"the account {account.name!r}, whose token it would use, sends through {account.api!r}"
            self._env.problem(f"{prefix}_ATTENTIVE_API", f"needs a {prefix}_ATTENTIVE_API_TOKEN of its own: {theirs}")

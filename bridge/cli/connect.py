"""`bridge connect`: makes and repairs the webhooks at the platform, and gets their signing secret where it is told."""

import secrets
import sys
from collections.abc import Collection
from dataclasses import dataclass, field

import click

from bridge import sources
from bridge.cli import connect_report, env_file
from bridge.cli.connect_report import Report, Secret, SecretState
from bridge.connections import Connection, ConnectionReader, setting_prefix
from bridge.environment import Environment, split_url
from bridge.errors import ConnectFailed, Misconfigured
from bridge.platforms import connecting
from bridge.platforms.connecting import Connector, Target
from bridge.platforms.connecting.api import Api
from bridge.platforms.connecting.carrying_out import Result, carry_out, look


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the command line asks for."""

    only_look: bool
    write_env: bool
    show_secret: bool
    set_secret: bool


@dataclass(frozen=True, kw_only=True)
class Job:
    """One connection to connect. `new_secret` is one we have chosen for it, because it has none."""

    connection: Connection
    connector: Connector
    api: Api
    url: str
    new_secret: str | None = field(default=None, repr=False)

    @property
    def setting(self) -> str:
        """The name of the setting that holds its secrets."""
        return f"{setting_prefix(self.connection.name)}_SECRETS"


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="CONNECTION...")
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing, there and here.")
@click.option("--check", is_flag=True, help="The same, with exit status 1 if anything is left to do: for a cron job.")
@click.option("--write-env", is_flag=True, help="Write the signing secret into the file .env.")
@click.option("--show-secret", is_flag=True, help="Print the setting with the signing secret in it.")
@click.option("--set-secret", is_flag=True, help="WooCommerce: set the newest secret at webhooks that are right, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def connect(
    names: tuple[str, ...],
    dry_run: bool,
    check: bool,
    write_env: bool,
    show_secret: bool,
    set_secret: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Make or repair the webhooks of CONNECTION at its platform: shopify, zendesk, kustomer, woocommerce.

    They lead to PUBLIC_URL/hooks/CONNECTION. Webhooks that lead elsewhere are never touched, and none is deleted. A
    platform's name stands for all its connections. Exit status 1: refused, or something is left for you to do.
    """
    wish = Wish(only_look=dry_run or check, write_env=write_env, show_secret=show_secret, set_secret=set_secret)
    reports = [_connect(job, wish) for job in _jobs(names, wish)]
    connect_report.show(reports, as_json=as_json)
    only_told = dry_run and not check
    if any(report.failed or (report.left_to_do and not only_told) for report in reports):
        sys.exit(1)


def _jobs(names: tuple[str, ...], wish: Wish) -> list[Job]:
    """What to do, before anybody is asked. Raises Misconfigured with every problem, UsageError."""
    environment = Environment()
    connectors = connecting.discover()
    reader = ConnectionReader(environment, sorted({*sources.discover(), *connectors}))
    pairs = _chosen(names, dict(reader.names()), connectors)
    public_url = _public_url(environment)
    jobs = []
    for name, source in pairs:
        connection, connector = reader.connection(name, source), connectors[source]
        job = _job(environment, connection, connector, f"{public_url}/hooks/{name}", wish)
        if job:
            jobs.append(job)
    if problems := environment.problems():
        raise Misconfigured(problems)
    return jobs


def _chosen(names: tuple[str, ...], known: dict[str, str], connectors: Collection[str]) -> list[tuple[str, str]]:
    """The connections that are meant, with their sources."""
    able = {name: source for name, source in known.items() if source in connectors}
    chosen: dict[str, str] = {}
    for name in names:
        meant = {name: known[name]} if name in known else {one: known[one] for one in able if known[one] == name}
        if not meant:
            raise click.UsageError(f"there is no connection {name!r} to connect; there are: {', '.join(able)}")
        if not meant.keys() <= able.keys():
            raise click.UsageError(f"webhooks of {known[name]} are made by hand, as its set-up page says")
        chosen |= meant
    return list(chosen.items())


def _public_url(environment: Environment) -> str:
    url = (environment.text("PUBLIC_URL") or "").rstrip("/")
    parts = split_url(url)
    if not url:
        environment.problem(
            "PUBLIC_URL", "is not set; it is where webhooks are sent, such as https://bridge.example.com"
        )
    elif parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        environment.problem("PUBLIC_URL", "must be an https address, such as https://bridge.example.com")
    return url


def _job(environment: Environment, connection: Connection, connector: Connector, url: str, wish: Wish) -> Job | None:
    prefix = setting_prefix(connection.name)
    missing = [suffix for suffix in connector.required if not connection.credentials.get(suffix)]
    for suffix in missing:
        wanted = f"is not set; {connector.title}'s API needs it ({connector.required[suffix]})"
        environment.problem(f"{prefix}_{suffix}", wanted)
    new_secret = None
    if connector.secret_is_ours and not connection.secrets:
        new_secret = secrets.token_urlsafe(32)
        if not (wish.only_look or wish.write_env or wish.show_secret):
            wanted = "is not set; choose a secret, or let one be made: --write-env, or --show-secret"
            environment.problem(f"{prefix}_SECRETS", wanted)
    if wish.write_env and not env_file.is_heard(f"{prefix}_SECRETS"):
        wanted = f"is set in the environment, which goes before {env_file.PATH}; use --show-secret and set it there"
        environment.problem(f"{prefix}_SECRETS", wanted)
    if missing:
        return None
    words = {suffix: f"{prefix}_{suffix}" for suffix in connector.required}
    hidden = [*connection.secrets, *([new_secret] if new_secret else [])]
    try:
        api = Api(connector, connection.credentials, words, hidden=hidden)
    except ValueError as error:
        suffix, _, what = str(error).partition(" ")
        environment.problem(f"{prefix}_{suffix}", what)
        return None
    return Job(connection=connection, connector=connector, api=api, url=url, new_secret=new_secret)


def _connect(job: Job, wish: Wish) -> Report:
    """Do it for one connection; what goes wrong with it is in the report, so that the others are done all the same."""
    connection, connector = job.connection, job.connector
    secret = job.new_secret or next(iter(connection.secrets), None)
    target = Target(url=job.url, name=f"Helpdesk bridge: {connection.name}", secret=secret)
    set_secret = connector.secret_is_ours and (wish.set_secret or job.new_secret is not None)
    report = Report(
        connection=connection.name,
        source=connection.source,
        title=connector.title,
        at=connection.credentials["URL"],
        url=job.url,
    )
    try:
        planned = look(connector, job.api, job.url, set_secret=set_secret)
        if job.new_secret and wish.write_env and not wish.only_look:
            # Before the platform has it: afterwards nobody could tell it again.
            env_file.write(job.setting, job.new_secret)
        result = carry_out(connector, job.api, target, planned, only_look=wish.only_look)
    except ConnectFailed as error:
        return report.with_error(str(error))
    finally:
        job.api.close()
    return report.with_result(result, _secret(job, wish, result))


def _secret(job: Job, wish: Wish, result: Result) -> Secret:
    """Where the signing secret is now, and what is left to do about it."""
    have = job.connection.secrets
    new = (job.new_secret,) if job.new_secret else tuple(one for one in result.secrets if one not in have)
    if not new:
        return _nothing_new(job, result)
    value = ",".join(one.replace(",", "%2C") for one in dict.fromkeys((*new, *have)))
    shown = value if wish.show_secret and not wish.only_look else None
    if wish.write_env and not wish.only_look:
        if not job.new_secret:
            env_file.write(job.setting, value)
        return Secret(setting=job.setting, state="written", value=shown)
    if shown:
        return Secret(setting=job.setting, state="shown", value=shown)
    return Secret(setting=job.setting, state="missing", hint="run it with --write-env or --show-secret")


def _nothing_new(job: Job, result: Result) -> Secret:
    connector, have = job.connector, job.connection.secrets
    state: SecretState = "unchecked" if have else "missing"
    if connector.secret_is_ours and result.kept:
        hint = f"{connector.title} does not tell it; --set-secret sets it again"
        return Secret(setting=job.setting, state="unchecked", hint=hint)
    if result.secrets or any(outcome.state == "done" for outcome in result.outcomes if connector.secret_is_ours):
        return Secret(setting=job.setting, state="set")
    if connector.secret_is_ours:
        return Secret(setting=job.setting, state="unchecked", hint=f"{connector.title} gets it with the webhook")
    if connector.ask_secret is None:
        return Secret(setting=job.setting, state=state, hint=f"it must be {connector.found_at}")
    # Without an error there is no webhook yet that has a secret: a dry run, or all was refused.
    hint = result.secret_error or ("" if have else "run it with --write-env or --show-secret")
    return Secret(setting=job.setting, state=state, hint=hint)

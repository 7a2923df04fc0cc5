"""Does PUBLIC_URL lead to a bridge? Asked from here; platforms come from the other side of the network."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

from bridge.doctor.finding import Finding
from bridge.doctor.storage import clock_finding
from bridge.settings import Settings

_SECONDS = 10.0


def examine(given: Settings) -> Iterator[Finding]:
    """Whether /health/live answers there, and what its clock says."""
    if not given.public_url:
        if given.connections:
            todo = "set it to the address that platforms call, such as https://bridge.example.com"
            yield Finding(about="address", state="warning", says="PUBLIC_URL is not set", todo=todo)
        return
    url = f"{given.public_url}/health/live"
    todo = "look at the name's DNS, the certificate and the proxy, and whether `bridge web` runs behind it"
    try:
        # Not through a proxy of this machine's: platforms have another way.
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(url, timeout=_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        says = f"{url} cannot be reached ({type(error).__name__})"
        yield Finding(about="address", state="problem", says=says, todo=todo)
        return
    if answer.status_code != requests.codes.ok or '"status"' not in answer.text[:1000]:
        says = f"{url} answers {answer.status_code}, and not as a bridge does"
        yield Finding(about="address", state="problem", says=says, todo=todo)
        return
    yield Finding(about="address", state="ok", says=f"{given.public_url} leads to a bridge")
    try:
        there = parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError):
        return
    # The header has no fractions.
    ahead = (there - datetime.now(UTC)).total_seconds()
    yield clock_finding(
        ahead if abs(ahead) > 1 + answer.elapsed.total_seconds() else 0.0, f"that of {given.public_url}"
    )

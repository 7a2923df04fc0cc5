"""The addresses that a platform may have called, and signed, instead of the one the bridge takes for its own."""

from collections.abc import Iterator, Mapping
from itertools import product
from urllib.parse import unquote, urlsplit, urlunsplit

_LONGEST = 2048
_MOST = 60


def forms(url: str, headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """How each address differs from `url`, without repeating what a stranger wrote; first the likely ones."""
    try:
        parts = urlsplit(url[:_LONGEST])
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return
    host = parts.netloc.removesuffix(port)
    hosts = {"": parts.netloc, "without its port": host if port else ""}
    for header in ("x-forwarded-host", "x-original-host", "host"):
        hosts[f"with the host that the {header} header names"] = headers.get(header, "").partition(",")[0].strip()[:255]
    paths = {
        "": parts.path,
        "with a slash at its end": parts.path.rstrip("/") + "/",
        "without a slash at its end": parts.path.rstrip("/"),
        "with its percent-encoded characters as themselves": unquote(parts.path),
    }
    queries = {
        "": parts.query,
        "without what follows the ?": "",
        "with what follows the ? as plain text": unquote(parts.query),
    }
    schemes = {"" if one == parts.scheme else f"with {one}": one for one in ("https", "http")}
    combined = sorted(product(schemes, hosts, paths, queries), key=lambda names: sum(map(bool, names)))
    seen = {url}
    for scheme, where, path, query in combined[:_MOST]:
        found = urlunsplit((schemes[scheme], hosts[where], paths[path], queries[query], ""))
        if hosts[where] and found not in seen:
            seen.add(found)
            yield ", ".join(filter(None, (scheme, where, path, query))), found

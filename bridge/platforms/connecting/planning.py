"""What must change at a platform: its webhooks as they are, against what the bridge needs. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from bridge.platforms.connecting import Connector, Hook

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, kw_only=True)
class Change:
    """One webhook to make (`hook` is None) or to repair, so that it tells these topics. `why` says what is wrong."""

    action: Literal["create", "repair"]
    topics: tuple[str, ...]
    hook: Hook | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to change, which webhooks are right as they are, and what a person should know and decide."""

    changes: tuple[Change, ...]
    kept: tuple[Hook, ...]
    notes: tuple[str, ...]


def plan(connector: Connector, hooks: Iterable[Hook], url: str, *, set_secret: bool = False) -> Plan:
    """The changes that make the webhooks at `url` tell all topics. `set_secret` repairs also those that are right.

    Others are never changed: those that lead to the same path elsewhere are noted, the rest is none of our business.
    """
    hooks = sorted(hooks, key=lambda hook: len(hook.faults))
    ours = [hook for hook in hooks if _same(hook.url, url)]
    notes = [_elsewhere(connector, hook, url) for hook in hooks if hook not in ours and _looks_like(hook.url, url)]
    groups = [(topic,) for topic in connector.topics] if connector.one_each else [connector.topics]
    changes: list[Change] = []
    kept: list[Hook] = []
    for topics in groups:
        able = [hook for hook in ours if not connector.one_each or topics[0] in hook.topics]
        if not able:
            changes.append(Change(action="create", topics=topics))
            continue
        chosen = _choose(able, topics)
        change = _repair(chosen, topics, set_secret=set_secret)
        if change:
            changes.append(change)
        else:
            kept.append(chosen)
        notes += _beside(connector, chosen, [hook for hook in able if hook is not chosen])
    return Plan(changes=tuple(changes), kept=tuple(kept), notes=tuple(notes))


def _choose(hooks: Sequence[Hook], topics: tuple[str, ...]) -> Hook:
    """The one that is nearest to right. Those of triggers first: they are a person's work, and tell the same events."""
    return min(hooks, key=lambda hook: (len(hook.faults), not hook.by_triggers, len({*topics} - hook.topics)))


def _repair(hook: Hook, topics: tuple[str, ...], *, set_secret: bool) -> Change | None:
    missing = () if hook.by_triggers else tuple(topic for topic in topics if topic not in hook.topics)
    faults = [*hook.faults, *([f"does not tell {', '.join(missing)}"] if missing else [])]
    if not faults and not set_secret:
        return None
    # What a person has added to it stays.
    others = tuple(sorted(hook.topics.difference(topics)))
    why = "; ".join(faults) or "gets its secret again"
    return Change(action="repair", topics=(*topics, *others), hook=hook, why=why)


def _beside(connector: Connector, chosen: Hook, others: Iterable[Hook]) -> list[str]:
    """What to say of more webhooks that lead to us, where they tell the same things twice."""
    notes = []
    for other in others:
        if other.faults:
            continue
        twice = (
            "customers may get two texts"
            if other.by_triggers != chosen.by_triggers
            else "everything arrives twice (and is texted once)"
        )
        notes.append(f"webhook {other.id} leads here too, so {twice}; delete one of them at {connector.title}")
    return notes


def _elsewhere(connector: Connector, hook: Hook, url: str) -> str:
    leads = f"webhook {hook.id} leads to {_without_query(hook.url)}, not to {url}"
    return f"{leads}: not touched; if it is an old one, delete it at {connector.title}"


def _same(one: str, other: str) -> bool:
    return _parts(one) == _parts(other) is not None


def _looks_like(one: str, url: str) -> bool:
    """Whether it leads to a path that ends as ours does: the bridge under another name, or with a query."""
    path = (_parts(url) or ("", "", 0, "", ""))[3]
    tail = "/".join(path.rsplit("/", 2)[-2:])
    parts = _parts(one)
    return parts is not None and parts[3].rstrip("/").endswith("/" + tail)


def _parts(url: str) -> tuple[str, str, int, str, str] | None:
    try:
        parts = urlsplit(url.strip())
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    return parts.scheme, parts.hostname or "", port, parts.path, parts.query


def _without_query(url: str) -> str:
    """The address without what may hold a secret."""
    parts = _parts(url)
    if parts is None:
        return "another address"
    scheme, host, port, path, query = parts
    return f"{scheme}://{host}{'' if port == _PORTS.get(scheme) else f':{port}'}{path}{'?…' if query else ''}"

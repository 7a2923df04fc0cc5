"""Which values of a template hold an address."""

import re

from jinja2 import nodes

Path = tuple[str | int, ...]

#: Fields of our own that hold an address. In `raw` it is told by the name.
ADDRESS_FIELDS = ("shipment.tracking_url", "order.status_url", "ticket.url")
_ADDRESS_NAME = re.compile(r"(?:(?:^|_)ur[il]|[a-z]Ur[il])\Z", re.ASCII)
_LIST_NAME = re.compile(r"(?:(?:^|_)ur[il]s|[a-z]Ur[il]s)\Z", re.ASCII)


def address_of(node: nodes.Node) -> str:
    """The dotted name of a field that holds an address, or nothing."""
    if isinstance(node, nodes.Filter) and node.name in ("first", "last") and node.node and not node.args:
        path = _path(node.node)
        return f"{_dotted(path)} | {node.name}" if _is_raw(path, _LIST_NAME) else ""
    path = _path(node)
    if _dotted(path) in ADDRESS_FIELDS or _is_raw(path, _ADDRESS_NAME):
        return _dotted(path)
    return _dotted(path) if path and isinstance(path[-1], int) and _is_raw(path[:-1], _LIST_NAME) else ""


def _is_raw(path: Path, name: re.Pattern[str]) -> bool:
    """Whether this is a part of the webhook's own JSON with a name that ends like `name`."""
    last = path[-1] if len(path) > 1 and path[0] == "raw" else None
    return isinstance(last, str) and name.search(last) is not None


def _path(node: nodes.Node) -> Path:
    """The names and numbers from the root to this node, or nothing where it is not a plain chain."""
    match node:
        case nodes.Name():
            return (node.name,)
        case nodes.Getattr(node=owner, attr=str() as name):
            return (*_path(owner), name) if _path(owner) else ()
        case nodes.Getitem(node=owner, arg=nodes.Const(value=str() | int() as key)):
            return (*_path(owner), key) if _path(owner) else ()
    return ()


def _dotted(path: Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def is_path(node: nodes.Node) -> bool:
    """Whether this is a value by its name, such as `order.id`."""
    return bool(_path(node))

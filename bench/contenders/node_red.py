"""(c): the same job as a flow in Node-RED. It keeps nothing: what is under way when it ends is lost."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from contenders import PROGRAMS, Contender, Running
from load import SECRET

_PACKAGE = "node-red@4"
_SETTINGS = """module.exports = {
    uiHost: "127.0.0.1",
    flowFile: "flows.json",
    telemetry: {enabled: false, updateNotification: false},
}
"""


def contender(folder: Path) -> Contender:
    """Node-RED with its defaults, installed into `folder` if it is not there yet."""
    return Contender(
        key="node-red",
        title="(c) Node-RED",
        start=lambda running: _start(running, _installed(folder)),
        why_not=_why_not,
        version=lambda: f"Node-RED {json.loads((_installed(folder) / 'package.json').read_text())['version']}",
    )


def _start(running: Running, package: Path) -> None:
    place = running.place
    running.settings = {
        "SHOPIFY_SECRET": SECRET,
        "MESSAGES_URL": f"http://127.0.0.1:{place.attentive_port}/1/messages",
        "ATTENTIVE_API_TOKEN": "bench",
    }
    (place.directory / "settings.js").write_text(_SETTINGS)
    shutil.copy(PROGRAMS / "node_red_flows.json", place.directory / "flows.json")
    command = ["node", str(package / "red.js"), "--userDir", str(place.directory), "--port", str(place.port)]
    running.start("web", command)


def _why_not() -> str | None:
    missing = [name for name in ("node", "npm") if not shutil.which(name)]
    return f"there is no {' and no '.join(missing)} on PATH" if missing else None


def _installed(folder: Path) -> Path:
    """Where the package is, after installing it if need be."""
    package = folder / "node_modules" / "node-red"
    if not package.exists():
        print(f"installing {_PACKAGE} into {folder}", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), _PACKAGE]
        subprocess.run(command, check=True, stdout=sys.stderr)
    return package

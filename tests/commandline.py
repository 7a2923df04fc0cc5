"""The product's command line in a process that was forked for it. Imports nothing that the product does not."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bridge.cli import main

Prepare = Callable[[], None]


def run(
    arguments: Sequence[str],
    env: Mapping[str, str],
    directory: Path,
    out: Path,
    err: Path,
    prepare: Prepare | None = None,
) -> None:
    """Be `bridge <arguments>` in `directory`, printing to these files. `prepare` is called before."""
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(env)
    for stream, path in ((1, out), (2, err)):
        with path.open("ab") as output:
            os.dup2(output.fileno(), stream)
    if prepare:
        prepare()
    sys.argv = ["bridge", *arguments]
    main()

"""(a): a Flask application that does nothing, in the gunicorn of the bridge with the bridge's settings.

python bench/contenders/noop.py PORT
"""

import sys

from flask import Flask

from bridge.settings import Settings
from bridge.web.server import Server


def create_app() -> Flask:
    """One route, one word."""
    app = Flask("noop", static_folder=None)

    @app.post("/hooks/shopify")
    def receive() -> str:
        """Acknowledge."""
        return "ok"

    return app


if __name__ == "__main__":
    settings = Settings.from_env(())
    Server(create_app, bind=f"127.0.0.1:{sys.argv[1]}", workers=settings.web_concurrency, loglevel="warning").run()

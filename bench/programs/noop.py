"""A Flask application that does nothing: what no application in this web server can be faster than."""

from flask import Flask

app = Flask(__name__)


@app.post("/hooks/shopify")
def receive() -> str:
    """Acknowledge."""
    return "ok"

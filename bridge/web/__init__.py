"""The web process: receives webhooks, and answers for its health."""

from bridge.web.app import create_app

__all__ = ["create_app"]

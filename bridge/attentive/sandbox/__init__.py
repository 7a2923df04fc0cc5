"""The local server that plays Attentive's two APIs for single messages and shows a phone.

    POST /1/messages   messages_api.py   what Attentive's page says, as far as it says it
    POST /v1/text/send text_api.py       the newer API likewise, and GET /v1/me
    one POST           exchange.py       read, fail as ordered, keep, answer
    how much           quota.py          requests a second and names a day, for each token of the newer API
    the fields         schemas.py        what a request and a setting must look like, with every problem named
    the picture        media.py          what a mediaUrl holds
    what happened      state.py          messages, attempts, subscribers, faults; in memory only
    the lists          newest.py         which rows are kept
    /api/*             control_api.py    look at it, clear it, choose subscribers, order faults
    /api/webhooks      webhooks.py       where Attentive's own webhooks go; /api/phone answers a text
    /api/samples       samples_api.py    which samples can be sent at a click, and sending one
    GET /              templates/, static/   the phone

It reads phone numbers by itself and shares no rule with the bridge: a judge does not ask the judged.
"""

from bridge.attentive.sandbox.app import create_app
from bridge.attentive.sandbox.samples_api import Shelf
from bridge.attentive.sandbox.webhooks import Target

__all__ = ["Shelf", "Target", "create_app"]

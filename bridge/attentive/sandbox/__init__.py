"""The local server that plays Attentive's transactional messages API and shows a phone.

    POST /1/messages   messages_api.py   what Attentive's page says, as far as it says it
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

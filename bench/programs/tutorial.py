"""The bridge's job as a tutorial on Flask, Celery and Redis would do it.

A decent tutorial: it checks the signature in constant time, answers before it sends, and repeats what fails.
"""

import base64
import hashlib
import hmac
import os

import requests
from celery import Celery
from flask import Flask, abort, request
from jinja2 import Template

app = Flask(__name__)
celery = Celery("tutorial", broker=os.environ["REDIS_URL"])

TEXT = Template(
    "Thanks for your order, {{ customer.first_name }}! We've got order {{ name }} "
    "(${{ total_price }}) and will let you know when it's on its way."
)


@app.post("/hooks/shopify")
def shopify() -> str:
    """Check the signature and leave the rest to the worker."""
    digest = hmac.new(os.environ["SHOPIFY_SECRET"].encode(), request.get_data(), hashlib.sha256).digest()
    signature = request.headers.get("X-Shopify-Hmac-Sha256", "")
    if not hmac.compare_digest(base64.b64encode(digest), signature.encode()):
        abort(401)
    send_text.delay(request.get_json())
    return "ok"


@celery.task(autoretry_for=(requests.RequestException,), retry_backoff=True, max_retries=5)
def send_text(order: dict) -> None:
    """Render the text and post it to Attentive."""
    response = requests.post(
        f"{os.environ['ATTENTIVE_URL']}/1/messages",
        json={"to": order["phone"], "body": TEXT.render(order), "type": "TRANSACTIONAL"},
        headers={"Authorization": f"Bearer {os.environ['ATTENTIVE_API_TOKEN']}"},
        timeout=10,
    )
    response.raise_for_status()

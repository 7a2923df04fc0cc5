"""The messages API as an OpenAPI document, made from the schemas that read its requests and make its answers."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

from marshmallow import Schema

from bridge.attentive.transactional import SendSchema
from bridge.web.messages_api.answers import OutcomeSchema, ProblemSchema, TakenSchema

_EXAMPLE = {
    "to": "+12125550123",
    "body": "Your order of XYZ has been placed for $49.99. You will receive another text alert when your order ships.",
    "type": "TRANSACTIONAL",
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same message makes it once; with another message it is answered 422.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[A-Za-z0-9._:/+-]+$"},
    "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[1-9][0-9]{0,17}$"}}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}


@cache
def document() -> Mapping[str, Any]:
    """The whole document."""
    # Not at the top: hardly a process is ever asked for it.
    from apispec import APISpec
    from apispec.ext.marshmallow import MarshmallowPlugin

    spec = APISpec(
        title="The helpdesk bridge: messages",
        version=version("helpdesk-bridge"),
        openapi_version="3.0.3",
        plugins=[MarshmallowPlugin(schema_name_resolver=_name)],
        info={"description": "Attentive's transactional messages API, durable: what is answered 200 is on the disk."},
    )
    spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    spec.path("/1/messages", operations={"post": _send()})
    spec.path("/1/messages/{id}", operations={"get": _outcome()})
    return spec.to_dict()


def _name(schema: Schema | type[Schema] | str) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    return kind.__name__.removesuffix("Schema")


def _send() -> dict[str, Any]:
    return {
        "operationId": "send",
        "summary": "Have one message sent.",
        "security": [{"token": []}],
        "parameters": [_KEY],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": SendSchema, "example": _EXAMPLE}},
        },
        "responses": {
            "200": _answer("It is stored, and will be sent.", TakenSchema),
            "400": _answer("No message that could be sent.", ProblemSchema),
            "403": _answer("No token, a wrong one, or one without the scope `send`.", ProblemSchema),
            "422": _answer("The Idempotency-Key was used for another message.", ProblemSchema),
            **_LATER,
        },
    }


def _outcome() -> dict[str, Any]:
    return {
        "operationId": "outcome",
        "summary": "What came of a message.",
        "security": [{"token": []}],
        "parameters": [_ID],
        "responses": {
            "200": _answer("So far.", OutcomeSchema),
            "403": _answer("No token, a wrong one, or one without the scope `read`.", ProblemSchema),
            "404": _answer("No message of this caller has this id.", ProblemSchema),
            **_LATER,
        },
    }


def _answer(what: str, schema: type[Schema], **more: Any) -> dict[str, Any]:
    return {"description": what, "content": {"application/json": {"schema": schema}}, **more}


_LATER = {
    "429": _answer("Too many requests with this token, or too many wrong ones.", ProblemSchema, headers=_RETRY_AFTER),
    "503": _answer("The database does not answer.", ProblemSchema, headers=_RETRY_AFTER),
}

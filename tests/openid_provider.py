"""A provider of OpenID Connect on this machine, as the specification has it, and liars of each kind.

It signs with `cryptography` alone, not with the library that the console verifies with.
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from flask import Flask, Response, jsonify, redirect, request
from werkzeug.serving import make_server
from werkzeug.wrappers import Response as AnyResponse

CLIENT_ID, CLIENT_SECRET = "the-bridge", "s3cret of:the/client"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def a_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def signed(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{base64url(sign(text.encode()))}"


@dataclass
class LocalProvider:
    """The provider; whoever is sent to it is logged in as `claims` say. The other fields are what it lies about."""

    key: rsa.RSAPrivateKey
    claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    #: What the ID token is made by, instead of by RS256 and the key.
    token: Callable[[dict[str, Any]], Any] | None = None
    #: What a path answers instead.
    answers: dict[str, Callable[[], Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    auth_methods: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._codes: dict[str, dict[str, str]] = {}
        self.server = make_server("127.0.0.1", 0, self._app(), threaded=True)
        self.issuer = f"http://127.0.0.1:{self.server.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def sign(self, text: bytes) -> bytes:
        return self.key.sign(text, padding.PKCS1v15(), hashes.SHA256())

    def public_pem(self) -> bytes:
        """The public key as the text that a forger would use as a secret for HS256."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(serialization.Encoding.PEM, form)

    def _app(self) -> Flask:
        app = Flask("provider")

        @app.before_request
        def liar() -> Any:
            self.asked.append(request.path)
            lie = self.answers.get(request.path)
            return lie() if lie else None

        app.get("/.well-known/openid-configuration")(self._configuration)
        app.get("/keys")(self._keys)
        app.get("/authorize")(self._authorize)
        app.post("/token")(self._token)
        return app

    def _configuration(self) -> Response:
        found = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        return jsonify({**found, **self.metadata})

    def _keys(self) -> Response:
        numbers = self.key.public_key().public_numbers()
        n, e = (base64url(number.to_bytes((number.bit_length() + 7) // 8, "big")) for number in (numbers.n, numbers.e))
        unknown = {"kty": "AKP", "kid": "of-tomorrow", "alg": "ML-DSA-44", "pub": "AA"}
        return jsonify(keys=[unknown, {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "n": n, "e": e}])

    def _authorize(self) -> tuple[str, int] | AnyResponse:
        asked = request.args
        if asked["client_id"] != CLIENT_ID or asked["response_type"] != "code":
            return "unknown client", 400
        if "openid" not in asked["scope"].split() or asked["code_challenge_method"] != "S256":
            return "no OpenID Connect with PKCE", 400
        code = secrets.token_urlsafe()
        self._codes[code] = dict(asked)
        return redirect(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    def _token(self) -> tuple[Response, int]:
        sent, basic = request.form, request.authorization
        self.auth_methods.append("basic" if basic else "post")
        client = (basic.username, basic.password) if basic else (sent.get("client_id"), sent.get("client_secret"))
        if client != (CLIENT_ID, CLIENT_SECRET):
            return jsonify(error="invalid_client"), 401
        asked = self._codes.pop(sent["code"], None)
        if asked is None or sent["redirect_uri"] != asked["redirect_uri"]:
            return jsonify(error="invalid_grant"), 400
        if base64url(hashlib.sha256(sent["code_verifier"].encode()).digest()) != asked["code_challenge"]:
            return jsonify(error="invalid_grant", error_description="PKCE"), 400
        now = int(time.time())
        honest = {
            "iss": self.issuer,
            "sub": "248289761001",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "email": "dana@example.com",
            "email_verified": True,
        }
        claims = {name: value for name, value in {**honest, **self.claims}.items() if value is not None}
        made = self.token(claims) if self.token else signed({"alg": "RS256", "kid": "one"}, claims, self.sign)
        return jsonify(access_token="x", token_type="Bearer", expires_in=300, id_token=made), 200


def with_hs256(claims: dict[str, Any], secret: bytes) -> str:
    """A token that whoever knows `secret` can make."""
    return signed({"alg": "HS256", "kid": "one"}, claims, lambda text: hmac.digest(secret, text, "sha256"))

"""A passkey made of software, for what browsers would ask of a real one. See WebAuthn, 6 and 7."""

from __future__ import annotations

import json
import secrets
from hashlib import sha256
from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from qmailpanel.accounts.models import User

VERIFIED = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV


class Key:
    """One passkey for one host."""

    def __init__(self, *, host: str = "localhost", origin: str = "http://localhost:8025") -> None:
        self.host, self.origin = host, origin
        self.secret = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(16)

    def belongs_to(self, user: User, name: str = "my key") -> Authenticator:
        """As if the person had added it."""
        data = {"name": name, "credential": self.register("AAAA")}
        row: Authenticator = Authenticator.objects.create(user=user, type="webauthn", data=data)
        return row

    def register(self, challenge: str) -> dict[str, Any]:
        """What the browser sends after `navigator.credentials.create()`."""
        public = ES256.from_cryptography_key(self.secret.public_key())
        held = AttestedCredentialData.create(b"\0" * 16, self.id, public)
        flags = VERIFIED | AuthenticatorData.FLAG.AT
        made = AuthenticatorData.create(self._host_hash, flags, 0, bytes(held))
        response = {
            "clientDataJSON": websafe_encode(self._client("webauthn.create", challenge)),
            "attestationObject": websafe_encode(AttestationObject.create("none", made, {})),
        }
        return self._credential(response) | {"clientExtensionResults": {"credProps": {"rk": True}}}

    def sign(self, challenge: str, user: User, *, verified: bool = True) -> dict[str, Any]:
        """What the browser sends after `navigator.credentials.get()`; `verified`: by a finger."""
        client = self._client("webauthn.get", challenge)
        flags = VERIFIED if verified else AuthenticatorData.FLAG.UP
        made = AuthenticatorData.create(self._host_hash, flags, 1)
        signature = self.secret.sign(made + sha256(client).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": websafe_encode(client),
            "authenticatorData": websafe_encode(made),
            "signature": websafe_encode(signature),
            "userHandle": websafe_encode(_handle(user)),
        }
        return self._credential(response) | {"clientExtensionResults": {}}

    @property
    def _host_hash(self) -> bytes:
        return sha256(self.host.encode()).digest()

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return bytes(CollectedClientData(json.dumps(said).encode()))

    def _credential(self, response: dict[str, str]) -> dict[str, Any]:
        name = websafe_encode(self.id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response}


def _handle(user: User) -> bytes:
    from allauth.account.utils import user_pk_to_url_str

    return user_pk_to_url_str(user).encode()  # type: ignore[no-any-return]

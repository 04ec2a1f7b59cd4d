"""Signatures of definitions: made with an agent's key, proved with its certificate."""

from __future__ import annotations

from app.model.errors import CredentialsError, UsageError

_PURPOSE = b"arcxo scenario definition\0"


def sign_definition(key: bytes, definition_xml: bytes) -> bytes:
    """The signature of a definition with a private key (PEM)."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    private = serialization.load_pem_private_key(key, None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    return private.sign(_PURPOSE + definition_xml, ec.ECDSA(hashes.SHA256()))


def check_signature(certificate: bytes, definition_xml: bytes, signature: bytes, scenario: str) -> None:
    """Raise CredentialsError AE1038 unless the owner of `certificate` (PEM) signed the definition."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    public = x509.load_pem_x509_certificate(certificate).public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    try:
        public.verify(signature, _PURPOSE + definition_xml, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise CredentialsError("AE1038", scenario=scenario) from error


def only_certificate(pem: bytes) -> bytes:
    """The one certificate of an agent in `pem`, written anew.

    Raises:
        UsageError: AE1007 when it is none, several, or not of the kind that agents have.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        found = x509.load_pem_x509_certificates(pem)
        if len(found) == 1 and isinstance(found[0].public_key(), ec.EllipticCurvePublicKey):
            return found[0].public_bytes(Encoding.PEM)
    except (ValueError, TypeError) as error:
        raise UsageError("AE1007", message="certificate", reason=error) from error
    raise UsageError("AE1007", message="certificate", reason="it is not one certificate of an agent")

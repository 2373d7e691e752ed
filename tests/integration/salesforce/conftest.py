"""A local Salesforce with two orders that have failed."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.demo.localsalesforce import LocalSalesforce
from tests.support.fake_salesforce import order_id


@pytest.fixture(scope="module")
def keys():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


@pytest.fixture
async def server(keys):
    server = LocalSalesforce()
    server.logins.account.public_key = keys[1]
    await server.start()
    for number in (1, 2):
        server.book.put(order_id(number), status="Failed", error="WHMCS_ERROR")
    yield server
    await server.stop()

"""From the variables to the login, and the private key's file."""

import subprocess
import sys

import pytest

from bot.config import load_config
from bot.domain.salesforce_login import LoginKind
from bot.errors import ConfigError
from bot.settings import load_settings
from bot.wiring.salesforce import _credentials, build_salesforce

ENVIRON = {
    "REDIS_URL": "redis://h",
    "SLACK_BOT_TOKEN": "xoxb-x",
    "SLACK_APP_TOKEN": "xapp-x",
}
PASSWORD = {
    "SALESFORCE_USERNAME": "bullhorn@acme.example",
    "SALESFORCE_PASSWORD": "pass-word",
    "SALESFORCE_SECURITY_TOKEN": "to-ken",
    "SALESFORCE_LOGIN_URL": "https://test.salesforce.com",
}
CONFIG = load_config(None, environ=ENVIRON)


def jwt(path):
    return {
        "SALESFORCE_CONSUMER_KEY": "key",
        "SALESFORCE_USERNAME": "bullhorn@acme.example",
        "SALESFORCE_PRIVATE_KEY_FILE": str(path),
    }


def test_without_credentials_there_is_none():
    assert build_salesforce(load_settings(ENVIRON), CONFIG) is None


def test_without_credentials_the_libraries_are_not_loaded():
    code = "import sys, bot.wiring; print({'simple_salesforce', 'requests'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


async def test_each_variable_has_its_place():
    settings = load_settings(ENVIRON | PASSWORD)
    made = _credentials(settings)
    assert made.kind is LoginKind.PASSWORD
    assert (made.username, made.password, made.security_token) == (
        "bullhorn@acme.example",
        "pass-word",
        "to-ken",
    )
    assert made.login_url == "https://test.salesforce.com"
    side = build_salesforce(settings, CONFIG)
    assert side is not None
    await side.aclose()


def test_the_key_is_read_at_the_start(tmp_path):
    path = tmp_path / "key.pem"
    path.write_text("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n")
    made = _credentials(load_settings(ENVIRON | jwt(path)))
    assert "hunter2" in made.private_key
    assert "hunter2" not in repr(made)


@pytest.mark.parametrize("text", ["", "hunter2", "-----BEGIN CERTIFICATE-----\n", "h\u00fcnter2"])
def test_a_file_that_holds_no_key_is_one_line(tmp_path, text):
    path = tmp_path / "key.pem"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        build_salesforce(load_settings(ENVIRON | jwt(path)), CONFIG)
    assert str(caught.value) == (
        "SALESFORCE_PRIVATE_KEY_FILE should name a PEM file with an RSA private key."
    )


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match=r"^SALESFORCE_PRIVATE_KEY_FILE cannot be read: No such"):
        build_salesforce(load_settings(ENVIRON | jwt(tmp_path / "none")), CONFIG)

"""Settings: what the environment may say, and the one line when it does not."""

from pathlib import Path

import pytest

from bot.domain.salesforce_login import LoginKind
from bot.errors import ConfigError
from bot.settings import Settings, load_settings

SOCKET = {
    "REDIS_URL": "redis://:hunter2@redis:6379/0",
    "SLACK_BOT_TOKEN": "xoxb-hunter2",
    "SLACK_APP_TOKEN": "xapp-hunter2",
}
HTTP = {**SOCKET, "SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": "hunter2"}


def without(name, environ=None, **more):
    kept = {k: v for k, v in (environ or SOCKET).items() if k != name}
    return {**kept, **more}


def test_three_variables_are_enough_and_the_rest_has_the_contracts_defaults():
    settings = load_settings(SOCKET)
    assert settings.redis_url.get_secret_value() == "redis://:hunter2@redis:6379/0"
    assert settings.socket_mode
    assert settings.queue_default_attempts == 3
    assert settings.queue_backoff_delay == 5000
    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.port == 3000
    assert (settings.log_level, settings.log_format) == ("info", "json")
    assert settings.bullhorn_config is None
    assert settings.salesforce_instance_url is None


def test_http_mode_needs_the_signing_secret_instead():
    assert not load_settings(HTTP).socket_mode


def test_the_names_are_the_contracts():
    names = {name.upper() for name in Settings.model_fields}
    assert names == {
        "REDIS_URL",
        "QUEUE_DEFAULT_ATTEMPTS",
        "QUEUE_BACKOFF_DELAY",
        "SLACK_BOT_TOKEN",
        "SLACK_APP_TOKEN",
        "SLACK_SIGNING_SECRET",
        "SLACK_API_URL",
        "BULLHORN_CONFIG",
        "PORT",
        "LOG_LEVEL",
        "LOG_FORMAT",
        "SALESFORCE_INSTANCE_URL",
        "SALESFORCE_LOGIN_URL",
        "SALESFORCE_USERNAME",
        "SALESFORCE_PASSWORD",
        "SALESFORCE_SECURITY_TOKEN",
        "SALESFORCE_CONSUMER_KEY",
        "SALESFORCE_CONSUMER_SECRET",
        "SALESFORCE_PRIVATE_KEY_FILE",
        "WHMCS_API_URL",
        "WHMCS_API_IDENTIFIER",
        "WHMCS_API_SECRET",
        "FREEBIT_BASE_URL",
        "FREEBIT_OEM_ID",
        "FREEBIT_OEM_KEY",
        "LOKI_URL",
        "LOKI_USERNAME",
        "LOKI_PASSWORD",
    }


def test_values_are_trimmed_and_names_count_in_any_case():
    settings = load_settings(
        without(
            "REDIS_URL", redis_url=" rediss://h\n", LOG_LEVEL="WARNING", BULLHORN_CONFIG="a.yml"
        )
    )
    assert settings.redis_url.get_secret_value() == "rediss://h"
    assert settings.log_level == "warning"
    assert settings.bullhorn_config == Path("a.yml")


def test_the_contracts_own_spelling_wins_over_another_case():
    settings = load_settings({**SOCKET, "PORT": "1", "port": "2", "Port": "3"})
    assert settings.port == 1


def test_only_the_environment_handed_in_counts(monkeypatch):
    monkeypatch.setenv("PORT", "4000")
    assert load_settings(SOCKET).port == 3000


@pytest.mark.parametrize("given", ["http://127.0.0.1:8081/api", "http://127.0.0.1:8081/api/"])
def test_slacks_address_ends_with_a_slash(given):
    assert load_settings({**SOCKET, "SLACK_API_URL": given}).slack_api_url.endswith("8081/api/")


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "rediss://user:p%2Fw@host:6380/1",
        "redis+sentinel://a:26379,b:26379/mymaster/0",
        "redis+cluster://a:7000,b:7001",
        "REDIS://h",
    ],
)
def test_the_contracts_redis_addresses_are_taken(url):
    assert load_settings({**SOCKET, "REDIS_URL": url}).redis_url.get_secret_value() == url


REDIS_MISSING = "REDIS_URL is not set. Set it to redis://HOST:6379/0."
SIGNING_MISSING = (
    "SLACK_SIGNING_SECRET is not set. "
    "Set it to the signing secret of the Slack app, or set SLACK_APP_TOKEN for Socket Mode."
)
SCHEMES = "REDIS_URL should begin with redis://, rediss://, redis+sentinel:// or redis+cluster://"
ENCODED = (
    "REDIS_URL should be like redis://HOST:6379/0; "
    "in a password, other than letters and digits must be %-encoded"
)
WRONG = [
    ({}, REDIS_MISSING),
    (without("REDIS_URL"), REDIS_MISSING),
    ({**SOCKET, "REDIS_URL": "  "}, REDIS_MISSING),
    (without("REDIS_URL", REDIS_URI="x"), "REDIS_URL is not set (did you mean it by REDIS_URI?)"),
    ({**SOCKET, "REDIS_URL": "http://:hunter2@h"}, SCHEMES),
    ({**SOCKET, "REDIS_URL": "redis:hunter2"}, SCHEMES),
    ({**SOCKET, "REDIS_URL": "redis://:hun/ter2@h:6379"}, ENCODED),
    (
        without("SLACK_BOT_TOKEN"),
        "SLACK_BOT_TOKEN is not set. Set it to the bot token (xoxb-...) of the Slack app.",
    ),
    (
        without("SLACK_BOT_TOKEN", SLACK_BOT_TOKENS="xoxb-hunter2"),
        "SLACK_BOT_TOKEN is not set (did you mean it by SLACK_BOT_TOKENS?)",
    ),
    (
        without("SLACK_BOT_TOKEN", SLACK_TOKEN="xoxb-hunter2"),
        "SLACK_BOT_TOKEN is not set (did you mean it by SLACK_TOKEN?)",
    ),
    ({**SOCKET, "SLACK_BOT_TOKEN": "xapp-hunter2"}, "SLACK_BOT_TOKEN should begin with xoxb-"),
    ({**SOCKET, "SLACK_APP_TOKEN": "xoxb-hunter2"}, "SLACK_APP_TOKEN should begin with xapp-"),
    (without("SLACK_APP_TOKEN"), SIGNING_MISSING),
    ({**HTTP, "SLACK_SIGNING_SECRET": ""}, SIGNING_MISSING),
    (
        without("SLACK_APP_TOKEN", SLACK_APP_TOKN="xapp-hunter2"),
        "SLACK_APP_TOKEN is not set (did you mean it by SLACK_APP_TOKN?)",
    ),
    (
        {**SOCKET, "SLACK_API_URL": "slack.com/api"},
        "SLACK_API_URL should be an address that begins with https://",
    ),
    (
        {**SOCKET, "BULLHORN_CONFG": "a.yml"},
        "BULLHORN_CONFIG is not set (did you mean it by BULLHORN_CONFG?)",
    ),
    ({**SOCKET, "PORT": "web"}, "PORT should be a number from 1 to 65535"),
    ({**SOCKET, "PORT": "70000"}, "PORT should be a number from 1 to 65535"),
    ({**SOCKET, "PORT": "0"}, "PORT should be a number from 1 to 65535"),
    (
        {**SOCKET, "LOG_LEVEL": "hunter2"},
        "LOG_LEVEL should be debug, info, warning, error or critical",
    ),
    ({**SOCKET, "LOG_FORMAT": "xml"}, "LOG_FORMAT should be json or console"),
    (
        {**SOCKET, "QUEUE_DEFAULT_ATTEMPTS": "0"},
        "QUEUE_DEFAULT_ATTEMPTS should be a whole number, 1 or more",
    ),
    (
        {**SOCKET, "QUEUE_BACKOFF_DELAY": "5s"},
        "QUEUE_BACKOFF_DELAY should be a whole number of milliseconds, 0 or more",
    ),
    (
        {**SOCKET, "WHMCS_API_URL": "whmcs"},
        "WHMCS_API_URL should be an address that begins with https://",
    ),
    ({**SOCKET, "PORT": "x", "SLACK_BOT_TOKEN": "x"}, "SLACK_BOT_TOKEN should begin with xoxb-"),
    (
        without("SLACK_BOT_TOKEN", QUEUE_BACKOFF_DELAY="x"),
        "QUEUE_BACKOFF_DELAY should be a whole number of milliseconds, 0 or more",
    ),
]


@pytest.mark.parametrize(("environ", "line"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_one_line_without_any_value(environ, line):
    with pytest.raises(ConfigError) as caught:
        load_settings(environ)
    assert str(caught.value) == line
    assert "hunter2" not in line
    assert caught.value.__context__ is None


@pytest.mark.parametrize("name", ["PORTS", "LOGLEVEL", "SLACK_TEAM", "REDIS_HOST", "BULLHORN_PORT"])
def test_a_variable_of_someone_else_does_not_stop_the_start(name):
    assert load_settings({**SOCKET, name: "x"})


def test_a_slip_beside_the_right_variable_is_no_matter():
    assert load_settings({**SOCKET, "SLACK_BOT_TOKENS": "x", "REDIS_URI": "x"})


def test_no_secret_is_in_the_repr():
    secrets = [
        name.upper()
        for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    ]
    assert len(secrets) == 12
    values = dict.fromkeys(secrets, "hunter2")
    settings = load_settings({**values, **SOCKET, "SALESFORCE_USERNAME": "bullhorn@acme.example"})
    assert "hunter2" not in repr(settings) + str(settings)


JWT = {
    "SALESFORCE_CONSUMER_KEY": "3MVG-hunter2",
    "SALESFORCE_USERNAME": "bullhorn@acme.example",
    "SALESFORCE_PRIVATE_KEY_FILE": "/run/secrets/salesforce.pem",
}
CREDENTIALS = {
    "SALESFORCE_CONSUMER_KEY": "3MVG-hunter2",
    "SALESFORCE_CONSUMER_SECRET": "hunter2",
    "SALESFORCE_INSTANCE_URL": "https://acme.my.salesforce.com/",
}
PASSWORD = {
    "SALESFORCE_USERNAME": "bullhorn@acme.example",
    "SALESFORCE_PASSWORD": "hunter2",
    "SALESFORCE_SECURITY_TOKEN": "hunter3",
}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({}, None),
        (JWT, LoginKind.JWT),
        (JWT | CREDENTIALS, LoginKind.JWT),
        (CREDENTIALS, LoginKind.CLIENT_CREDENTIALS),
        (PASSWORD, LoginKind.PASSWORD),
        (PASSWORD | CREDENTIALS, LoginKind.PASSWORD),
    ],
)
def test_what_is_set_chooses_the_login_to_salesforce(given, kind):
    assert load_settings(SOCKET | given).salesforce_login is kind


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (without("SALESFORCE_CONSUMER_KEY", JWT), "CONSUMER_KEY"),
        (without("SALESFORCE_USERNAME", JWT), "USERNAME"),
        (without("SALESFORCE_PRIVATE_KEY_FILE", JWT), "PASSWORD"),
        (without("SALESFORCE_CONSUMER_KEY", CREDENTIALS), "CONSUMER_KEY"),
        (without("SALESFORCE_CONSUMER_SECRET", CREDENTIALS), "CONSUMER_SECRET"),
        (without("SALESFORCE_INSTANCE_URL", CREDENTIALS), "INSTANCE_URL"),
        (without("SALESFORCE_USERNAME", PASSWORD), "USERNAME"),
        (without("SALESFORCE_PASSWORD", PASSWORD), "PASSWORD"),
        (without("SALESFORCE_SECURITY_TOKEN", PASSWORD), "SECURITY_TOKEN"),
        ({"SALESFORCE_INSTANCE_URL": "https://acme.my.salesforce.com"}, "CONSUMER_KEY"),
    ],
)
def test_an_incomplete_login_to_salesforce_is_one_line_that_names_the_variable(given, missing):
    with pytest.raises(ConfigError) as caught:
        load_settings(SOCKET | given)
    line = str(caught.value)
    assert line.startswith(f"SALESFORCE_{missing} is not set.")
    assert "\n" not in line
    assert "hunter" not in line


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.my.salesforce.com",
        "https://acme.my.salesforce.com.evil.example",
        "https://salesforce.com@evil.example",
        "https://acme.my.salesforce.com:8443",
        "http://10.0.0.7:8080",
    ],
)
@pytest.mark.parametrize("name", ["SALESFORCE_INSTANCE_URL", "SALESFORCE_LOGIN_URL"])
def test_a_password_is_sent_to_salesforce_and_to_this_machine_only(name, url):
    with pytest.raises(ConfigError, match=f"^{name} should be like https://ACME.my.salesforce.com"):
        load_settings(SOCKET | PASSWORD | {name: url})


def test_the_addresses_of_salesforce_are_kept_without_path_and_user():
    given = CREDENTIALS | {
        "SALESFORCE_INSTANCE_URL": "https://me:hunter2@acme.my.salesforce.com/lightning/page/home",
        "SALESFORCE_LOGIN_URL": "http://127.0.0.1:8123/x",
    }
    settings = load_settings(SOCKET | given)
    assert settings.salesforce_instance_url == "https://acme.my.salesforce.com"
    assert settings.salesforce_login_url == "http://127.0.0.1:8123"

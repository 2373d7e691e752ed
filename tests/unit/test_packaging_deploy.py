"""compose.yml and deploy/kubernetes.yml: they parse, and what they name is there."""

import re
from pathlib import Path

import pytest
import yaml

from bot.config import load_config
from bot.settings import Settings, load_settings
from bot.web import health
from tests.support.dockerfile import parse

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yml").read_text("utf-8"))
KUBERNETES = {
    one["kind"]: one
    for one in yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yml").read_text("utf-8"))
}
IMAGE = parse((ROOT / "Dockerfile").read_text("utf-8"))[-1]
USER = int(IMAGE.every("USER")[0].value.partition(":")[0])
PORT = Settings.model_fields["port"].default
VARIABLES = {name.upper() for name in Settings.model_fields}
SECRETS = {
    name.upper()
    for name, field in Settings.model_fields.items()
    if "SecretStr" in str(field.annotation)
}
"""What the settings keep from every log and message belongs into a Secret."""

DEPLOYMENT = KUBERNETES["Deployment"]["spec"]
POD = DEPLOYMENT["template"]["spec"]
(BOT,) = POD["containers"]
ENV = {one["name"]: one for one in BOT["env"]}


def _routes():
    app = health.build(ready=dict, exposition=bytes)
    return {route.resource.canonical for route in app.router.routes()}


# Kubernetes


def test_a_rolling_update_never_leaves_fewer_than_two_ready():
    assert DEPLOYMENT["replicas"] == 2
    assert DEPLOYMENT["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert KUBERNETES["PodDisruptionBudget"]["spec"]["minAvailable"] == 1


def test_everything_selects_the_same_pods():
    labels = DEPLOYMENT["template"]["metadata"]["labels"]
    selectors = [
        DEPLOYMENT["selector"]["matchLabels"],
        KUBERNETES["Service"]["spec"]["selector"],
        KUBERNETES["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        POD["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ]
    assert selectors == [labels] * len(selectors)


@pytest.mark.parametrize(
    ("probe", "path"),
    [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz"), ("startupProbe", "/healthz")],
)
def test_probes_ask_pages_that_there_are_at_the_default_port(probe, path):
    asked = BOT[probe]["httpGet"]
    assert asked["path"] == path
    assert path in _routes()
    ports = {one["name"]: one["containerPort"] for one in BOT["ports"]}
    assert ports[asked["port"]] == PORT
    assert "PORT" not in ENV


def test_metrics_are_announced_where_they_are():
    annotations = DEPLOYMENT["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] in _routes()
    assert int(annotations["prometheus.io/port"]) == PORT
    (port,) = KUBERNETES["Service"]["spec"]["ports"]
    assert port["targetPort"] in {one["name"] for one in BOT["ports"]}


def test_it_may_do_nothing_that_it_need_not():
    own, pod = BOT["securityContext"], POD["securityContext"]
    assert own["readOnlyRootFilesystem"]
    assert not own["allowPrivilegeEscalation"]
    assert own["capabilities"]["drop"] == ["ALL"]
    assert pod["runAsNonRoot"]
    assert pod["runAsUser"] == USER
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert POD["automountServiceAccountToken"] is False
    # A Service called bullhorn would put BULLHORN_PORT and others into the environment.
    assert POD["enableServiceLinks"] is False


def test_it_says_what_it_needs():
    assert BOT["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "memory" in BOT["resources"]["limits"]


def test_every_variable_is_one_that_the_bot_reads_and_secrets_are_in_the_secret():
    assert ENV.keys() <= VARIABLES
    for name, one in ENV.items():
        secret = one.get("valueFrom", {}).get("secretKeyRef")
        assert bool(secret) == (name in SECRETS), name
        if secret:
            assert (secret["name"], secret["key"]) == ("bullhorn", name)
    assert {"REDIS_URL", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"} <= ENV.keys()


def test_the_variables_that_may_be_missing_are_those_that_the_bot_can_do_without():
    needed = {
        name
        for name, one in ENV.items()
        if not one.get("valueFrom", {}).get("secretKeyRef", {"optional": True}).get("optional")
    }
    values = {"REDIS_URL": "redis://redis:6379/0", "SLACK_BOT_TOKEN": "xoxb-1"}
    assert needed == values.keys()
    assert load_settings({**values, "SLACK_APP_TOKEN": "xapp-1"}).socket_mode
    assert not load_settings({**values, "SLACK_SIGNING_SECRET": "x"}).socket_mode


def test_the_config_map_has_what_is_referred_to_and_its_config_is_good(tmp_path):
    data = KUBERNETES["ConfigMap"]["data"]
    for name, one in ENV.items():
        if reference := one.get("valueFrom", {}).get("configMapKeyRef"):
            assert reference == {"name": "bullhorn", "key": name}
            assert name in data
    (volume,) = POD["volumes"]
    (mount,) = BOT["volumeMounts"]
    (item,) = volume["configMap"]["items"]
    assert volume["configMap"]["name"] == KUBERNETES["ConfigMap"]["metadata"]["name"]
    assert mount["name"] == volume["name"]
    assert ENV["BULLHORN_CONFIG"]["value"] == f"{mount['mountPath']}/{item['path']}"
    path = tmp_path / item["path"]
    path.write_text(data[item["key"]], "utf-8")
    assert load_config(path, environ={"REDIS_URL": "redis://redis:6379/0"})


# Compose


def test_compose_builds_the_bot_beside_a_redis_that_evicts_nothing():
    bot, valkey = COMPOSE["services"]["bullhorn"], COMPOSE["services"]["valkey"]
    assert (ROOT / bot["build"] / "Dockerfile").is_file()
    assert "noeviction" in valkey["command"]
    assert bot["depends_on"]["valkey"]["condition"] == "service_healthy"
    assert valkey["healthcheck"]["test"] == ["CMD", "valkey-cli", "ping"]


def test_compose_gives_only_variables_that_the_bot_reads_and_no_secret_in_clear():
    given = COMPOSE["services"]["bullhorn"]["environment"]
    assert given.keys() <= VARIABLES
    for name in given.keys() & SECRETS:
        assert re.match(r"\$\{" + name + r"(:[-?].*)?\}$", given[name]), name


def test_composes_settings_are_good_with_the_two_tokens():
    given = COMPOSE["services"]["bullhorn"]["environment"]
    tokens = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
    settings = load_settings({name: _filled(value, tokens) for name, value in given.items()})
    assert settings.redis_url.get_secret_value() == "redis://valkey:6379/0"
    assert settings.socket_mode


def test_composes_bot_is_as_locked_in_as_the_one_in_kubernetes():
    bot = COMPOSE["services"]["bullhorn"]
    assert bot["read_only"] is True
    assert bot["cap_drop"] == ["ALL"]
    assert bot["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in bot  # the image's own


def test_composes_ports_are_the_default_one_and_open_to_this_machine_only():
    assert COMPOSE["services"]["bullhorn"]["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    for service in COMPOSE["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_composes_config_is_mounted_where_the_bot_looks_for_it():
    bot = COMPOSE["services"]["bullhorn"]
    (config,) = bot["configs"]
    assert config["target"] == bot["environment"]["BULLHORN_CONFIG"]
    assert config["source"] in COMPOSE["configs"]


def _filled(value, environ):
    """Compose's ${NAME:-default} and ${NAME:?message}."""
    return re.sub(
        r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}",
        lambda found: environ.get(found[1], found[2] or ""),
        value,
    )

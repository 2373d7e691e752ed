"""The manifest asks Slack for just what the code uses: scopes, events and commands, both ways."""

import ast
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
MANIFEST = yaml.safe_load((ROOT / "manifest.yml").read_text())

# Which scopes a Web API method needs: from Slack's reference, method by method.
SCOPES = {
    "chat.postMessage": {"chat:write", "chat:write.public"},
    "chat.update": {"chat:write"},
    "chat.delete": {"chat:write"},
    "chat.postEphemeral": {"chat:write"},
    "conversations.history": {"channels:history", "groups:history"},
    "conversations.replies": {"channels:history", "groups:history"},
    "conversations.list": {"channels:read", "groups:read"},
    "conversations.info": {"channels:read", "groups:read"},
    "usergroups.users.list": {"usergroups:read"},
    "conversations.open": {"im:write"},
    "files.getUploadURLExternal": {"files:write"},
    "files.completeUploadExternal": {"files:write"},
    "auth.test": set(),
    "views.open": set(),  # a trigger id is all it takes
    "apps.connections.open": set(),  # with the app-level token, whose scope is no bot scope
}
# What Slack's manifest takes at all; its own JSON schema lets misspelt ones through.
KNOWN_SCOPES = {scope for scopes in SCOPES.values() for scope in scopes} | {"commands"}


def sources():
    for path in sorted((ROOT / "bot").rglob("*.py")):
        if "demo" not in path.parts:
            yield path, path.read_text()


def methods_called():
    """Every method named in a call to SlackCalls.call, and every method used of a Slack client."""
    named, used = set(), set()
    for path, text in sources():
        if not path.name.startswith("slack_") and "slack" not in path.parts:
            continue
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr == "call" and node.args and isinstance(node.args[0], ast.Constant):
                named.add(node.args[0].value)
            owner = node.func.value
            if isinstance(owner, ast.Attribute) and owner.attr == "_client":
                used.add(node.func.attr)
    return named, used


def test_every_web_api_call_is_named_as_what_it_is():
    named, used = methods_called()
    assert {name.replace(".", "_").lower() for name in named} == {name.lower() for name in used}


def test_the_scopes_are_those_of_the_methods_used_and_no_more():
    named, _ = methods_called()
    assert named <= set(SCOPES), f"say which scopes these need: {named - set(SCOPES)}"
    needed = {"commands"}.union(*(SCOPES[name] for name in named))
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) == needed


def test_the_slash_commands_are_those_that_are_listened_to():
    listened = set()
    for _, text in sources():
        for node in ast.walk(ast.parse(text)):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if is_call and node.func.attr == "command" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and str(first.value).startswith("/"):
                    listened.add(first.value)
    declared = {command["command"] for command in MANIFEST["features"]["slash_commands"]}
    assert listened == declared == {"/queue"}


def test_the_events_are_those_that_are_listened_to():
    listened = {
        node.args[0].value
        for _, text in sources()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "event"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    declared = MANIFEST["settings"].get("event_subscriptions", {}).get("bot_events", [])
    assert listened == set(declared)


def test_buttons_need_interactivity_and_the_socket_needs_socket_mode():
    assert MANIFEST["settings"]["interactivity"]["is_enabled"] is True
    assert MANIFEST["settings"]["socket_mode_enabled"] is True


def test_texts_are_within_slacks_limits():
    information = MANIFEST["display_information"]
    assert len(information["name"]) <= 35
    assert len(information["description"]) <= 140
    for command in MANIFEST["features"]["slash_commands"]:
        assert len(command["description"]) <= 2000
        assert len(command["usage_hint"]) <= 1000

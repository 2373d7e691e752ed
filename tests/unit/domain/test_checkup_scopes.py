"""The one list of scopes is the manifest's, both ways and in its order."""

from pathlib import Path

import yaml

from bot.domain import scopes

MANIFEST = yaml.safe_load((Path(__file__).parents[3] / "manifest.yml").read_text())
ASKED_FOR = MANIFEST["oauth_config"]["scopes"]["bot"]


def test_the_needed_scopes_are_those_of_the_manifest():
    assert set(scopes.NEEDED) - set(ASKED_FOR) == set(), "needed, and not in manifest.yml"
    assert set(ASKED_FOR) - set(scopes.NEEDED) == set(), "in manifest.yml, and not needed"
    assert list(scopes.NEEDED) == ASKED_FOR
    assert scopes.POST_UNINVITED in scopes.NEEDED


def test_what_is_missing_is_told_in_that_order_and_more_than_needed_is_no_fault():
    assert scopes.missing(frozenset(scopes.NEEDED) | {"users:read"}) == ()
    granted = frozenset(scopes.NEEDED) - {"chat:write", "groups:read"}
    assert scopes.missing(granted) == ("chat:write", "groups:read")
    assert scopes.missing(frozenset()) == scopes.NEEDED

"""Redis' exceptions as people read them."""

import pytest
import redis.exceptions as problems

from bot.adapters.redis_errors import speaking_to
from bot.errors import RedisUnavailableError

DENIED = "Bullhorn's own Redis does not permit this to Bullhorn's user"


def told(error):
    with pytest.raises(RedisUnavailableError) as caught, speaking_to(None):
        raise error
    return str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        problems.NoPermissionError("User b has no permissions to run the 'llen' command"),
        problems.NoPermissionError(
            "this user has no permissions to run the 'llen' command or its subcommand"
        ),
        problems.ResponseError(
            "ACL failure in script: User b has no permissions to run the 'llen' command "
            "script: 8a2f, on @user_script:4."
        ),
        problems.ExecAbortError(
            "Transaction discarded because of: NOPERM User b has no permissions to run the 'llen' "
            "command"
        ),
    ],
    ids=["called", "called of Redis 6", "by a script", "in a transaction"],
)
def test_the_right_that_is_missing_is_named(error):
    assert told(error) == f"{DENIED} (llen)."


@pytest.mark.parametrize(
    "error",
    [
        problems.NoPermissionError("No permissions to access a key"),
        problems.ResponseError(
            "Error running script (call to f_8a2f): @user_script:4: @user_script: 4: "
            "The user executing the script can't run this command or subcommand"
        ),
        problems.ResponseError(
            "The user executing the script can't run this command or subcommand "
            "script: 8a2f, on @user_script:4."
        ),
    ],
    ids=["a key", "by a script of Redis 6", "by a script of Redis 7.0"],
)
def test_where_redis_does_not_name_it_it_is_told_that_the_user_may_not(error):
    assert told(error) == f"{DENIED}."


def test_what_stands_in_quotes_is_no_secret():
    text = "User hunter2 has no permissions to access the 'hunter2 key' key"
    assert told(problems.NoPermissionError(text)) == f"{DENIED}."

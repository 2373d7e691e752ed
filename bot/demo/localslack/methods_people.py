"""The ``auth.*``, ``api.*``, ``apps.*``, ``users.*`` and ``usergroups.*`` methods."""

from bot.demo.localslack.context import Context
from bot.demo.localslack.errors import Json, SlackError
from bot.demo.localslack.fixtures import Group, Person
from bot.demo.localslack.methods_chat import required
from bot.demo.localslack.methods_conversations import page
from bot.demo.localslack.posting import truthy


def api_test(_ctx: Context, args: Json) -> Json:
    """``api.test``: says back what it was told, or fails with the ``error`` it was given."""
    if args.get("error"):
        raise SlackError(str(args["error"]), args=args)
    return {"ok": True, "args": args}


def auth_test(ctx: Context, _args: Json) -> Json:
    """``auth.test``: who the token belongs to."""
    config = ctx.config
    return {
        "ok": True,
        "url": ctx.base_url,
        "team": config.team_name,
        "user": config.bot.name,
        "team_id": config.team_id,
        "user_id": config.bot.id,
        "bot_id": config.bot_id,
        "app_id": config.app_id,
        "is_enterprise_install": False,
    }


def connections_open(ctx: Context, _args: Json) -> Json:
    """``apps.connections.open``: an address for one Socket Mode connection."""
    return {"ok": True, "url": ctx.socket_ticket()}


def user_json(ctx: Context, person: Person) -> Json:
    """A user as the Web API describes them."""
    return {
        "id": person.id,
        "team_id": ctx.config.team_id,
        "name": person.name,
        "deleted": False,
        "real_name": person.real_name,
        "tz": "Etc/UTC",
        "tz_offset": 0,
        "is_bot": person.is_bot,
        "is_app_user": False,
        "is_admin": False,
        "is_owner": False,
        "profile": {
            "real_name": person.real_name,
            "display_name": person.real_name,
            "title": person.role,
        },
    }


def users_info(ctx: Context, args: Json) -> Json:
    """``users.info``."""
    user = required(args, "user", "user_not_found")
    return {"ok": True, "user": user_json(ctx, ctx.workspace.person(user))}


def users_list(ctx: Context, args: Json) -> Json:
    """``users.list``."""
    shown, metadata = page(args, list(ctx.workspace.people.values()))
    members = [user_json(ctx, person) for person in shown]
    return {"ok": True, "members": members, "response_metadata": metadata}


def _group_json(ctx: Context, group: Group, *, with_users: bool) -> Json:
    body: Json = {
        "id": group.id,
        "team_id": ctx.config.team_id,
        "is_usergroup": True,
        "name": group.name,
        "handle": group.handle,
        "description": "",
        "date_delete": 0,
        "user_count": len(group.members),
    }
    if with_users:
        body["users"] = list(group.members)
    return body


def usergroups_list(ctx: Context, args: Json) -> Json:
    """``usergroups.list``."""
    with_users = truthy(args, "include_users")
    groups = [_group_json(ctx, g, with_users=with_users) for g in ctx.config.groups]
    return {"ok": True, "usergroups": groups}


def usergroups_users_list(ctx: Context, args: Json) -> Json:
    """``usergroups.users.list``."""
    wanted = required(args, "usergroup", "no_such_subteam")
    for group in ctx.config.groups:
        if group.id == wanted:
            return {"ok": True, "users": list(group.members)}
    raise SlackError("no_such_subteam")

"""An entry of the audit log cannot be changed through the bot: nothing in it could."""

import ast
import inspect
from pathlib import Path

from bot.adapters import keys, redis_audit_log
from bot.ports import AuditLog
from bot.services.journal import Journal

ROOT = Path(redis_audit_log.__file__).parents[1]
READS = {"xrevrange", "xrange", "xlen"}


def test_the_port_appends_and_reads_and_no_more():
    public = {name for name in vars(AuditLog) if not name.startswith("_")}
    assert public == {"record", "recent", "kept"}
    assert {name for name in vars(Journal) if not name.startswith("_")} == {"record"}


def test_the_adapter_sends_no_command_that_changes_an_entry():
    tree = ast.parse(inspect.getsource(redis_audit_log))
    used = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Attribute)
        and node.func.value.attr == "_client"
    }
    assert used <= READS | {"xadd", "register_script"}
    assert "xrevrange" in used
    script = getattr(redis_audit_log, "_APPEND", "redis.call('XADD'")
    commands = {part.split("'")[0] for part in script.split("redis.call('")[1:]}
    assert commands <= {"SET", "XADD"}
    assert script.count("KEYS[1]") <= 1, "the log's own key is only appended to"


def test_nothing_else_knows_where_the_log_is():
    name = keys.AUDIT.rpartition(":")[2]
    knows = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if "keys.AUDIT" in path.read_text() or f'"{{bullhorn}}:{name}"' in path.read_text()
    }
    assert knows == {"adapters/redis_audit_log.py"}

"""Whatever a job, a queue's name or Redis says, Slack takes the message and nobody is called."""

from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.audit import AuditEntry, Outcome
from bot.domain.health import StatusView, assess
from bot.domain.incidents import Facts, Happening, Silence, TimelineEntry
from bot.domain.jobs import BatchOutcome, FailureFilter
from bot.domain.plan_warnings import plan_warnings
from bot.domain.plans import PlanGroup
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.queues import QueueId
from bot.domain.sample import Counts
from bot.domain.times import HOUR
from bot.render import alerts, failures, history, job, plans, problems, status
from tests.support import slack_limits
from tests.unit.render import samples
from tests.unit.render.samples import NOW

ATTACKS = (
    "<!channel> <!here> <@U0EVE> <!subteam^S0OPS> <#C0123>",
    "<https://evil.example|click> https://evil.example",
    "*bold* _slanted_ ~struck~ `code` ```block``` > quote\n> quote\n• list",
    "```\n<!here>\n```",
    "@here @channel @everyone :fire: :white_check_mark: Resolved",
    "\u202egnirts desrever\u202c zero\u200bwidth\u2060joined\ufeff",
    "nul\x00bell\x07escape\x1b[31m",
    "half \ud83d of a pair \udc00",
    "👨‍👩‍👧‍👦 🇯🇵 é ä 漢字 " + "e" + "\u0301" * 200,
    "&amp; &lt;!here&gt; & < >",
    "--all --fresh",
    "'single' \"double\" \u201ccurly\u201d",
    "\n\r\n\t  \n",
    "",
    "<!date^1^{time}|x> |pipes| ^carets^",
)
_PIECES = st.sampled_from((*ATTACKS, "`", "*", "<", ">", "&", "\n", "\u202e", "🔥", "a" * 50, " "))
HOSTILE = st.one_of(
    st.sampled_from(ATTACKS),
    st.lists(_PIECES, max_size=8).map("".join),
    st.text(alphabet=st.characters(categories=None), max_size=60),
)
OUR_MENTIONS = {"<@U0BOB>", "<!subteam^S0ONCALL>"}


def messages(text, policy=None):
    """Every message, with `text` wherever it could come from outside."""
    name = text or "q"
    queue = QueueId("main", "bull", name)
    policy = policy or QueuePolicy(redact=("simAccount",), mention="S0ONCALL")
    catalog = Catalog(default=policy)
    group = replace(samples.group(text, 3, text), example_id=text)
    failed = samples.failed(id=text, name=text, reason=text, code=text)
    wanted = FailureFilter(code=text, name=text, since=NOW - HOUR)
    yield from _lists(text, queue, policy, catalog)
    yield failures.report(samples.report(queue=queue, groups=(group,)), policy, wanted, catalog)
    yield failures.report(samples.report(queue=queue, groups=()), policy, wanted, catalog)
    yield failures.jobs(queue, [failed] * 3, wanted, 9, 2, 3, policy, catalog)
    yield from _job(text, queue, policy, catalog)
    yield from _plan(text, queue, policy, catalog)
    yield from _alerts(text, queue, catalog, group)


def _lists(text, queue, policy, catalog):
    sample = samples.sample(queue, version=text)
    view = StatusView(
        now=NOW,
        healths=(assess(sample, policy, catalog.health),),
        not_seen=(text,),
        unreachable={text: text},
        broken={text: text},
        incidents=(samples.incident(queue=queue, family=text, rule=text),),
    )
    yield status.overview(view, catalog)
    yield status.detail(view.healths[0], view, catalog)
    yield status.unreadable(text, text)
    entry = AuditEntry(
        at=NOW, user="U0BOB", channel="C1", action=text, what=text, outcome=Outcome.FAILED,
        queue=text, detail=text, reason=text,
    )  # fmt: skip
    yield history.entries([entry], None, NOW)
    yield history.entries([entry], text, NOW)
    yield problems.problem(text, text)
    yield problems.notice(text)


def _job(text, queue, policy, catalog):
    data = {
        text: [text, {"token": text, "simAccount": text}],
        "nested": '{"token": "' + text + '"}',
    }
    detail = samples.job(
        queue=queue, id=text, name=text, state=text, data=data, options={text: text},
        failed_reason=text, stacktrace=(text, text), return_value=text, progress=text, parent=text,
    )  # fmt: skip
    yield job.detail(detail, policy, catalog, NOW)
    yield job.detail(replace(detail, data=text, state="failed"), policy, catalog, NOW)
    yield job.stack(detail, policy, catalog)
    yield job.logs(detail, [text, text], policy, catalog)


def _plan(text, queue, policy, catalog):
    groups = (PlanGroup(text, 2), PlanGroup("MAPPING_ERROR", 1))
    plan = samples.plan(
        queue=queue,
        groups=groups,
        filter=FailureFilter(code=text, name=text),
        ids=((text, NOW),),
        named=True,
        warnings=(*plan_warnings(groups, policy, now=NOW), text),
        outcome=text,
        confirmed_by="U0BOB",
        confirmed_at=NOW,
    )
    outcome = BatchOutcome(done=(text,), changed=1)
    yield plans.card(plan, policy, catalog, NOW, allowed_fresh=True)
    yield plans.card(replace(plan, groups=groups[:1]), policy, catalog, NOW)
    yield plans.outcome(plan, outcome, catalog, stopped=text)
    yield plans.announcement(replace(plan, groups=groups[:1]), outcome, "U0BOB", catalog)
    yield plans.single_retried(queue, text, "U0BOB", False, catalog)
    yield plans.expired(plan)


def _alerts(text, queue, catalog, group):
    writer = alerts.AlertRenderer(catalog)
    active = replace(samples.timeout().facts.jobs[0], id=text, name=text)
    note = TimelineEntry(at=NOW, what=Happening.NOTE, by="U0BOB", text=text)
    facts = Facts(jobs=(active, active), groups=(group,) * 6)
    made = (
        samples.incident(queue=queue, family=text, rule=text, timeline=(note,)),
        samples.spike(queue=queue, facts=facts),
        samples.timeout(queue=queue, facts=facts),
    )
    for incident in made:
        yield writer.alert(incident, first=True)
    yield writer.entry(made[0], 0)
    yield writer.blind({text: text}, since=NOW, until=None)
    silence = Silence(
        id=text or "s", queue=text, rule=text, until=NOW + HOUR, by="U0BOB", at=NOW, reason=text
    )
    yield alerts.listing(made, [silence], [(text, text, NOW)], NOW, catalog)
    yield problems.silence_set(silence, catalog)


def check_all(text):
    for message in messages(text):
        slack_limits.check(message)
        assert slack_limits.mentions(message) <= OUR_MENTIONS


@pytest.mark.parametrize("text", ATTACKS)
def test_known_attacks(text):
    check_all(text)


@settings(max_examples=60, deadline=None)
@given(HOSTILE)
@example("<!channel>")
def test_any_text_anywhere(text):
    check_all(text)


@pytest.mark.parametrize("piece", ["A", "<", "&", "\u202e", "🔥", "`", "\n", "_A", '"', "token="])
def test_a_megabyte_anywhere(piece):
    check_all(piece * (1_000_000 // len(piece)))


def test_two_hundred_groups():
    groups = tuple(samples.group(f"ERROR_{index}", 200 - index, "x" * 900) for index in range(200))
    message = failures.report(
        samples.report(groups=groups, total=20_100, kept=20_100),
        QueuePolicy(),
        FailureFilter(),
        samples.CATALOG,
    )
    slack_limits.check(message)
    assert "in 188 more kinds of error" in str(message.blocks)


def test_data_of_ten_thousand_levels():
    deep = current = {}
    for _ in range(10_000):
        current["next"] = current = {}
    detail = samples.job(data=deep, return_value=deep, progress=deep, options=deep)
    slack_limits.check(job.detail(detail, QueuePolicy(), samples.CATALOG, NOW))


def test_a_thousand_queues_in_trouble_with_long_names():
    queues = [QueueId("main", "bull", f"{index}-" + "n" * 300) for index in range(1000)]
    policy = QueuePolicy()
    view = StatusView(
        now=NOW,
        healths=tuple(
            assess(samples.sample(one, counts=Counts(waiting=99)), policy, samples.CATALOG.health)
            for one in queues
        ),
        incidents=tuple(
            samples.incident(queue=one, number=index) for index, one in enumerate(queues)
        ),
        not_seen=tuple(one.name for one in queues),
    )
    slack_limits.check(status.overview(view, samples.CATALOG))
    slack_limits.check(status.detail(view.healths[0], view, samples.CATALOG))


def test_hundreds_of_everything_else():
    many = [samples.incident(number=index) for index in range(300)]
    silence = Silence(id="s", queue=None, rule=None, until=NOW + HOUR, by="U0BOB", at=NOW)
    pending = [("q", "backlog", NOW)] * 300
    slack_limits.check(alerts.listing(many, [silence] * 300, pending, NOW, samples.CATALOG))
    entry = AuditEntry(
        at=NOW, user="U0BOB", channel="C1", action="a", what="w" * 500, outcome=Outcome.DONE,
        detail="d" * 500, reason="r" * 500, queue="q" * 200,
    )  # fmt: skip
    slack_limits.check(history.entries([entry] * 500, None, NOW))
    page = [samples.failed(index, reason="r" * 5000) for index in range(100)]
    slack_limits.check(
        failures.jobs(
            samples.ORDERS, page, FailureFilter(), 100, 1, 100, QueuePolicy(), samples.CATALOG
        )
    )
    groups = tuple(PlanGroup(f"E_{index}", 1) for index in range(300))
    plan = samples.plan(groups=groups, warnings=("w" * 900,) * 50, filter=FailureFilter())
    slack_limits.check(plans.card(plan, QueuePolicy(), samples.CATALOG, NOW))
    policy = QueuePolicy(
        links=MappingProxyType(
            {f"l{index}": "https://a.example/" + "x" * 4000 for index in range(40)}
        ),
        purpose="p" * 5000,
    )
    catalog = Catalog(default=policy)
    slack_limits.check(alerts.AlertRenderer(catalog).alert(samples.spike(), first=True))


def test_the_checker_sees_what_slack_refuses():
    from bot.domain.message import Message  # noqa: PLC0415

    text = {"type": "mrkdwn", "text": "<!here> & <", "verbatim": True}
    press = {"type": "button", "text": {"type": "plain_text", "text": "x" * 76}, "action_id": "a"}
    bad = Message(
        text="",
        blocks=(
            {"type": "section", "text": text},
            {"type": "actions", "elements": [press, press]},
            {"type": "table"},
        ),
    )
    found = " ".join(slack_limits.problems(bad))
    for part in ("fallback", "angle", "ampersand", "76 characters", "twice", "'table'"):
        assert part in found

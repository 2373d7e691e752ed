"""Lines that nobody in their right mind types: made of real words, of attacks and of anything."""

from hypothesis import strategies as st

ATTACKS = (
    "<!channel>",
    "<@U0EVE>",
    "<!subteam^S0OPS|ops>",
    "@here",
    "@everyone",
    "<https://evil.example|click>",
    "```",
    "*bold*",
    "_it_",
    ":fire:",
    "&lt;!here&gt;",
    "{people}",
    "{at}",
    "{0}",
    "%s",
    "\u202egnirts\u202c",
    "zero\u200bwidth",
    "nul\x00\x07\x1b[31m",
    "\u2028",
    "\x85",
    "é" + "\u0301" * 80,
    "-",
    "--",
    "---",
    "--=",
    "-=x",
    "*",
    "..",
    "../../x",
    "'",
    '"',
    "“",
    "‘",
    "—",
    "9" * 400,
    "²",
    "١٢",
    "NaN",
    "x" * 3_000,
)
COMMANDS = (
    "status", "failed", "job", "retry", "pause", "resume", "alerts", "ack", "silence",
    "unsilence", "history", "help", "RETRY", "Pause", "retyr", "statsu", "silence all",
)  # fmt: skip
QUEUES = ("order-provisioning", "sim-management", "main/order-provisioning", "invoices", "oder")
WORDS = (
    "w0", "w1", "m0", "4711", "all", "test", "backlog", "processor_down", "1", "#1", "a1b2c3",
    "--all", "--fresh", "—all", "-all", "--error", "--error=WHMCS_ERROR", "WHMCS_ERROR",
    "whmcs_error", "--name", "provision", "--since", "2h", "30m", "0m", "99999999999d", "2", "h",
    "--page", "--jobs", "--stack", "--logs", "--failed-at", "--failed-at=0", "--help", "-h",
    "31d", "1d", "--error=", "--since=", "--page=0", "--page=999999999",
)  # fmt: skip

ANYTHING = st.text(alphabet=st.characters(categories=None), max_size=40)
_PIECE = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(WORDS),
    st.sampled_from(QUEUES),
    st.sampled_from(ATTACKS),
    ANYTHING,
    st.sampled_from(("w0", "m0", "<!channel>", "a b", "", "\n", "--all")).map('"{}"'.format),
)
_SPACE = st.sampled_from((" ", " ", " ", "  ", "\n", "\t", "\u00a0", "\u3000", ""))


@st.composite
def _assembled(draw):
    line = draw(st.sampled_from(COMMANDS))
    if draw(st.booleans()):
        line += draw(_SPACE) + draw(st.sampled_from(QUEUES))
    for piece in draw(st.lists(_PIECE, max_size=5)):
        line += draw(_SPACE) + piece
    return line


@st.composite
def _huge(draw):
    """Up to 40,000 characters, where one word or thousands stand in place of one."""
    piece = draw(st.sampled_from((*ATTACKS, *WORDS, "a", "🔥", "a ", '"a" ', "-", "`")))
    long = (piece * (40_000 // len(piece)))[:40_000]
    before = draw(st.sampled_from(("", *(f"{command} " for command in COMMANDS))))
    queue = draw(st.sampled_from(("", "order-provisioning ", '"')))
    return (before + queue + long)[:40_000]


NEARLY_RIGHT = st.tuples(
    st.sampled_from(("retry", "pause", "resume", "silence", "RETRY", "silence")),
    st.sampled_from(("order-provisioning", "sim-management", '"order-provisioning"', "all")),
    st.sampled_from(("w0", "m0", "w0 w1", "--all", "2h", "backlog 30m", "", "—all", "w1 -fresh")),
    st.sampled_from((*[""] * 3 * len(ATTACKS), *ATTACKS)),
).map(" ".join)
"""Right, or all but right: what changes something, or is one slip away from it."""

LINES = st.one_of(_assembled(), _assembled(), _assembled(), ANYTHING, _huge())

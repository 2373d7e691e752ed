"""Mistakes in a config file, and what is said of each; None where only the form matters."""

KEYS = (
    "defaults, sources, discover, channel, poll_interval, alerts, health, heartbeat, access, "
    "audit, operations, salesforce, queues"
)
NOT_AN_ID = "is not the id of a user or a user group. Ids begin with U, W or S, as U0123ABCD."
DURATIONS = "is not a duration. Try 30s, 5m, 2h or 7d."
UNKNOWN = [
    ("chanel: C1", '1: unknown key "chanel". Did you mean "channel"?'),
    ("\n\nzzz: 1", f'3: unknown key "zzz". Known here: {KEYS}.'),
    ("chanel:", '1: unknown key "chanel". Did you mean "channel"?'),
    (
        "# ours\nqueues:\n  order-provisioning:\n    purpose: orders\n    chanel: C1",
        '5: unknown key "chanel" under queues.order-provisioning. Did you mean "channel"?',
    ),
    (
        "queues:\n  x:\n    errors:\n      OOPS: {cuase: y}",
        '4: unknown key "cuase" under queues.x.errors.OOPS. Did you mean "cause"?',
    ),
    (
        "health: {wating: {warning: 1}}",
        '1: unknown key "wating" under health. Did you mean "waiting"?',
    ),
    (
        "health: {failed: {warn: 1}}",
        '1: unknown key "warn" under health.failed. Did you mean "warning"?',
    ),
    (
        "heartbeat: {url: 'https://x', evry: 1m}",
        '1: unknown key "evry" under heartbeat. Did you mean "every"?',
    ),
    (
        "access: {operator: [U1]}",
        '1: unknown key "operator" under access. Did you mean "operators"?',
    ),
    (
        "queues: {x: {access: {read_only: true}}}",
        (
            '1: unknown key "read_only" under queues.x.access. '
            "Known here: viewers, operators, admins, channels."
        ),
    ),
    ("audit: {kept: 500}", '1: unknown key "kept" under audit. Did you mean "keep"?'),
    (
        "salesforce: {status: X__c}",
        '1: unknown key "status" under salesforce. Did you mean "status_field"?',
    ),
    (
        "sources: {main: {prefixx: q}}",
        '1: unknown key "prefixx" under sources.main. Did you mean "prefix"?',
    ),
    (
        "alerts: {backlog: {for_: 5m}}",
        '1: unknown key "for_" under alerts.backlog. Did you mean "for"?',
    ),
    (
        "alerts: {job_timeout: {zzz: 5m}}",
        '1: unknown key "zzz" under alerts.job_timeout. Known here: after, severity.',
    ),
    (
        "alerts:\n  backlogg: {above: 5}",
        '2: unknown rule "backlogg" under alerts. Did you mean "backlog"?',
    ),
    (
        "queues: {x: {alerts: {jobtimeout: {after: 5m}}}}",
        '1: unknown rule "jobtimeout" under queues.x.alerts. Did you mean "job_timeout"?',
    ),
    (
        "alerts:\n  backlog:\n    above: 5\n    within: 5m",
        '4: alerts.backlog: this rule has no "within". It takes above, for and severity.',
    ),
    (
        "queues: {x: {alerts: {job_timeout: {above: 5}}}}",
        '1: queues.x.alerts.job_timeout: this rule has no "above". It takes after and severity.',
    ),
]
VALUES = [
    ("alerts:\n  backlog:\n    for: banana", f'3: alerts.backlog.for: "banana" {DURATIONS}'),
    ("alerts: {backlog: {for: 1:30}}", f'1: alerts.backlog.for: "1:30" {DURATIONS}'),
    ("alerts: {backlog: {for: -5m}}", f'1: alerts.backlog.for: "-5m" {DURATIONS}'),
    ("poll_interval: 15", f'1: poll_interval: "15" {DURATIONS}'),
    ("poll_interval: 0s", "1: poll_interval: should be 1s or more."),
    (
        "poll_interval: [15s]",
        "1: poll_interval: should be a duration such as 30s, 5m, 2h or 7d, not a list.",
    ),
    ("queues: {x: {min_gap: soon}}", f'1: queues.x.min_gap: "soon" {DURATIONS}'),
    (
        'queues: {x: {business_id: "order..id"}}',
        '1: queues.x.business_id: "order..id" is not a path in a job\'s data, as order.sfOrderId.',
    ),
    (
        "health: {processing: {warning: 30}}",
        f'1: health.processing.warning: "30" {DURATIONS}',
    ),
    ("heartbeat: {url: 'https://x', every: 0s}", "1: heartbeat.every: should be 1s or more."),
    ("heartbeat: {every: 1m}", "1: heartbeat: url is not given."),
    (
        "alerts: {backlog: {above: -1}}",
        "1: alerts.backlog.above: should be a whole number, 0 or more, not -1.",
    ),
    (
        "alerts: {backlog: {above: ten}}",
        '1: alerts.backlog.above: should be a whole number, 0 or more, not "ten".',
    ),
    (
        "alerts: {backlog: {above: true}}",
        "1: alerts.backlog.above: should be a whole number, 0 or more, not true.",
    ),
    (
        "alerts: {backlog: {above: 1.5}}",
        "1: alerts.backlog.above: should be a whole number, 0 or more, not 1.5.",
    ),
    (
        f"alerts: {{backlog: {{above: 0x{'f' * 5000}}}}}",
        "1: alerts.backlog.above: should be a whole number, 0 or more, not a number.",
    ),
    (
        "alerts: {backlog: {severity: warn}}",
        '1: alerts.backlog.severity: should be warning or critical, not "warn".',
    ),
    ("alerts: {backlog: 5}", "1: alerts.backlog: should be a mapping of keys, not 5."),
    ("alerts: [backlog]", "1: alerts: should be a mapping of keys, not a list."),
    ("queues: [a]", "1: queues: should be a mapping of keys, not a list."),
    (
        "access: {channels: ['#ops']}",
        (
            '1: access.channels[0]: "#ops" is not the id of a channel. '
            "Ids begin with C, G or D, as C0123ABCD."
        ),
    ),
    (
        "access: {channels: C0OPS}",
        '1: access.channels: should be everywhere or a list of channel ids, not "C0OPS".',
    ),
    ("access: {read_only: maybe}", '1: access.read_only: should be true or false, not "maybe".'),
    (
        "queues: {x: {access: {operators: [bob]}}}",
        f'1: queues.x.access.operators[0]: "bob" {NOT_AN_ID}',
    ),
    ("audit: {keep: 5}", "1: audit.keep: should be between 100 and 100000, not 5."),
    (
        "audit: {keep: all}",
        '1: audit.keep: should be a whole number, 0 or more, not "all".',
    ),
    ("discover: maybe", '1: discover: should be true or false, not "maybe".'),
    ("defaults: nah", '1: defaults: should be true or false, not "nah".'),
    (
        "channel: incidents",
        (
            '1: channel: "incidents" is not a channel. '
            'Give its id, as C0123ABCD, or its name, as "#incidents".'
        ),
    ),
    (
        "queues:\n  x:\n    channel: #orders",
        (
            '3: queues.x.channel: "#orders" needs the quotes; '
            "without them YAML takes it for a comment."
        ),
    ),
    (
        "access:\n  operators:\n    - U1\n    - alice",
        f'4: access.operators[1]: "alice" {NOT_AN_ID}',
    ),
    ("access: {admins: [5]}", "1: access.admins[0]: should be text, not 5."),
    ("access: {operators: U1}", '1: access.operators: should be a list, not "U1".'),
    (
        "access: {viewers: all}",
        '1: access.viewers: should be everyone or a list of ids, not "all".',
    ),
    ("access: {viewers: [bob]}", f'1: access.viewers[0]: "bob" {NOT_AN_ID}'),
    ("queues: {x: {mention: '@bob'}}", f'1: queues.x.mention: "@bob" {NOT_AN_ID}'),
    ("queues: {x: {bullmq: 2}}", "1: queues.x.bullmq: should be 3, 4, 5 or 6, not 2."),
    (
        "salesforce: {failed: [Activating]}",
        '1: salesforce.failed: "Activating" cannot be a state that a retry is expected in, too.',
    ),
    (
        "salesforce: {succeeded: [Done, failed]}",
        '1: salesforce.succeeded: "failed" cannot be a state of an order that is done, too.',
    ),
    (
        "queues: {x: {retry_via: salseforce}}",
        '1: queues.x.retry_via: should be bullmq or salesforce, not "salseforce".',
    ),
    (
        "queues: {x: {errors: {A: {retryable: maybe}}}}",
        '1: queues.x.errors.A.retryable: should be true, false or after_min_gap, not "maybe".',
    ),
    ("queues: {x: {purpose: 5}}", "1: queues.x.purpose: should be text, not 5."),
    ("queues: {x: {redact: sim}}", '1: queues.x.redact: should be a list, not "sim".'),
    (
        "queues: {x: {links: {D: grafana}}}",
        '1: queues.x.links.D: "grafana" is not an address that begins with https://.',
    ),
    ("queues: {'': {}}", '1: queues: "" should not be empty.'),
    ("health: {waiting: {warning: 60}}", "1: health.waiting: warning (60) is above critical (50)."),
    (
        "health: {processing: {critical: 10s}}",
        "1: health.processing: warning (30 s) is above critical (10 s).",
    ),
    ("sources: {a/b: {}}", '1: sources: "a/b" should be a word without "/" and spaces.'),
    (
        "sources: {main: {prefix: ''}}",
        '1: sources.main.prefix: "" should be a word without "/" and spaces.',
    ),
]
SECRETS = [
    ("sources:\n  main: {url: '${NOPE}'}", "2: sources.main.url: NOPE is not set."),
    (
        "sources: {main: {url: 'redis://${A B}'}}",
        '1: sources.main.url: "${A B}" names no variable. Write it as ${NAME}.',
    ),
    (
        "sources: {main: {url: 'http://:hunter2@h'}}",
        (
            "1: sources.main.url should begin with "
            "redis://, rediss://, redis+sentinel:// or redis+cluster://"
        ),
    ),
    ("sources: {main: 'redis://:hunter2@h'}", "1: sources.main: should be a mapping of keys."),
    ("sources: 'redis://:hunter2@h'", "1: sources: should be a mapping of keys."),
    ("sources: {main: {url: [hunter2]}}", "1: sources.main.url: should be text."),
    (
        "sources: {main: {'redis://:hunter2@h': }}",
        '1: unknown key "redis://…" under sources.main. Known here: url, prefix.',
    ),
    ("heartbeat: hunter2", "1: heartbeat: should be a mapping of keys."),
    ("heartbeat: {url: hunter2}", "1: heartbeat.url should begin with https:// or http://"),
    ("heartbeat: {url: 'https://x/${TOKEN}'}", "1: heartbeat.url: TOKEN is not set."),
    ("channel: redis://:hunter2@h", None),
    ("poll_interval: redis://:hunter2@h", f'1: poll_interval: "redis://…" {DURATIONS}'),
]
SYNTAX = [
    ("[]", "1: the file should be a mapping of keys, not a list."),
    ("just text", '1: the file should be a mapping of keys, not "just text".'),
    ("channel: C1\n\nchannel: C2", '3: "channel" is given twice (first on line 1).'),
    ("queues:\n  a: {}\n  a: {}", '3: "a" is given twice under queues (first on line 2).'),
    ("queues:\n\ta: {}", "2: not valid YAML: a tab where only spaces are allowed."),
    ("channel: [", "1: not valid YAML: expected the node content, but found '<stream end>'."),
    ("a: 1\nb", "2: not valid YAML: could not find expected ':'."),
    ("channel: *x", '1: not valid YAML: text that begins with "*" needs quotes.'),
    ("channel: !x C1", '1: tags ("!") have no use here; text that begins with "!" needs quotes.'),
    (
        "channel: !!set {a}",
        '1: tags ("!") have no use here; text that begins with "!" needs quotes.',
    ),
    ("channel: !!int x", '1: "x" is not a number.'),
    ("---\n---\n", None),
    ("? [a]\n: 1", "1: a key should be plain text."),
    ("queues: {<<: 5}", '1: "<<" takes mappings only.'),
    ("queues: &a {x: *a}", "1: the file is nested too deeply or repeats itself too often."),
    ("[" * 5000, "1: the file is nested too deeply."),
    ("channel: C1\nqueues: \x07", "2: a character that YAML does not allow."),
    (b"channel: C1\nqueues: \xe9", "2: the file is not UTF-8 text."),
    ("channel: C1".encode("utf-16"), "1: the file is not UTF-8 text."),
]

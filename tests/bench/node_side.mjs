// Node's side of the bench: BullMQ 5 as a dashboard would use it. JSON lines in, JSON lines out.
// All queues share one connection, on which ioredis pipelines by itself: the quickest way there is.

import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { performance } from "node:perf_hooks";

const [folder, port] = process.argv.slice(2);
const load = createRequire(`${folder}/package.json`);
const { Queue } = load("bull5");
const IORedis = load("ioredis");
const connection = new (IORedis.default ?? IORedis)({ host: "127.0.0.1", port: Number(port), maxRetriesPerRequest: null });
let queues = [];
const cursors = new Map();

const queueOf = (name) => new Queue(name, { connection, prefix: "bull", skipMetasUpdate: true });

async function prepare({ names }) {
  queues = names.map(queueOf);
  await Promise.all(queues.map((queue) => queue.waitUntilReady()));
}

async function timed(work) {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

const counts = () => timed(() => Promise.all(queues.map((queue) => queue.getJobCounts())));

// What Bullhorn's look tells, by Queue and by plain commands.
async function look(queue) {
  const now = Date.now();
  const events = queue.toKey("events");
  const first = cursors.get(queue.name) ?? "0-0";
  const [, meta, waiting, inWindow, inDay, overdue, nextDelayed, active, happened] = await Promise.all([
    queue.getJobCounts(),
    connection.hmget(queue.toKey("meta"), "version", "paused", "concurrency", "max"),
    connection.lrange(queue.toKey("wait"), -5, -1),
    connection.zcount(queue.toKey("failed"), now - 900000, "+inf"),
    connection.zcount(queue.toKey("failed"), now - 86400000, "+inf"),
    connection.zcount(queue.toKey("delayed"), "-inf", (now + 1) * 4096 - 1),
    connection.zrange(queue.toKey("delayed"), 0, 0, "WITHSCORES"),
    connection.lrange(queue.toKey("active"), -50, -1),
    connection.xrange(events, `(${first}`, "+", "COUNT", 500),
    connection.pttl(queue.toKey("limiter")),
  ]);
  if (happened.length > 0) cursors.set(queue.name, happened.at(-1)[0]);
  await Promise.all([
    ...waiting.map((id) => connection.hmget(queue.toKey(id), "timestamp", "opts", "processedOn", "atm")),
    ...active.map((id) => connection.hmget(queue.toKey(id), "name", "processedOn", "attemptsMade", "atm", "ats")),
    ...active.map((id) => connection.exists(queue.toKey(`${id}:lock`))),
  ]);
  return { meta, inWindow, inDay, overdue, nextDelayed };
}

const looks = () => timed(() => Promise.all(queues.map(look)));

async function group({ name }) {
  const queue = queueOf(name);
  const groups = new Map();
  const ms = await timed(async () => {
    for (const job of await queue.getJobs(["failed"], 0, -1)) {
      const code = job.failedReason.match(/^[A-Z][A-Z0-9_]{2,}/)?.[0] ?? job.failedReason.replace(/\d+/g, "#");
      groups.set(code, (groups.get(code) ?? 0) + 1);
    }
  });
  return { ms, groups: groups.size, jobs: [...groups.values()].reduce((sum, count) => sum + count, 0) };
}

// The library's own bulk retry: whatever failed by then, a thousand a call.
const bulk_retry = async ({ name, until }) => ({ ms: await timed(() => queueOf(name).retryJobs({ timestamp: until })) });

// As bull-board retries a whole queue: it loads all failed jobs and retries each. Here, those of one error.
async function each_retry({ name, code }) {
  const ms = await timed(async () => {
    const jobs = await queueOf(name).getJobs(["failed"]);
    await Promise.all(jobs.filter((job) => job.failedReason.startsWith(`${code}:`)).map((job) => job.retry("failed")));
  });
  return { ms };
}

// The `node` that was started may be a wrapper around this.
const pid = () => process.pid;

const operations = { pid, prepare, counts, looks, group, bulk_retry, each_retry };

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { op, ...args } = JSON.parse(line);
  let answer;
  try {
    answer = { result: (await operations[op](args)) ?? null };
  } catch (error) {
    answer = { error: String(error?.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}).on("close", () => process.exit(0));

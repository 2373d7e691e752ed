// Real BullMQ queues and workers of four major versions, old and new minors, driven by JSON lines on standard input.
// A request is {id, op, ...}; its answer {id, result} or {id, error}. See node.py for the operations.

import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const load = createRequire(import.meta.url);
const [host, port] = process.argv.slice(2);
const connection = () => ({ host, port: Number(port), maxRetriesPerRequest: null });
const queues = new Map();
const workers = new Map();
const producers = new Map();
let nextWorker = 1;

function library(version) {
  return load(`bull${version}`);
}

function queueOf({ version, prefix, name, options = {} }) {
  const key = JSON.stringify([version, prefix, name]);
  if (!queues.has(key)) {
    const { Queue } = library(version);
    const queue = new Queue(name, { connection: connection(), prefix, ...options });
    queue.on("error", () => {});
    queues.set(key, queue);
  }
  return queues.get(key);
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// A job does what its data says: {ms: how long, fail: the error's text, times: how often it fails}.
function processorOf(state) {
  const failed = new Map();
  return async (job) => {
    state.started += 1;
    if (job.data.ms) await sleep(job.data.ms);
    if (job.data.log) await job.log(job.data.log);
    const before = failed.get(job.id) ?? 0;
    if (job.data.fail && !state.healthy && before < (job.data.times ?? Infinity)) {
      failed.set(job.id, before + 1);
      throw new Error(job.data.fail);
    }
    return { done: job.id };
  };
}

async function startWorker({ version, prefix, name, options = {} }) {
  const { Worker } = library(version);
  const state = { healthy: false, started: 0 };
  const worker = new Worker(name, processorOf(state), { connection: connection(), prefix, ...options });
  worker.on("error", () => {});
  await worker.waitUntilReady();
  const key = nextWorker++;
  workers.set(key, { worker, state });
  return key;
}

// A job and its children, all in one queue.
async function addFlow({ version, prefix, name, job }) {
  const { FlowProducer } = library(version);
  const producer = new FlowProducer({ connection: connection(), prefix });
  producer.on("error", () => {});
  const whole = (one) => ({ name: "work", data: {}, opts: {}, ...one, queueName: name, children: one.children?.map(whole) });
  const added = await producer.add(whole(job));
  await producer.close();
  return added.job.id;
}

function produce({ jobs, ...which }) {
  const key = nextWorker++;
  const queue = queueOf(which);
  const adding = async () => {
    const ids = [];
    for (const { name, data, opts } of jobs) ids.push((await queue.add(name, data, opts)).id);
    return ids;
  };
  producers.set(key, adding());
  return key;
}

async function produced({ key }) {
  const ids = await producers.get(key);
  producers.delete(key);
  return ids;
}

async function stopWorker({ key, force = false }) {
  await workers.get(key).worker.close(force);
  workers.delete(key);
}

async function waitFor({ counts, within = 20000, ...which }) {
  const queue = queueOf(which);
  const until = Date.now() + within;
  for (;;) {
    const seen = await queue.getJobCounts();
    if (Object.entries(counts).every(([state, count]) => seen[state] === count)) return seen;
    if (Date.now() > until) throw new Error(`waited for ${JSON.stringify(counts)}, saw ${JSON.stringify(seen)}`);
    await sleep(20);
  }
}

async function reset() {
  for (const { worker } of workers.values()) await worker.close(true);
  for (const queue of queues.values()) await queue.close();
  workers.clear();
  queues.clear();
}

const operations = {
  add: async ({ jobs, ...which }) => (await queueOf(which).addBulk(jobs)).map((job) => job.id),
  call: async ({ method, args = [], ...which }) => (await queueOf(which)[method](...args)) ?? null,
  state: async ({ job, ...which }) => (await queueOf(which).getJob(job))?.getState() ?? null,
  wait: waitFor,
  flow: addFlow,
  produce,
  produced,
  worker: startWorker,
  stop: stopWorker,
  heal: async ({ key }) => void (workers.get(key).state.healthy = true),
  started: async ({ key }) => workers.get(key).state.started,
  reset,
};

const plain = (value) => (value === undefined ? null : value);

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, op, ...args } = JSON.parse(line);
  let answer;
  try {
    answer = { id, result: plain(await operations[op](args)) };
  } catch (error) {
    answer = { id, error: String(error?.stack ?? error) };
  }
  let text;
  try {
    text = JSON.stringify(answer);
  } catch {
    text = JSON.stringify({ id, result: null }); // a Job or a Queue: nobody asks for it
  }
  process.stdout.write(`${text}\n`);
}).on("close", () => process.exit(0));

// BullMQ: https://docs.bullmq.io, "Queues", "Workers", "Retrying failing jobs".
const { Queue, Worker } = require("bullmq");

const [url, command, first, second] = process.argv.slice(2);
const { hostname, port } = new URL(url);
const connection = { host: hostname, port: Number(port), maxRetriesPerRequest: null };
const NAME = "transcribe";
const AT_ONCE = 1000;

const item = (number) => ({
  name: `calls/2026-11/${String(number).padStart(7, "0")}-recording.mp3`,
  etag: "d41d8cd98f00b204e9800998ecf8427e",
  size_bytes: 1234567,
  seconds: 600,
});

async function enqueue(items) {
  const queue = new Queue(NAME, { connection, defaultJobOptions: { attempts: 3, removeOnComplete: true } });
  await queue.waitUntilReady();
  const began = process.hrtime.bigint();
  for (let start = 0; start < items; start += AT_ONCE) {
    const count = Math.min(AT_ONCE, items - start);
    await queue.addBulk(Array.from({ length: count }, (_, index) => ({ name: "one", data: item(start + index) })));
  }
  tell(items, began);
  await queue.close();
}

async function work(concurrency, seconds) {
  let done = 0;
  // How long each slot was without an item: from the end of one to the begin of the next.
  const ends = [];
  const gaps = [];
  let begun = 0;
  const transcribe = async () => {
    begun += 1;
    if (begun > concurrency) gaps.push(performance.now() - ends.shift());
    ends.push(performance.now());
    return "0".repeat(64);
  };
  const worker = new Worker(NAME, transcribe, { connection, concurrency, autorun: false });
  await worker.waitUntilReady();
  const over = new Promise((resolve) => {
    worker.on("completed", () => (done += 1));
    worker.on("drained", resolve);
    setTimeout(resolve, seconds * 1000);
  });
  const began = process.hrtime.bigint();
  worker.run();
  await over;
  const sorted = Float64Array.from(gaps).sort();
  const gap = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  tell(done, began, { gap_p50_ms: gap(0.5), gap_p99_ms: gap(0.99) });
  await worker.close(true);
}

// A worker that says when it has an item, and keeps it.
async function hold(lease) {
  const tuned = lease === "default" ? {} : { lockDuration: lease * 1000, stalledInterval: lease * 1000 };
  const keep = async () => {
    console.log("held");
    await new Promise(() => {});
  };
  await new Worker(NAME, keep, { connection, ...tuned, autorun: false }).run();
}

function tell(done, began, more) {
  console.log(JSON.stringify({ done, seconds: Number(process.hrtime.bigint() - began) / 1e9, ...more }));
}

const commands = {
  enqueue: () => enqueue(Number(first)),
  work: () => work(Number(first), Number(second)),
  hold: () => hold(first),
};
commands[command]().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);

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
  const worker = new Worker(NAME, async () => "0".repeat(64), { connection, concurrency, autorun: false });
  await worker.waitUntilReady();
  const over = new Promise((resolve) => {
    worker.on("completed", () => (done += 1));
    worker.on("drained", resolve);
    setTimeout(resolve, seconds * 1000);
  });
  const began = process.hrtime.bigint();
  worker.run();
  await over;
  tell(done, began);
  await worker.close(true);
}

function tell(done, began) {
  console.log(JSON.stringify({ done, seconds: Number(process.hrtime.bigint() - began) / 1e9 }));
}

(command === "enqueue" ? enqueue(Number(first)) : work(Number(first), Number(second))).then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);

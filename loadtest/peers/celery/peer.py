"""Celery: https://docs.celeryq.dev, "Tasks" (acks_late, retries) and "Using Redis"."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time

import redis
from celery import Celery

app = Celery("peer", broker=os.environ["BROKER"] + "/0")
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True, task_ignore_result=True, worker_prefetch_multiplier=4)
if os.environ.get("VISIBILITY_TIMEOUT", "default") != "default":
    app.conf.broker_transport_options = {"visibility_timeout": int(os.environ["VISIBILITY_TIMEOUT"])}
# Of this process: when it was done with its last item; and where to it writes how long it was without one.
last_end = None
gaps = os.environ.get("GAPS") and open(os.environ["GAPS"], "a", buffering=1)


@app.task(name="transcribe", autoretry_for=(Exception,), max_retries=3)
def transcribe(recording):
    """The work: none, or for ever."""
    global last_end
    if os.environ.get("PEER_HOLDS"):
        os.write(1, b"held\n")
        time.sleep(1e6)
    if last_end is not None and gaps:
        gaps.write(f"{1e3 * (time.perf_counter() - last_end)}\n")
    last_end = time.perf_counter()


def enqueue(url, items):
    """Puts items in over one connection, as Celery's documents advise."""
    began = time.perf_counter()
    with app.producer_pool.acquire(block=True) as producer:
        for n in range(items):
            recording = {"name": f"calls/2026-11/{n:07}-recording.mp3", "etag": "d41d8cd98f00b204e9800998ecf8427e", "size_bytes": 1234567, "seconds": 600}
            transcribe.apply_async((recording,), producer=producer)
    tell(items, time.perf_counter() - began)


def work(url, workers, seconds):
    """One worker with so many processes; begins to count when it takes its first items."""
    server = redis.Redis.from_url(url)
    left = lambda: server.llen("celery") + server.hlen("unacked")
    before = left()
    command = [sys.executable, "-m", "celery", "--app", "peer", "worker", "--concurrency", str(workers), "--loglevel", "ERROR", "--without-gossip", "--without-mingle"]
    folder = tempfile.TemporaryDirectory()
    gaps_of = os.path.join(folder.name, "gaps")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "GAPS": gaps_of})
    while left() == before and process.poll() is None:
        time.sleep(0.01)
    began = time.perf_counter()
    while left() > 0 and time.perf_counter() - began < seconds and process.poll() is None:
        time.sleep(0.02)
    done, took = before - left(), time.perf_counter() - began
    process.send_signal(signal.SIGTERM)
    process.wait()
    with open(gaps_of) as lines:
        all_gaps = sorted(map(float, lines))
    gap = lambda share: all_gaps[min(len(all_gaps) - 1, int(len(all_gaps) * share))]
    tell(done, took, gap_p50_ms=gap(0.5), gap_p99_ms=gap(0.99))


def hold(lease):
    """A worker that says when it has an item, and keeps it."""
    os.environ.update(PEER_HOLDS="1", VISIBILITY_TIMEOUT=lease)
    os.execv(sys.executable, [sys.executable, "-m", "celery", "--app", "peer", "worker", "--concurrency", "1", "--loglevel", "ERROR"])


def tell(done, seconds, **more):
    """The last line."""
    print(json.dumps({"done": done, "seconds": seconds, **more}))


if __name__ == "__main__":
    url, command, *arguments = sys.argv[1:]
    if command == "hold":
        hold(*arguments)
    else:
        {"enqueue": enqueue, "work": work}[command](url, *map(int, arguments))

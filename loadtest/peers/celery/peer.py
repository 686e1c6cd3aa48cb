"""Celery: https://docs.celeryq.dev, "Tasks" (acks_late, retries) and "Using Redis"."""

import json
import os
import signal
import subprocess
import sys
import time

import redis
from celery import Celery

app = Celery("peer", broker=os.environ["BROKER"] + "/0")
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True, task_ignore_result=True, worker_prefetch_multiplier=4)


@app.task(name="transcribe", autoretry_for=(Exception,), max_retries=3)
def transcribe(recording):
    """The work: none."""


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
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while left() == before and process.poll() is None:
        time.sleep(0.01)
    began = time.perf_counter()
    while left() > 0 and time.perf_counter() - began < seconds and process.poll() is None:
        time.sleep(0.02)
    done, took = before - left(), time.perf_counter() - began
    process.send_signal(signal.SIGTERM)
    process.wait()
    tell(done, took)


def tell(done, seconds):
    """The last line."""
    print(json.dumps({"done": done, "seconds": seconds}))


if __name__ == "__main__":
    numbers = [int(number) for number in sys.argv[3:]]
    {"enqueue": enqueue, "work": work}[sys.argv[2]](sys.argv[1], *numbers)

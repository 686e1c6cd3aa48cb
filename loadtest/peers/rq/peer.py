"""RQ: https://python-rq.org/docs, "Jobs", "Workers", "Exceptions & Retries"."""

import json
import logging
import multiprocessing
import os
import sys
import time

from redis import Redis
from rq import Queue, Retry, SimpleWorker, Worker

AT_ONCE = 1000
# Of this process: when it was done with its last item, and how long it was without one, from the end of one to the begin of the next.
last_end = None
gaps = []


def transcribe(recording):
    """The work: none, or for ever."""
    global last_end
    if os.environ.get("PEER_HOLDS"):
        os.write(1, b"held\n")
        time.sleep(1e6)
    if last_end is not None:
        gaps.append(1e3 * (time.perf_counter() - last_end))
    last_end = time.perf_counter()
    return "0" * 64


def enqueue(url, items):
    """Puts items in, in pipelines as RQ's documents show."""
    queue = Queue(connection=Redis.from_url(url))
    began = time.perf_counter()
    for start in range(0, items, AT_ONCE):
        queue.enqueue_many(
            [
                Queue.prepare_data(
                    transcribe,
                    ({"name": f"calls/2026-11/{n:07}-recording.mp3", "etag": "d41d8cd98f00b204e9800998ecf8427e", "size_bytes": 1234567, "seconds": 600},),
                    retry=Retry(max=3),
                    result_ttl=0,
                )
                for n in range(start, min(items, start + AT_ONCE))
            ]
        )
    tell(items, began)


def one_worker(url, seconds, sent_gaps):
    """A worker until nothing is left or the time is over."""
    logging.disable(logging.CRITICAL)
    connection = Redis.from_url(url)
    worker = SimpleWorker([Queue(connection=connection)], connection=connection)
    until = time.perf_counter() + seconds
    while time.perf_counter() < until and worker.work(burst=True, max_jobs=50, logging_level="CRITICAL"):
        pass
    sent_gaps.put(gaps)


def work(url, workers, seconds):
    """Several workers, each a process."""
    queue = Queue(connection=Redis.from_url(url))
    before = len(queue)
    began = time.perf_counter()
    sent_gaps = multiprocessing.Queue()
    processes = [multiprocessing.Process(target=one_worker, args=(url, seconds, sent_gaps)) for _ in range(workers)]
    for process in processes:
        process.start()
    all_gaps = sorted(gap for _ in processes for gap in sent_gaps.get())
    for process in processes:
        process.join()
    gap = lambda share: all_gaps[min(len(all_gaps) - 1, int(len(all_gaps) * share))]
    tell(before - len(queue), began, gap_p50_ms=gap(0.5), gap_p99_ms=gap(0.99))


def hold(url, lease):
    """A worker that says when it has an item, and keeps it."""
    logging.disable(logging.CRITICAL)
    os.environ["PEER_HOLDS"] = "1"
    connection = Redis.from_url(url)
    tuned = {} if lease == "default" else {"worker_ttl": int(lease), "job_monitoring_interval": int(lease) // 3, "maintenance_interval": int(lease) // 3}
    Worker([Queue(connection=connection)], connection=connection, **tuned).work(logging_level="CRITICAL")


def tell(done, began, **more):
    """The last line."""
    print(json.dumps({"done": done, "seconds": time.perf_counter() - began, **more}))


if __name__ == "__main__":
    url, command, *arguments = sys.argv[1:]
    if command == "hold":
        hold(url, *arguments)
    else:
        {"enqueue": enqueue, "work": work}[command](url, *map(int, arguments))

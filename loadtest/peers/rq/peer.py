"""RQ: https://python-rq.org/docs, "Jobs", "Workers", "Exceptions & Retries"."""

import json
import logging
import multiprocessing
import sys
import time

from redis import Redis
from rq import Queue, Retry, SimpleWorker

AT_ONCE = 1000


def transcribe(recording):
    """The work: none."""
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


def one_worker(url, seconds):
    """A worker until nothing is left or the time is over."""
    logging.disable(logging.CRITICAL)
    connection = Redis.from_url(url)
    worker = SimpleWorker([Queue(connection=connection)], connection=connection)
    until = time.perf_counter() + seconds
    while time.perf_counter() < until and worker.work(burst=True, max_jobs=50, logging_level="CRITICAL"):
        pass


def work(url, workers, seconds):
    """Several workers, each a process."""
    queue = Queue(connection=Redis.from_url(url))
    before = len(queue)
    began = time.perf_counter()
    processes = [multiprocessing.Process(target=one_worker, args=(url, seconds)) for _ in range(workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    tell(before - len(queue), began)


def tell(done, began):
    """The last line."""
    print(json.dumps({"done": done, "seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    numbers = [int(number) for number in sys.argv[3:]]
    {"enqueue": enqueue, "work": work}[sys.argv[2]](sys.argv[1], *numbers)

// asynq: https://github.com/hibiken/asynq, "Quickstart" and "Task Retry".
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/url"
	"os"
	"sort"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
)

const kind = "transcribe"

func main() {
	address, err := url.Parse(os.Args[1])
	must(err)
	redis := asynq.RedisClientOpt{Addr: address.Host, PoolSize: 100}
	if os.Args[2] == "hold" {
		hold(redis, os.Args[3] != "default")
		return
	}
	first, err := strconv.Atoi(os.Args[3])
	must(err)
	if os.Args[2] == "enqueue" {
		enqueue(redis, first)
		return
	}
	seconds, err := strconv.Atoi(os.Args[4])
	must(err)
	work(redis, first, time.Duration(seconds)*time.Second)
}

func enqueue(redis asynq.RedisClientOpt, items int) {
	client := asynq.NewClient(redis)
	defer client.Close()
	began := time.Now()
	// One at a time is all that it offers; several clients at once are what a user would run.
	const clients = 16
	done := make(chan error, clients)
	for part := 0; part < clients; part++ {
		go func(part int) {
			for number := part; number < items; number += clients {
				payload := fmt.Sprintf(`{"name":"calls/2026-11/%07d-recording.mp3","etag":"d41d8cd98f00b204e9800998ecf8427e","size_bytes":1234567,"seconds":600}`, number)
				if _, err := client.Enqueue(asynq.NewTask(kind, []byte(payload)), asynq.MaxRetry(3)); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}(part)
	}
	for part := 0; part < clients; part++ {
		must(<-done)
	}
	tell(int64(items), began)
}

// A worker that says when it has an item, and keeps it. Its lease is fixed, 30 seconds looked after every minute; what can be
// set is how soon a failed task is tried again.
func hold(redis asynq.RedisClientOpt, tuned bool) {
	config := asynq.Config{Concurrency: 1, LogLevel: asynq.ErrorLevel}
	if tuned {
		config.RetryDelayFunc = func(int, error, *asynq.Task) time.Duration { return 0 }
		config.DelayedTaskCheckInterval = time.Second
	}
	must(asynq.NewServer(redis, config).Run(asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		fmt.Println("held")
		select {}
	})))
}

func work(redis asynq.RedisClientOpt, concurrency int, limit time.Duration) {
	var done atomic.Int64
	// How long each slot was without an item: from the end of one to the begin of the next.
	ends := make(chan time.Time, concurrency)
	var begun atomic.Int64
	gaps := make(chan time.Duration, 1<<20)
	server := asynq.NewServer(redis, asynq.Config{Concurrency: concurrency, LogLevel: asynq.ErrorLevel})
	inspector := asynq.NewInspector(redis)
	defer inspector.Close()
	began := time.Now()
	must(server.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		if begun.Add(1) > int64(concurrency) {
			select {
			case gaps <- time.Since(<-ends):
			default:
			}
		}
		done.Add(1)
		ends <- time.Now()
		return nil
	})))
	for time.Since(began) < limit {
		info, err := inspector.GetQueueInfo("default")
		if err == nil && info.Pending+info.Active == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	total, seconds := done.Load(), time.Since(began).Seconds()
	sorted := make([]float64, len(gaps))
	for index := range sorted {
		sorted[index] = float64(<-gaps) / 1e6
	}
	sort.Float64s(sorted)
	gap := func(share float64) float64 { return sorted[min(len(sorted)-1, int(float64(len(sorted))*share))] }
	print(map[string]any{"done": total, "seconds": seconds, "gap_p50_ms": gap(0.5), "gap_p99_ms": gap(0.99)})
	server.Stop()
}

func tell(done int64, began time.Time) {
	print(map[string]any{"done": done, "seconds": time.Since(began).Seconds()})
}

func print(figures map[string]any) {
	line, err := json.Marshal(figures)
	must(err)
	fmt.Println(string(line))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

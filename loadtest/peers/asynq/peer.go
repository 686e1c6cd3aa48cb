// asynq: https://github.com/hibiken/asynq, "Quickstart" and "Task Retry".
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/url"
	"os"
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

func work(redis asynq.RedisClientOpt, concurrency int, limit time.Duration) {
	var done atomic.Int64
	server := asynq.NewServer(redis, asynq.Config{Concurrency: concurrency, LogLevel: asynq.ErrorLevel})
	inspector := asynq.NewInspector(redis)
	defer inspector.Close()
	began := time.Now()
	must(server.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		done.Add(1)
		return nil
	})))
	for time.Since(began) < limit {
		info, err := inspector.GetQueueInfo("default")
		if err == nil && info.Pending+info.Active == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	tell(done.Load(), began)
	server.Stop()
}

func tell(done int64, began time.Time) {
	line, err := json.Marshal(map[string]any{"done": done, "seconds": time.Since(began).Seconds()})
	must(err)
	fmt.Println(string(line))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

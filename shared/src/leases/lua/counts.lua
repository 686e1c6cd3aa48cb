-- counts: a shard's counts and sums at one moment.
--
-- KEYS    1–7 the shard
-- ARGV    1 schema
-- returns { ready, leased, delayed, dead, done, enqueued, ready_ms, leased_ms, delayed_ms, dead_ms, done_ms,
--           leased and past the deadline, delayed and due, 1 if cancelled else 0, the longest ready one in ms or 0,
--           parts of recordings that are not their first }
-- before  any
-- after   every item as it was

local refused = refusal()
if refused then return refused end

local now = integer(now_ms())
local ready, leased = redis.call('ZCARD', READY), redis.call('ZCARD', LEASED)
local delayed, dead = redis.call('ZCARD', DELAYED), redis.call('ZCARD', DEAD)
local enqueued = redis.call('HLEN', ITEMS)
local totals = redis.call('HMGET', TOTALS, 'all_ms', 'ready_ms', 'delayed_ms', 'dead_ms', 'done_ms')
for i = 1, 5 do totals[i] = totals[i] or '0' end
local all_ms, ready_ms, delayed_ms, dead_ms, done_ms = unpack(totals)
return {
  ready, leased, delayed, dead, enqueued - ready - leased - delayed - dead, enqueued,
  ready_ms, integer(all_ms - ready_ms - delayed_ms - dead_ms - done_ms), delayed_ms, dead_ms, done_ms,
  redis.call('ZCOUNT', LEASED, '-inf', now), redis.call('ZCOUNT', DELAYED, '-inf', now),
  redis.call('HGET', META, 'cancelled') and 1 or 0, redis.call('ZREVRANGE', READY, 0, 0, 'WITHSCORES')[2] or '0',
  redis.call('HGET', TOTALS, 'further_parts') or '0',
}

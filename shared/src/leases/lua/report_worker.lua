-- report_worker: what a worker says of itself; forgotten when it says nothing for `ttl` ms.
--
-- KEYS    1 reports (hash), 2 when each expires (sorted set)
-- ARGV    1 worker, 2 report as JSON, 3 ttl in ms
-- returns 1
-- before  any
-- after   the worker is present

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now), 'LIMIT', 0, 32)) do
  redis.call('ZREM', KEYS[2], gone)
  redis.call('HDEL', KEYS[1], gone)
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], string.format('%.0f', now + tonumber(ARGV[3])), ARGV[1])
return 1

-- idle: a worker with nothing to claim asks whether to wait or to leave. As many idle workers stay as items are
-- leased or delayed somewhere, so that the death of any holder finds somebody to take its work over.
--
-- KEYS    1 idle workers by when they expire (sorted set)
-- ARGV    1 worker, 2 ttl in ms, 3 leased and delayed items of the whole batch
-- returns { 'stay' | 'leave', other idle workers }
-- before  busy or idle
-- after   idle, or gone from the list when it may leave

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local worker, live = ARGV[1], tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local others, before = 0, 0
for _, other in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if other ~= worker then
    others = others + 1
    if other < worker then before = before + 1 end
  end
end
if before >= live then
  redis.call('ZREM', KEYS[1], worker)
  return { 'leave', others }
end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2])), worker)
return { 'stay', others }

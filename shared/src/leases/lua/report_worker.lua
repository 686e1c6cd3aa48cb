-- report_worker: what a worker says of itself; forgotten when it says nothing for `ttl` ms. It is told what all say together.
--
-- KEYS    1 reports (hash), 2 when each expires (sorted set), 3 speed, audio in hand and slowness of each, and the sums (hash)
-- ARGV    1 worker, 2 report as JSON, 3 ttl in ms, 4 its speed in thousandths, 0 if unknown, 5 audio in hand in ms,
--         6 1 if it finds itself slow, else 0
-- returns { sum of the speeds, workers whose speed is known, audio in hand of all, workers that are slow }
-- before  any
-- after   the worker is present

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

-- No worker's name begins with '+'. Minus zero is no integer to Redis.
local function add(sign, speed, in_hand, slow)
  local sums = { ['+speed'] = speed, ['+known'] = speed > 0 and 1 or 0, ['+in_hand'] = in_hand, ['+slow'] = slow }
  for field, number in pairs(sums) do
    if number > 0 then redis.call('HINCRBY', KEYS[3], field, string.format('%.0f', sign * number)) end
  end
end

local function take_off(worker)
  local speed, in_hand, slow = string.match(redis.call('HGET', KEYS[3], worker) or '', '^(%d+) (%d+) (%d)$')
  if speed then add(-1, tonumber(speed), tonumber(in_hand), tonumber(slow)) end
  redis.call('HDEL', KEYS[3], worker)
end

for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now), 'LIMIT', 0, 32)) do
  redis.call('ZREM', KEYS[2], gone)
  redis.call('HDEL', KEYS[1], gone)
  take_off(gone)
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], string.format('%.0f', now + tonumber(ARGV[3])), ARGV[1])
take_off(ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[4] .. ' ' .. ARGV[5] .. ' ' .. ARGV[6])
add(1, tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]))
local sums = redis.call('HMGET', KEYS[3], '+speed', '+known', '+in_hand', '+slow')
return { sums[1] or '0', sums[2] or '0', sums[3] or '0', sums[4] or '0' }

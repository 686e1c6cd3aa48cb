-- Prefixed to every script of a shard: its keys, its version, and the one way an item changes its place.
--
-- KEYS 1 meta  2 items  3 ready  4 leased  5 delayed  6 dead  7 totals
-- ARGV 1 protocol schema version                                         (2…: see the script)
--
-- Redis does not undo what a failed script has written, so every script reads and judges an item before it writes
-- it, and writes all of it. The first write is always one that frees (ZREM): Redis then lets the script finish even
-- when memory is full, so that work in flight can end.
--
-- Each call into Redis costs about as much as the rest of a short script, and each function that is defined costs
-- though it is not called: hence no call that another could answer, and hence record.lua stands behind what nearly
-- every claim and completion comes to (claim_at_once.lua, complete_at_once.lua).

local META, ITEMS, READY, LEASED, DELAYED, DEAD, TOTALS = unpack(KEYS, 1, 7)
local SET_OF = { r = READY, l = LEASED, w = DELAYED, x = DEAD }
-- What is leased has no sum of its own: it is all_ms without the others.
local MS_OF = { r = 'ready_ms', w = 'delayed_ms', d = 'done_ms', x = 'dead_ms' }

-- Moves an item of so many milliseconds, in digits, between states; `score` is its place in the new state's sorted
-- set (done has none), `raw` its new record.
local function place(id, from, to, ms, score, raw)
  if SET_OF[from] then redis.call('ZREM', SET_OF[from], id) end
  -- Minus zero is no integer to Redis.
  if MS_OF[from] and ms ~= '0' then redis.call('HINCRBY', TOTALS, MS_OF[from], '-' .. ms) end
  if MS_OF[to] then redis.call('HINCRBY', TOTALS, MS_OF[to], ms) end
  if SET_OF[to] then redis.call('ZADD', SET_OF[to], score, id) end
  redis.call('HSET', ITEMS, id, raw)
end

-- The server's clock in milliseconds, in digits.
local function now_digits()
  local time = redis.call('TIME')
  return time[1] .. string.sub('00000' .. time[2], -6, -4)
end

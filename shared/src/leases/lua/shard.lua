-- Prefixed to every script of a shard: its keys, its clock.
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

-- The server's clock in milliseconds, in digits.
local function now_digits()
  local time = redis.call('TIME')
  return time[1] .. string.sub('00000' .. time[2], -6, -4)
end

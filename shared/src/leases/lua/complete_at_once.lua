-- complete_at_once: what nearly every completion comes to. The item is held under this epoch, and it is its first
-- attempt: it is done without its record being taken apart. Anything else is left to complete.lua, which stands behind
-- this, and nothing is written here before that is decided.
--
-- The schema is not looked at: an item that is held under this epoch was claimed by this very protocol, and of a batch
-- that has been made anew since, no item has it.
--
-- KEYS, ARGV, returns, before, after: as complete.lua

do
  local id, epoch = ARGV[2], ARGV[3]
  local raw = redis.call('HGET', ITEMS, id) or ''
  local ms, held_under, line_end = string.match(raw, '^l|(%d+)|(%d+)|1||||||[^|\n]*()\n')
  if held_under == epoch then
    redis.call('ZREM', LEASED, id)
    redis.call('HINCRBY', TOTALS, 'done_ms', ms)
    redis.call('HSET', ITEMS, id, 'd' .. string.sub(raw, 2, line_end - 1) .. '||' .. ARGV[4] .. string.sub(raw, line_end))
    return { 'done' }
  end
end

-- complete_at_once: what nearly every completion comes to. The item is held under this epoch, and it is its first
-- attempt: it is done without its record being taken apart. Anything else is left to complete.lua, which stands behind
-- this, and nothing is written here before that is decided.
--
-- KEYS, ARGV, returns, before, after: as complete.lua

if redis.call('HGET', META, 'schema') == ARGV[1] then
  local raw = redis.call('HGET', ITEMS, ARGV[2]) or ''
  local ms, epoch, line_end = string.match(raw, '^l|(%d+)|(%d+)|1||||||[^|\n]*()\n')
  if epoch == ARGV[3] then
    local line = 'd' .. string.sub(raw, 2, line_end - 1) .. '||' .. ARGV[4]
    place(ARGV[2], 'l', 'd', ms, nil, line .. string.sub(raw, line_end))
    return { 'done' }
  end
end

-- Put behind shard.lua in every script of a shard: its version, its records, and the one way an item changes state.
--
-- A record is one line of fields joined by '|' and, after a newline, the payload, of which no script reads more than whether it is a
-- part:
--   state|ms|epoch|attempts|fails|lost|released|base|ended|owner|class|note
-- Zero and nothing are written as the empty text, and separators that nothing follows are left out, since most items
-- wait in their first state and memory counts: `r|312500` is a whole record.
--   state  r ready, l leased, w delayed, d done, x dead
--   base   fails,lost,released at the last requeue: history is kept, the limits count from here
--   ended  how the current epoch ended: f failed, l lost, r released, '' still held, never claimed or done
--   note   the last error, or the digest of a done item

local SET_OF = { r = READY, l = LEASED, w = DELAYED, x = DEAD }
-- What is leased has no sum of its own: it is all_ms without the others.
local MS_OF = { r = 'ready_ms', w = 'delayed_ms', d = 'done_ms', x = 'dead_ms' }

local function integer(n)
  return string.format('%.0f', n)
end

local function short(n)
  if n == 0 then return '' end
  return integer(n)
end

-- 1 for a part of a recording that is not its first, else 0: its payload ends with `[index,count,whole in ms]]`.
local function further_part(payload)
  local index = string.match(payload, '%[(%d+),%d+,%d+%]%]$')
  return index and index ~= '0' and 1 or 0
end

local function now_ms()
  return tonumber(now_digits())
end

local function refusal()
  local found = redis.call('HGET', META, 'schema')
  if not found then
    return redis.error_reply('STENO_NOBATCH ' .. META)
  end
  if found ~= ARGV[1] then
    return redis.error_reply('STENO_SCHEMA ' .. found)
  end
end

local function limit(name)
  return tonumber(redis.call('HGET', META, name))
end

local function parse(id, raw)
  local at = string.find(raw, '\n', 1, true)
  local state, ms, epoch, attempts, fails, lost, released, base, ended, owner, class, note = string.match(
    string.sub(raw, 1, (at or 1) - 1) .. '||||||||||',
    '^([rlwdx])|(%d+)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)'
  )
  if not state then
    error('STENO_CORRUPT the record of item ' .. id)
  end
  local base_fails, base_lost, base_released = string.match(base, '^(%d+),(%d+),(%d+)$')
  return {
    state = state, ms = tonumber(ms), epoch = epoch, attempts = tonumber(attempts) or 0,
    fails = tonumber(fails) or 0, lost = tonumber(lost) or 0, released = tonumber(released) or 0,
    base = base, base_fails = tonumber(base_fails) or 0, base_lost = tonumber(base_lost) or 0,
    base_released = tonumber(base_released) or 0,
    ended = ended, owner = owner, class = class, note = note, payload = string.sub(raw, at + 1),
  }
end

local function load(id)
  local raw = redis.call('HGET', ITEMS, id)
  if raw then return parse(id, raw) end
end

local function text(item)
  local line = table.concat({
    item.state, integer(item.ms), item.epoch, short(item.attempts), short(item.fails), short(item.lost),
    short(item.released), item.base, item.ended, item.owner, item.class, item.note,
  }, '|')
  return string.gsub(line, '|+$', '') .. '\n' .. item.payload
end

-- Moves an item to a state; `score` is its place in that state's sorted set (done has none).
local function move(id, item, state, score)
  local from, ms = item.state, integer(item.ms)
  item.state = state
  if SET_OF[from] then redis.call('ZREM', SET_OF[from], id) end
  -- Not -ms: minus zero is no integer to Redis.
  if MS_OF[from] then redis.call('HINCRBY', TOTALS, MS_OF[from], integer(0 - item.ms)) end
  if MS_OF[state] then redis.call('HINCRBY', TOTALS, MS_OF[state], ms) end
  if SET_OF[state] then redis.call('ZADD', SET_OF[state], integer(score), id) end
  redis.call('HSET', ITEMS, id, text(item))
end

-- The answer to somebody who acts on an epoch that is no longer the item's.
local function superseded(item)
  if not item then return { 'superseded' } end
  return { 'superseded', item.state, item.epoch, item.owner }
end

-- Prefixed to every script of a shard: its keys, its clock, its records and the one way an item changes state.
--
-- KEYS 1 meta  2 items  3 ready  4 leased  5 delayed  6 dead  7 totals   (8: see the script)
-- ARGV 1 protocol schema version                                         (2…: see the script)
--
-- A record is one line of fields joined by '|' and, after a newline, the payload, which no script reads:
--   state|ms|epoch|attempts|fails|lost|released|base|ended|owner|class|note
-- Zero and nothing are written as the empty text, and separators that nothing follows are left out, since most items
-- wait in their first state and memory counts: `r|312500` is a whole record.
--   state  r ready, l leased, w delayed, d done, x dead
--   base   fails,lost,released at the last requeue: history is kept, the limits count from here
--   ended  how the current epoch ended: f failed, l lost, r released, '' still held, never claimed or done
--   note   the last error, or the digest of a done item
--
-- Redis does not undo what a failed script has written, so every script reads and judges an item before it writes
-- it, and writes all of it. The first write is always one that frees (ZREM): Redis then lets the script finish even
-- when memory is full, so that work in flight can end.

local META, ITEMS, READY, LEASED, DELAYED, DEAD, TOTALS = unpack(KEYS, 1, 7)
local SET_OF = { r = READY, l = LEASED, w = DELAYED, x = DEAD }
local MS_OF = { r = 'ready_ms', l = 'leased_ms', w = 'delayed_ms', d = 'done_ms', x = 'dead_ms' }
local FIELDS = '^(%a)|(%d+)' .. string.rep('|([^|]*)', 10)

local function integer(n)
  return string.format('%.0f', n)
end

local function short(n)
  if n == 0 then return '' end
  return integer(n)
end

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
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
  local line, payload = string.match(raw, '^([^\n]*)\n(.*)$')
  local state, ms, epoch, attempts, fails, lost, released, base, ended, owner, class, note =
    string.match((line or '') .. '||||||||||', FIELDS)
  if not state or not MS_OF[state] then
    error('STENO_CORRUPT the record of item ' .. id)
  end
  local base_fails, base_lost, base_released = string.match(base, '^(%d+),(%d+),(%d+)$')
  return {
    state = state, ms = tonumber(ms), epoch = epoch, attempts = tonumber(attempts) or 0,
    fails = tonumber(fails) or 0, lost = tonumber(lost) or 0, released = tonumber(released) or 0,
    base = base, base_fails = tonumber(base_fails) or 0, base_lost = tonumber(base_lost) or 0,
    base_released = tonumber(base_released) or 0,
    ended = ended, owner = owner, class = class, note = note, payload = payload,
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
  if SET_OF[item.state] then redis.call('ZREM', SET_OF[item.state], id) end
  redis.call('HINCRBY', TOTALS, MS_OF[item.state], integer(0 - item.ms)) -- not -ms: minus zero is no integer to Redis
  item.state = state
  redis.call('HINCRBY', TOTALS, MS_OF[state], integer(item.ms))
  if SET_OF[state] then
    redis.call('ZADD', SET_OF[state], integer(score), id)
  else
    redis.call('HINCRBY', TOTALS, 'done', 1)
  end
  redis.call('HSET', ITEMS, id, text(item))
end

-- The answer to somebody who acts on an epoch that is no longer the item's.
local function superseded(item)
  if not item then return { 'superseded' } end
  return { 'superseded', item.state, item.epoch, item.owner }
end

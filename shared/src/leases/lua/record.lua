-- Put behind shard.lua in every script of a shard: its clock, its records.
--
-- A record is one line of fields joined by '|' and, after a newline, the payload, which no script reads:
--   state|ms|epoch|attempts|fails|lost|released|base|ended|owner|class|note
-- Zero and nothing are written as the empty text, and separators that nothing follows are left out, since most items
-- wait in their first state and memory counts: `r|312500` is a whole record.
--   state  r ready, l leased, w delayed, d done, x dead
--   base   fails,lost,released at the last requeue: history is kept, the limits count from here
--   ended  how the current epoch ended: f failed, l lost, r released, '' still held, never claimed or done
--   note   the last error, or the digest of a done item

local function integer(n)
  return string.format('%.0f', n)
end

local function short(n)
  if n == 0 then return '' end
  return integer(n)
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

-- Moves an item to a state, as `place` does.
local function move(id, item, state, score)
  local from = item.state
  item.state = state
  place(id, from, state, integer(item.ms), score and integer(score), text(item))
end

-- The answer to somebody who acts on an epoch that is no longer the item's.
local function superseded(item)
  if not item then return { 'superseded' } end
  return { 'superseded', item.state, item.epoch, item.owner }
end

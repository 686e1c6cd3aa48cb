-- fail: the attempt did not work. It waits and is tried again, or is dead: poison at once, else when its failures
-- since the last requeue reach the limit.
--
-- The wait doubles with each failure from backoff_base_ms to backoff_cap_ms, times 0.5 to 1 drawn from id and epoch.
-- A loss that was counted for this epoch is taken off: the worker had not vanished after all.
--
-- KEYS    1–7 the shard
-- ARGV    1 schema, 2 id, 3 epoch, 4 class (retry, poison), 5 error
-- returns { 'delayed', ms } | { 'dead' } | { 'superseded', state, epoch, owner }
-- before  leased; ready or dead when the lease was taken back and not claimed since
-- after   delayed or dead

local refused = refusal()
if refused then return refused end

local id, epoch, class, note = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local item = load(id)
if not item or item.state == 'd' or item.epoch ~= epoch or item.ended == 'r' then return superseded(item) end

local now = now_ms()
if item.ended == 'f' then
  -- Said before: the answer that was lost, as far as it still holds.
  if item.state == 'x' then return { 'dead' } end
  local due = tonumber(redis.call('ZSCORE', DELAYED, id)) or now
  return { 'delayed', integer(math.max(0, due - now)) }
end

if item.ended == 'l' and item.lost > item.base_lost then item.lost = item.lost - 1 end
item.fails = item.fails + 1
item.ended = 'f'
item.class = class
item.note = note
local fails = item.fails - item.base_fails
if class == 'poison' or fails >= limit('max_fails') then
  move(id, item, 'x', now)
  return { 'dead' }
end
local wait = math.min(limit('backoff_cap_ms'), limit('backoff_base_ms') * 2 ^ math.min(fails - 1, 40))
local draw = tonumber(string.sub(redis.sha1hex(id .. epoch), 1, 6), 16) / 0xffffff
wait = math.ceil(wait * (0.5 + 0.5 * draw))
move(id, item, 'w', now + wait)
return { 'delayed', integer(wait) }

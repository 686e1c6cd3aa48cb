-- release: gives an item back unfinished, on SIGTERM or when draining. It costs no attempt; it is counted, and an
-- item that is only ever given back ends among the dead, at a generous limit.
--
-- KEYS    1–7 the shard
-- ARGV    1 schema, 2 id, 3 epoch
-- returns { 'ready' } | { 'again' } | { 'dead' } | { 'superseded', state, epoch, owner }
-- before  leased; ready or dead when the lease was taken back and not claimed since
-- after   ready or dead

local refused = refusal()
if refused then return refused end

local id, epoch = ARGV[2], ARGV[3]
local item = load(id)
if not item or item.state == 'd' or item.epoch ~= epoch or item.ended == 'f' then return superseded(item) end
if item.ended == 'r' then
  if item.state == 'x' then return { 'dead' } end
  return { 'again' }
end

if item.ended == 'l' and item.lost > item.base_lost then item.lost = item.lost - 1 end
item.attempts = item.attempts - 1
item.released = item.released + 1
item.ended = 'r'
local released = item.released - item.base_released
if released >= limit('max_released') then
  item.class = 'released'
  item.note = 'given back unfinished ' .. integer(released) .. ' times, last by ' .. item.owner
  move(id, item, 'x', now_ms())
  return { 'dead' }
end
move(id, item, 'r', item.ms)
return { 'ready' }

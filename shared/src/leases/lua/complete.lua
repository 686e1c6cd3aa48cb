-- complete: the transcript is published. Accepted while the epoch is the item's last, wherever the item has got to
-- meanwhile: past its deadline, taken back, even dead for lost workers.
--
-- KEYS    1–7 the shard
-- ARGV    1 schema, 2 id, 3 epoch, 4 digest of what was published
-- returns { 'done' } | { 'again' } same digest as before | { 'superseded', state, epoch, owner }, without these
--         three when the item is unknown
-- before  leased, or ready, delayed or dead and not claimed since
-- after   done

local refused = refusal()
if refused then return refused end

local id, epoch, digest = ARGV[2], ARGV[3], ARGV[4]
local item = load(id)
if not item then return superseded(nil) end
if item.state == 'd' then
  if item.note == digest then return { 'again' } end
  return superseded(item)
end
if item.epoch ~= epoch then return superseded(item) end

item.ended = ''
item.class = ''
item.note = digest
move(id, item, 'd')
return { 'done' }

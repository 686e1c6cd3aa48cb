-- requeue: dead items get another chance. Their history and epoch stay; the limits count anew from here.
--
-- KEYS    1–7 the shard
-- ARGV    1 schema, then ids
-- returns number of items that were dead and are ready
-- before  dead; an item in any other state is left alone
-- after   ready

local refused = refusal()
if refused then return refused end

local requeued = 0
for i = 2, #ARGV do
  local id = ARGV[i]
  local item = load(id)
  if item and item.state == 'x' then
    item.base = integer(item.fails) .. ',' .. integer(item.lost) .. ',' .. integer(item.released)
    move(id, item, 'r', item.ms)
    requeued = requeued + 1
  end
end
return requeued

-- enqueue: adds items; one whose id is known is skipped, whatever its state, so a manifest can be replayed.
--
-- KEYS    1–7 the shard
-- ARGV    1 schema, then for each item: id, predicted length in ms, payload
-- returns number of items added
-- before  unknown
-- after   ready

local refused = refusal()
if refused then return refused end

local new, sum, further_parts = {}, 0, 0
for i = 2, #ARGV, 3 do
  local id, ms, payload = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if redis.call('HSETNX', ITEMS, id, 'r|' .. ms .. '\n' .. payload) == 1 then
    new[#new + 1] = ms
    new[#new + 1] = id
    sum = sum + ms
    further_parts = further_parts + further_part(payload)
  end
end
if #new > 0 then
  redis.call('ZADD', READY, unpack(new))
  redis.call('HINCRBY', TOTALS, 'ready_ms', integer(sum))
  redis.call('HINCRBY', TOTALS, 'all_ms', integer(sum))
  if further_parts > 0 then redis.call('HINCRBY', TOTALS, 'further_parts', further_parts) end
end
return #new / 2

-- forget: drops items that the input does not hold any more, or not in this version. One that somebody works on is
-- left alone. An item of the same id that is enqueued later has nothing of this one; its epoch is higher all the same,
-- since it follows the clock.
--
-- KEYS    1–7 the shard
-- ARGV    1 schema, then ids
-- returns number of items dropped
-- before  ready, delayed, dead or done
-- after   unknown

local refused = refusal()
if refused then return refused end

local dropped = 0
for i = 2, #ARGV do
  local id = ARGV[i]
  local item = load(id)
  if item and item.state ~= 'l' then
    if SET_OF[item.state] then redis.call('ZREM', SET_OF[item.state], id) end
    redis.call('HDEL', ITEMS, id)
    local less = integer(0 - item.ms) -- not -ms: as in place
    redis.call('HINCRBY', TOTALS, MS_OF[item.state], less)
    redis.call('HINCRBY', TOTALS, 'all_ms', less)
    if further_part(item.payload) > 0 then redis.call('HINCRBY', TOTALS, 'further_parts', -1) end
    dropped = dropped + 1
  end
end
return dropped

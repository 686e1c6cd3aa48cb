-- renew: moves the deadlines of all that a worker holds in this shard.
--
-- KEYS    1–7 the shard
-- ARGV    1 schema, 2 worker, 3 lease in ms, then pairs of id and epoch
-- returns { 1 if the worker should drain else 0, id of each lost lease… }
-- before  leased, the deadline past or not
-- after   leased with a new deadline; a lease that is no longer the worker's is left alone

local refused = refusal()
if refused then return refused end

local worker = ARGV[2]
local deadline = integer(now_ms() + tonumber(ARGV[3]))
local reply = { redis.call('HGET', META, 'cancelled') and 1 or 0 }
for i = 4, #ARGV, 2 do
  local id = ARGV[i]
  local item = load(id)
  if item and item.state == 'l' and item.epoch == ARGV[i + 1] and item.owner == worker then
    -- ZREM first: see the note on full memory in record.lua. A heartbeat must not fail for it.
    redis.call('ZREM', LEASED, id)
    redis.call('ZADD', LEASED, deadline, id)
  else
    reply[#reply + 1] = id
  end
end
return reply

-- claim: hands out leases, longest item first. On the way it promotes due delayed items and takes back expired
-- leases, at most `sweep` of each, so that its cost does not grow with what has piled up.
--
-- The worker's last grant is kept under its request id, in the shard's meta: the same request again gives the same
-- leases, as far as they are still held, and never new ones, since the first answer may have been lost on its way.
--
-- An item whose worker has vanished before is a suspect: it goes only to a worker that holds nothing else, so that no
-- innocent neighbour is counted as lost with it a second time. Others pass over a bounded number of suspects.
--
-- KEYS    1–7 the shard
-- ARGV    1 schema, 2 request id, 3 worker, 4 how many, 5 lease in ms, 6 sweep,
--         7 how many suspects to pass over, or '' if the worker holds nothing else,
--         8 the longest item wanted, in ms, or +inf
-- returns { 1 if cancelled else 0, ms until something may become claimable or -1; -1 too if all is granted,
--           { id, epoch, attempt, fails, lost, ms until the deadline, predicted ms, payload }… }
-- before  ready; delayed and due; leased and past the deadline
-- after   leased with a new epoch; ready; ready or (lost too often) dead

local refused = refusal()
if refused then return refused end

local request, worker, count, lease_ms = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local sweep = tonumber(ARGV[6])
local alone, passed_over = ARGV[7] == '', tonumber(ARGV[7]) or 0
local now = now_ms()
local cancelled = redis.call('HGET', META, 'cancelled') and 1 or 0
local grant = 'grant:' .. worker

local function lease(id, item, deadline)
  return { id, item.epoch, item.attempts, item.fails, item.lost, integer(deadline - now), integer(item.ms), item.payload }
end

local function next_due(granted)
  if cancelled == 1 or count > 0 and granted == count then return '-1' end
  local next
  for _, set in ipairs({ DELAYED, LEASED }) do
    local first = redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')
    if first[2] and (not next or tonumber(first[2]) < next) then next = tonumber(first[2]) end
  end
  if not next then return '-1' end
  return integer(math.max(0, next - now))
end

local last = redis.call('HGET', META, grant)
if last and string.match(last, '^[^\n]*') == request then
  local held = {}
  for id, epoch in string.gmatch(last, '\n([^\n ]+) (%d+)') do
    local item = load(id)
    if item and item.state == 'l' and item.epoch == epoch then
      held[#held + 1] = lease(id, item, tonumber(redis.call('ZSCORE', LEASED, id)))
    end
  end
  return { cancelled, next_due(#held), unpack(held) }
end

-- Items of a set that are due; an entry that its record contradicts is dropped, so that no sweep ever overwrites
-- what an item has become.
local function due(set, state)
  local found = {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', set, '-inf', integer(now), 'LIMIT', 0, sweep)) do
    local item = load(id)
    if item and item.state == state then
      found[#found + 1] = { id, item }
    else
      redis.call('ZREM', set, id)
    end
  end
  return found
end

for _, pair in ipairs(due(DELAYED, 'w')) do
  move(pair[1], pair[2], 'r', pair[2].ms)
end

for _, pair in ipairs(due(LEASED, 'l')) do
  local id, item = pair[1], pair[2]
  item.lost = item.lost + 1
  item.ended = 'l'
  item.class = 'lost'
  local lost = item.lost - item.base_lost
  if lost >= limit('max_lost') then
    item.note = 'the worker vanished ' .. (lost == 2 and 'twice' or integer(lost) .. ' times')
      .. ' while working on this recording, last ' .. item.owner
      .. '; if workers are killed for their memory, give them more (in a cluster worker.resources.limits.memory), then requeue it'
    move(id, item, 'x', now)
  else
    item.note = 'the worker ' .. item.owner .. ' vanished: its lease was not renewed'
    move(id, item, 'r', item.ms)
  end
end

local granted, record = {}, { request }
if cancelled == 0 and count > 0 then
  for _, id in ipairs(redis.call('ZREVRANGEBYSCORE', READY, ARGV[8], '-inf', 'LIMIT', 0, count + passed_over)) do
    if #granted == count then break end
    local item = load(id)
    if not item or item.state ~= 'r' then
      redis.call('ZREM', READY, id)
    elseif alone or item.lost == 0 then
      item.epoch = integer(math.max((tonumber(item.epoch) or 0) + 1, now))
      item.attempts = item.attempts + 1
      item.ended = ''
      item.owner = worker
      move(id, item, 'l', now + lease_ms)
      granted[#granted + 1] = lease(id, item, now + lease_ms)
      record[#record + 1] = id .. ' ' .. item.epoch
    end
  end
end
if #granted > 0 then
  redis.call('HSET', META, grant, table.concat(record, '\n'))
end
return { cancelled, next_due(#granted), unpack(granted) }

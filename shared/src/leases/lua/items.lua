-- items: one bounded page of a shard's items. An item that stays in its state is seen at least once over all pages,
-- rarely twice.
--
-- KEYS    1–7 the shard
-- ARGV    1 schema, 2 state letter or '' for all, 3 cursor ('0' to start), 4 about how many
-- returns { next cursor ('0' at the end),
--           { id, state, predicted ms, epoch, attempts, fails, lost, released, owner, class, note,
--             ms until due or deadline (negative: past) or '', payload }… }
-- before  any
-- after   every item as it was

local refused = refusal()
if refused then return refused end

local state, cursor, count = ARGV[2], ARGV[3], ARGV[4]
local now = now_ms()
local set = SET_OF[state]
local page = set and redis.call('ZSCAN', set, cursor, 'COUNT', count)
  or redis.call('HSCAN', ITEMS, cursor, 'COUNT', count)

local reply = { page[1] }
for i = 1, #page[2], 2 do
  local id, value = page[2][i], page[2][i + 1]
  local item = set and load(id) or not set and parse(id, value)
  if item and (state == '' or item.state == state) then
    local left = ''
    if item.state == 'l' or item.state == 'w' then
      local score = set and value or redis.call('ZSCORE', SET_OF[item.state], id)
      if score then left = integer(tonumber(score) - now) end
    end
    reply[#reply + 1] = {
      id, item.state, integer(item.ms), item.epoch, item.attempts, item.fails, item.lost, item.released, item.owner,
      item.class, item.note, left, item.payload,
    }
  end
end
return reply

-- workers: the reports of the workers that are present.
--
-- KEYS    1 reports (hash), 2 when each expires (sorted set)
-- ARGV    none
-- returns report as JSON…
-- before  any
-- after   as it was

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local reports = {}
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. string.format('%.0f', now), '+inf')) do
  local report = redis.call('HGET', KEYS[1], worker)
  if report then reports[#reports + 1] = report end
end
return reports

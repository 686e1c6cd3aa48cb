-- count_idle: how many workers wait for work.
--
-- KEYS    1 idle workers by when they expire (sorted set)
-- ARGV    none
-- returns number of idle workers
-- before  any
-- after   as it was

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
return redis.call('ZCOUNT', KEYS[1], '(' .. string.format('%.0f', now), '+inf')

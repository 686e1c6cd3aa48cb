-- take_run: makes a batch one run's, unless it is another's.
--
-- KEYS    1 whose the batch is (string)
-- ARGV    1 the run's id, 2 what it is called, 3 for how long in ms; 0 gives it up
-- returns what the other run is called; empty if the batch is this one's, or nobody's, now
-- before  any
-- after   the batch is somebody's, or nobody's

local held = redis.call('GET', KEYS[1])
local own = ARGV[1] .. '|'
if held and string.sub(held, 1, #own) ~= own then
  return string.match(held, '|(.*)$') or '?'
end
-- First, so that what follows is allowed when memory is full, as in record.lua.
redis.call('UNLINK', KEYS[1])
if tonumber(ARGV[3]) ~= 0 then
  redis.call('SET', KEYS[1], own .. ARGV[2], 'PX', ARGV[3])
end
return ''

-- cancel: stops or resumes handing out leases. What is held may finish or be given up.
--
-- KEYS    1–7 the shard
-- ARGV    1 schema, 2 1 to cancel, 0 to reopen
-- returns 1 if this changed anything, else 0
-- before  any
-- after   every item as it was

local refused = refusal()
if refused then return refused end

if ARGV[2] == '1' then
  -- A write that frees goes first, though there is nothing to free: see the note on full memory in record.lua.
  redis.call('ZREM', READY, '')
  return redis.call('HSETNX', META, 'cancelled', 1)
end
return redis.call('HDEL', META, 'cancelled')

-- create_batch: writes a batch's meta if there is none.
--
-- KEYS    1 the batch's meta
-- ARGV    1 schema, 2 meta as JSON
-- returns nil if the batch is new, else the meta that is there
-- before  no batch, or a batch
-- after   a batch; an existing one as it was

local found = redis.call('HMGET', KEYS[1], 'schema', 'meta')
if found[1] then
  if found[1] ~= ARGV[1] then return redis.error_reply('STENO_SCHEMA ' .. found[1]) end
  return found[2]
end
redis.call('HSET', KEYS[1], 'schema', ARGV[1], 'meta', ARGV[2])
return false

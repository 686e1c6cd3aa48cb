-- init_shard: makes a shard known, with its limits. Repeating it changes nothing, other limits included.
--
-- KEYS    1 meta
-- ARGV    1 schema, then pairs of field and value
-- returns 1 if the shard is new, 0 if it was there
-- before  no shard, or a shard
-- after   a shard; an existing one as it was

local found = redis.call('HGET', KEYS[1], 'schema')
if found then
  if found ~= ARGV[1] then return redis.error_reply('STENO_SCHEMA ' .. found) end
  return 0
end
redis.call('HSET', KEYS[1], 'schema', ARGV[1], unpack(ARGV, 2))
return 1

-- claim_at_once: what nearly every claim comes to. One item of any length is wanted, nothing is due, and the longest that is ready
-- was never claimed before: it is granted without its record being taken apart. Anything else is left to claim.lua,
-- which stands behind this, and nothing is written here before that is decided.
--
-- KEYS, ARGV, returns, before, after: as claim.lua

do
  local request, worker, lease_ms = ARGV[2], ARGV[3], ARGV[5]
  local meta = redis.call('HMGET', META, 'schema', 'cancelled', 'grant:' .. worker)
  local is_repeated = meta[3] and string.find(meta[3], request .. '\n', 1, true) == 1
  if meta[1] == ARGV[1] and not meta[2] and not is_repeated and ARGV[4] == '1' and ARGV[8] == '+inf' then
    local now = now_digits()
    if not redis.call('ZRANGEBYSCORE', DELAYED, '-inf', now, 'LIMIT', 0, 1)[1]
      and not redis.call('ZRANGEBYSCORE', LEASED, '-inf', now, 'LIMIT', 0, 1)[1] then
      local id = redis.call('ZREVRANGE', READY, 0, 0)[1]
      local raw = id and redis.call('HGET', ITEMS, id) or ''
      local ms, payload_at = string.match(raw, '^r|(%d+)\n()')
      if ms then
        local payload = string.sub(raw, payload_at)
        redis.call('ZREM', READY, id)
        -- Minus zero is no integer to Redis.
        redis.call('HINCRBY', TOTALS, 'ready_ms', ms == '0' and ms or '-' .. ms)
        redis.call('ZADD', LEASED, string.format('%.0f', now + lease_ms), id)
        redis.call('HSET', ITEMS, id, 'l|' .. ms .. '|' .. now .. '|1||||||' .. worker .. '\n' .. payload)
        redis.call('HSET', META, 'grant:' .. worker, request .. '\n' .. id .. ' ' .. now)
        return { 0, '-1', { id, now, 1, 0, 0, lease_ms, ms, payload } }
      end
    end
  end
end

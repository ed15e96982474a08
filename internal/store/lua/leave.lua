-- A member that ends gives its lease up, so that nobody has to wait for it to run out.
-- ARGV: 1 member, 2 its tag, 3 epoch and 4 fence of its lease
local at = now()
redis.call('ZREM', KEYS[3], ARGV[2])
if redis.call('HGET', KEYS[1], 'owner') == ARGV[1] and redis.call('HGET', KEYS[1], 'epoch') == ARGV[3]
  and redis.call('HGET', KEYS[1], 'fence') == ARGV[4] then
  redis.call('HSET', KEYS[1], 'lease_until', 0)
end
return answer('ok', at)

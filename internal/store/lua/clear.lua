-- An operator's word that what was opened before a time is over, or that a ban is lifted.
-- A compare-and-set on the revision. ARGV: 1 revision that was read and 2 the new one,
-- 3 what is left of the record, 4 the time, 5 when the stored window was opened if it is
-- meant, 6 cleared or lifted
local at = now()
if (redis.call('HGET', KEYS[1], 'rev') or '') ~= ARGV[1] then
  return answer('rev', at)
end
if not redis.call('HGET', KEYS[1], 'epoch') then
  return answer('ok', at) -- nothing is there
end
redis.call('HSET', KEYS[1], 'record', ARGV[3], 'rev', ARGV[2])
redis.call('HINCRBY', KEYS[1], 'writes', 1)
redis.call('HSET', KEYS[2], ARGV[6], ARGV[4])
if tonumber(ARGV[5]) <= tonumber(ARGV[4]) then
  redis.call('HDEL', KEYS[2], 'until', 'window')
end
return answer('ok', at)

-- Replaces the record if the lease is the writer's, nobody else has written since,
-- and no window or clearing stands that the writer does not know. The answer's first
-- word says which of these was not so.
-- ARGV: 1 member, 2 epoch and 3 fence of its lease, 4 length of a lease in ms,
-- 5 revision that it has read and 6 the new one, 7 record,
-- 8 opened, 9 end and 10 text of its window, 11 the clearing that it knows,
-- 12 what our clock should show
local at, shift = now()
local ends = tonumber(ARGV[9])
if redis.call('HGET', KEYS[2], 'epoch') then
  keep_clock(at, shift)
end
local function field(name) return redis.call('HGET', KEYS[1], name) end
if field('epoch') ~= ARGV[2] or not redis.call('HGET', KEYS[2], 'epoch') then
  return answer('epoch', at)
elseif field('owner') ~= ARGV[1] or field('fence') ~= ARGV[3] then
  return answer('fence', at)
elseif number(KEYS[1], 'lease_until') <= at then
  return answer('lease', at)
end
if field('rev') ~= ARGV[6] then -- else it is written already, and our answer was lost
  local stands = number(KEYS[2], 'until')
  if not clock_agrees(at, ARGV[12]) then
    return answer('clock', at)
  end
  if number(KEYS[2], 'cleared') > tonumber(ARGV[11]) then
    return answer('cleared', at)
  elseif stands > at and stands > ends + 1000 then -- less is what clocks differ by
    return answer('window', at)
  elseif field('rev') ~= ARGV[5] then
    return answer('rev', at)
  end
  redis.call('HSET', KEYS[1], 'record', ARGV[7], 'rev', ARGV[6])
  redis.call('HINCRBY', KEYS[1], 'writes', 1)
  if stands <= at then
    redis.call('HDEL', KEYS[2], 'until', 'window')
  end
  if ends > 0 then
    keep_window(at, tonumber(ARGV[8]), ends, ARGV[10])
  end
end
redis.call('HSET', KEYS[1], 'lease_until', at + ARGV[4])
return answer('ok', at)

-- A member's look, once a second. It says that the member lives and which window it
-- knows, begins a room that is not there, and takes or keeps the lease if the member
-- wants it.
-- ARGV: 1 member, 2 its tag, 3 wants the lease, 4 epoch and 5 fence of the lease that
-- it has, 6 length of a lease in ms, 7 an epoch and 8 a salt to begin with,
-- 9 opened, 10 end and 11 text of its window, 12 what our clock should show,
-- 13 epoch, 14 number of writings and 15 revision of the last answer about the fleet's
-- own room that it has had,
-- 16 has had the lease until now
local at, shift = now()
local ends = tonumber(ARGV[10])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', at - 60000)
redis.call('ZADD', KEYS[3], at, ARGV[2])
for _, room in ipairs({KEYS[2], KEYS[1]}) do
  if not redis.call('HGET', room, 'epoch') then
    redis.call('HSET', room, 'epoch', ARGV[7], 'fence', 0, 'owner', '', 'lease_until', 0, 'rev', '', 'salt', ARGV[8])
  end
end
-- An older copy of us has taken over, if a record that somebody has seen is not here. It
-- begins anew, from what the members know; the window stays.
local less = number(KEYS[2], 'writes') - tonumber(ARGV[14])
local lost = less < 0 or less == 0 and redis.call('HGET', KEYS[2], 'rev') ~= ARGV[15]
if lost and redis.call('HGET', KEYS[2], 'epoch') == ARGV[13] then
  redis.call('HSET', KEYS[2], 'epoch', ARGV[7], 'fence', 0, 'owner', '', 'lease_until', 0, 'rev', '')
  redis.call('HDEL', KEYS[2], 'record')
end
keep_clock(at, shift)
local fresh = clock_agrees(at, ARGV[12]) -- it was asked now, and not before its member stood still
if ends > 0 and fresh then
  keep_window(at, tonumber(ARGV[9]), ends, ARGV[11])
end
if ARGV[3] == '1' then
  local held = number(KEYS[1], 'lease_until') > at
  local seen = KEYS[1] ~= KEYS[2] or redis.call('HGET', KEYS[1], 'rev') ~= '' or redis.call('HGET', KEYS[1], 'epoch') == ARGV[13]
  local ours = redis.call('HGET', KEYS[1], 'owner') == ARGV[1] and redis.call('HGET', KEYS[1], 'epoch') == ARGV[4]
    and number(KEYS[1], 'fence') == tonumber(ARGV[5])
  if held and ours then
    redis.call('HSET', KEYS[1], 'lease_until', at + ARGV[6])
  elseif not held and fresh and (seen or ARGV[16] == '1') then
    -- also our own that has ended: what was done under it comes late. A room that begins
    -- is left to who has led, and then to those that know what is lost: see rules.go
    redis.call('HINCRBY', KEYS[1], 'fence', 1)
    redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'lease_until', at + ARGV[6])
  end
end
if KEYS[1] ~= KEYS[2] then
  redis.call('PEXPIRE', KEYS[1], 86400000) -- the room of a credential goes with it; the window's has no end
end
return answer('ok', at)

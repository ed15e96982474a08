-- Put before every other script: what all of them know and answer.
-- KEYS[1] is the room whose lease and record are meant, KEYS[2] the fleet's own room,
-- which holds the window and the salt; they are often the same. KEYS[3] are the members.
local function number(key, field)
  return tonumber(redis.call('HGET', key, field) or 0) or 0
end

-- The one clock that all members share: Redis' own, which never goes back here. When it
-- is set back, or another server takes over whose clock is behind, what is written stays
-- as far ahead as it was, but for the time since the last look.
local function now()
  local t = redis.call('TIME')
  local time = t[1] * 1000 + math.floor(t[2] / 1000)
  local at = math.max(time + number(KEYS[2], 'shift'), number(KEYS[2], 'last'))
  return at, at - time
end

local function keep_clock(at, shift)
  redis.call('HSET', KEYS[2], 'last', at, 'shift', shift)
end

-- A writer brings its times on this clock by what it has measured. It says what this
-- clock should show: somebody may have set it since. A question may be on its way for
-- a while.
local function clock_agrees(at, expected)
  return at > tonumber(expected) - 1500 and at < tonumber(expected) + 5000
end

-- A window counts when it opened after the last clearing, and if it is of a ban after
-- that was lifted. It replaces one that ends earlier.
local function keep_window(at, opened, ends, window)
  local stands = number(KEYS[2], 'until')
  local over = number(KEYS[2], 'cleared')
  if string.find(window, '"trigger":"network_ban"', 1, true) then
    over = math.max(over, number(KEYS[2], 'lifted'))
  end
  if ends > at and ends > stands and opened > over then
    redis.call('HSET', KEYS[2], 'until', ends, 'window', window)
  end
end

local function answer(word, at)
  local members = redis.call('ZRANGEBYSCORE', KEYS[3], at - 10000, '+inf')
  local main = KEYS[1] == KEYS[2] and {} or redis.call('HGETALL', KEYS[2])
  return {word, at, redis.call('HGETALL', KEYS[1]), main, members}
end

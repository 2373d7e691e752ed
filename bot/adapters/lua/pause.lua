--[[
  Pauses or resumes a queue of BullMQ 3 to 5 as that BullMQ does, and never over a list that holds
  jobs: Node's own script renames one list over the other, and whatever lay there is gone.

  The list of the state the queue is in now is its home: `paused` while it is paused, else `wait`.
  Jobs in the other list are taken home first, ARGV[4] a call; only then is the home renamed, which
  takes no longer for many jobs than for few. After each call every job is in one of the two lists,
  and none is farther from home than before.

  KEYS[1] `wait`, KEYS[2] `paused`, KEYS[3] `meta`, KEYS[4] `prioritized`, KEYS[5] `events`,
  KEYS[6] `delayed`, KEYS[7] `marker` (BullMQ's own, in the order of BullMQ 5's script)
  ARGV[1] "paused" or "resumed", ARGV[2] `meta.version` as it was looked at, "" for none,
  ARGV[3] BullMQ's major version, ARGV[4] most jobs to move, ARGV[5] "1": take home only
  Returns [what, jobs taken home]; what: 0 the version has changed, nothing was done; 1 there are
  more to take home, call again; 2 switched; 3 it was so already, and all are home; 4 with ARGV[5]:
  more to take home, but another has switched it; 5 as 1, and it was so already.
]]
local rcall = redis.call
local wait, pausedKey, meta, prioritized, events, delayed, marker = unpack(KEYS)
local major, most = tonumber(ARGV[3]), tonumber(ARGV[4])

if (rcall("HGET", meta, "version") or "") ~= ARGV[2] then
  return { 0, 0 }
end
local is_paused = rcall("HEXISTS", meta, "paused") == 1
local already = is_paused == (ARGV[1] == "paused")
if ARGV[5] == "1" and not already then
  return { 4, 0 }
end
local home, away = wait, pausedKey
if is_paused then
  home, away = pausedKey, wait
end

-- BullMQ 3.6 to 4 put at most one `0:<time>` into an otherwise empty list to wake workers. Beside
-- jobs it has no use, and workers take the third one in a row for a job: it stays behind.
local function is_marker(id)
  return major < 5 and id and string.sub(id, 1, 2) == "0:"
end

-- Workers take the last of a list. What strayed into `wait` came after the pause, and goes behind
-- what was there; what is left in `paused` is from an earlier pause, and goes before.
local function take_home()
  local ids
  if is_paused then
    ids = rcall("LRANGE", away, -most, -1)
    rcall("LTRIM", away, 0, -(#ids + 1))
  else
    ids = rcall("LRANGE", away, 0, most - 1)
    rcall("LTRIM", away, #ids, -1)
  end
  local jobs = {}
  for _, id in ipairs(ids) do
    if not is_marker(id) then
      jobs[#jobs + 1] = id
    end
  end
  if #jobs > 0 and is_paused then
    local reversed = {}
    for place = #jobs, 1, -1 do
      reversed[#reversed + 1] = jobs[place]
    end
    rcall("LPUSH", home, unpack(reversed))
  elseif #jobs > 0 then
    rcall("RPUSH", home, unpack(jobs))
  end
  return #jobs
end

-- As BullMQ 3, 4 and 5 wake their workers on a resume.
local function wake()
  if major == 4 then
    if rcall("ZCARD", prioritized) > 0 and rcall("LLEN", wait) == 0 then
      rcall("LPUSH", wait, "0:0")
    end
  elseif major == 5 then
    if rcall("EXISTS", wait) == 1 or rcall("ZCARD", prioritized) > 0 then
      rcall("ZADD", marker, 0, "0")
    else
      local next_one = rcall("ZRANGE", delayed, 0, 0, "WITHSCORES")
      if next_one[2] then
        rcall("ZADD", marker, tonumber(next_one[2]) / 0x1000, "1")
      end
    end
  end
end

local gathered = 0
if rcall("EXISTS", away) == 1 then
  if rcall("EXISTS", home) == 1 then
    gathered = take_home()
  elseif already then
    local only_a_marker = is_marker(rcall("LINDEX", away, 0)) and rcall("LLEN", away) == 1
    gathered = only_a_marker and 0 or rcall("LLEN", away)
    rcall("RENAME", away, home)
  end
  if gathered > 0 and not is_paused then
    wake()
  end
  if rcall("EXISTS", away) == 1 and rcall("EXISTS", home) == 1 then
    return { already and 5 or 1, gathered }
  end
end
if already then
  return { 3, gathered }
end

if rcall("EXISTS", home) == 1 then
  rcall("RENAME", home, away)
end
if is_paused then
  rcall("HDEL", meta, "paused")
  wake()
else
  rcall("HSET", meta, "paused", 1)
  if major == 5 then
    rcall("DEL", marker)
  end
end
rcall("XADD", events, "*", "event", ARGV[1])
return { 2, gathered }

--[[
  Puts archived jobs back as they were, each only where nothing of its id is there.

  KEYS[1], ARGV[1..4] as lua/guard.lua says
  ARGV[5] BullMQ's major version, 0 for unknown
  ARGV[6] the set of the ids that came back from this archive before, by its suffix, or "", ARGV[7]
  for how long that lasts, in ms
  Then of each job: id, state, score; how many values, and a hash's fields with values; how many log
  lines, and they; how many other keys, and of each suffix, type, how many items, and they; `de:ID`
  or "", and its ms or 0.
  Jobs of a list come in the order of their score, which is how many lie after them.
  Returns { a verdict for each (changed: its id is in use; untouched: ask again), what went wrong or
  nil }.
]]
--- @include "guard"
--- @include "verdicts"
--- @include "job_states"
--- @include "list_places"
local refusal = guard(ALL_KEYS)
if refusal then
  return refusal
end
local AT_ONCE = 1000
local SHORT = 2000
local WRITE = { hash = "HSET", list = "RPUSH", set = "SADD", zset = "ZADD" }
local wait, marker = base .. "wait", base .. "marker"
local major = tonumber(ARGV[FIRST])
local back = ARGV[FIRST + 1] ~= "" and base .. ARGV[FIRST + 1]
local back_kept = tonumber(ARGV[FIRST + 2])
local at = FIRST + 3
if back and not is(back, "set") then
  return { "damaged", ARGV[FIRST + 1] }
end

local function next_one()
  at = at + 1
  return ARGV[at - 1]
end

-- The next values, after their number: where the first and the last of them are.
local function next_span()
  local count = tonumber(next_one())
  at = at + count
  return { at - count, at - 1 }
end

local function next_job()
  local job = { id = next_one(), state = next_one(), score = next_one() }
  job.fields, job.logs, job.parts = next_span(), next_span(), {}
  for _ = 1, tonumber(next_one()) do
    job.parts[#job.parts + 1] = { suffix = next_one(), kind = next_one(), items = next_span() }
  end
  job.deduplication, job.left = next_one(), tonumber(next_one())
  return job
end

-- An id without a hash may lie in a list still, where a server evicted the hash. Long lists are not
-- looked through for that.
local listed = nil
local function is_listed(id)
  if not listed then
    listed = {}
    for name in pairs(LISTS) do
      if rcall("LLEN", base .. name) <= SHORT then
        for _, one in ipairs(rcall("LRANGE", base .. name, 0, -1)) do
          listed[one] = true
        end
      end
    end
  end
  return listed[id]
end

-- A job comes back from an archive once: what ran since and was removed must not run again.
local function is_back(id)
  return back and rcall("SISMEMBER", back, id) == 1
end

local function is_in_use(job)
  if is_back(job.id) then
    return true
  end
  local keys = { base .. job.id, base .. job.id .. ":logs" }
  for _, part in ipairs(job.parts) do
    if part.kind ~= "score" then
      keys[#keys + 1] = base .. job.id .. ":" .. part.suffix
    end
  end
  return rcall("EXISTS", unpack(keys)) > 0 or set_of(base, job.id) or is_listed(job.id)
end

local function write(command, key, span)
  for first = span[1], span[2], AT_ONCE do
    local last = math.min(first + AT_ONCE - 1, span[2])
    if command ~= "ZADD" then
      rcall(command, key, unpack(ARGV, first, last))
    else
      local pairs_ = {}
      for place = first, last, 2 do -- a member comes before its score, ZADD takes it after
        pairs_[#pairs_ + 1] = ARGV[place + 1]
        pairs_[#pairs_ + 1] = ARGV[place]
      end
      rcall(command, key, unpack(pairs_))
    end
  end
end

-- Behind the jobs that came before it; those that lie after it in the list are as many as then.
local function put_in_list(id, after)
  local length = rcall("LLEN", wait)
  if after >= length then
    rcall("LPUSH", wait, id)
  elseif after == 0 then
    rcall("RPUSH", wait, id)
  else
    rcall("LINSERT", wait, "BEFORE", rcall("LINDEX", wait, -after), id)
    looked_through = looked_through + length - after
  end
end

local function restore(job)
  local key = base .. job.id
  if back then
    rcall("SADD", back, job.id)
    rcall("PEXPIRE", back, back_kept)
  end
  write("HSET", key, job.fields)
  write("RPUSH", key .. ":logs", job.logs)
  for _, part in ipairs(job.parts) do
    if part.kind ~= "score" then
      write(WRITE[part.kind], key .. ":" .. part.suffix, part.items)
    elseif is(base .. part.suffix, "zset") then
      rcall("ZADD", base .. part.suffix, ARGV[part.items[1]], job.id)
    end
  end
  if LISTS[job.state] then
    put_in_list(job.id, tonumber(job.score))
  elseif job.state ~= "orphan" then
    rcall("ZADD", base .. job.state, job.score, job.id)
  end
  if job.deduplication ~= "" and job.left > 0 then
    rcall("SET", base .. job.deduplication, job.id, "PX", job.left, "NX")
  elseif job.deduplication ~= "" then
    rcall("SET", base .. job.deduplication, job.id, "NX")
  end
end

-- Workers of BullMQ 5 and later sleep on this set; earlier ones look themselves every few seconds.
local function wake(states)
  if major < 5 or ARGV[2] == "1" then
    return
  end
  if states.wait or states.prioritized then
    rcall("ZADD", marker, 0, "0")
  elseif states.delayed then
    local score = rcall("ZRANGE", base .. "delayed", 0, 0, "WITHSCORES")[2]
    rcall("ZADD", marker, tonumber(score) / 0x1000, "1")
  end
end

local jobs, ids, verdicts, states = {}, {}, {}, {}
while at <= #ARGV do
  local job = next_job()
  jobs[#jobs + 1], ids[#ids + 1] = job, job.id
  verdicts[#ids] = already(job.id) and ALREADY or is_in_use(job) and CHANGED or DONE
end
local late = {}
local answer = carry_out(ids, verdicts, function(id, place)
  if exhausted() then
    late[#late + 1] = place
    return false
  end
  restore(jobs[place])
  states[LISTS[jobs[place].state] and "wait" or jobs[place].state] = true
  return true
end)
for _, place in ipairs(late) do
  verdicts[place] = UNTOUCHED
end
wake(states)
return { table.concat(verdicts), answer[2] }

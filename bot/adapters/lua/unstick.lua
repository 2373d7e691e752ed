--[[
  One pass of BullMQ's own stalled-job script: jobs that an earlier pass has marked and that no
  worker holds a lock of go back to waiting; then all active jobs are marked. While BullMQ's
  `stalled-check` lives it does nothing.

  After the guard's: ARGV[5] how many marked jobs to look at, ARGV[6] how many ms `stalled-check`
  is to last after the pass.
  Returns { ids that were moved, of each: already, vanished, left out; 1 if there are more marked
  jobs to look at: call again at once }.

  The package's script takes all marked jobs at a time. It is given a set of its own with some of
  them, and no job it would trip over: one whose hash is gone, or whose count of stalls is none.
]]
--- @include "guard"
--- @package "moveStalledJobsToWait-9.lua" as move_stalled

local refusal = guard({
  stalled = "set",
  wait = "list",
  active = "list",
  marker = "zset",
  events = "stream",
  ["repeat"] = "zset",
})
if refusal then
  return refusal
end

local stalled, check = base .. "stalled", base .. "stalled-check"
local chosen = base .. "bullhorn:stalled" -- of one call: it is gone at its end
local NEVER = 2147483647 -- stalls: BullMQ would fail a job that has more of them
local ids, already_done, vanished, left_out = {}, 0, 0, 0
if rcall("EXISTS", check) == 1 then
  return { ids, 0, 0, 0, 0 }
end

local function is_marker(id)
  return string.sub(id, 1, 2) == "0:"
end

-- Whether the package's script may look at this one.
local function may_move(id)
  if is_marker(id) then
    return true
  elseif rcall("EXISTS", base .. id .. ":lock") == 1 then
    return false
  elseif already(id) then
    already_done = already_done + 1
    return false
  elseif rcall("TYPE", base .. id)["ok"] ~= "hash" then
    vanished = vanished + 1
    return false
  end
  local stalls = rcall("HGET", base .. id, "stc")
  if stalls and not is_count(stalls) then
    left_out = left_out + 1
    return false
  end
  return true
end

rcall("DEL", chosen)
local most = tonumber(ARGV[FIRST])
local marked = rcall("SCARD", stalled) > most and rcall("SRANDMEMBER", stalled, most) or rcall("SMEMBERS", stalled)
for _, id in ipairs(marked) do
  if may_move(id) then
    ids[#ids + 1] = id
  end
end
remember(ids)
if #ids > 0 then
  rcall("SADD", chosen, unpack(ids))
end
if #marked > 0 then
  rcall("SREM", stalled, unpack(marked))
end
local more = rcall("SCARD", stalled) > 0

local keys = { chosen, base .. "wait", base .. "active", check, KEYS[1], base .. "paused" }
for _, name in ipairs({ "marker", "events", "repeat" }) do
  keys[#keys + 1] = base .. name
end
local time = rcall("TIME")
local now = time[1] .. string.format("%03d", math.floor(tonumber(time[2]) / 1000))
local moved = move_stalled(keys, { NEVER, base, now, ARGV[FIRST + 1] })

local is_moved = {}
for _, id in ipairs(moved) do
  is_moved[id] = true
end
for _, id in ipairs(ids) do
  if not is_moved[id] then
    unremember(id)
  end
end
if more then
  rcall("DEL", chosen, check) -- marks of this pass come with the call that takes the last
elseif rcall("EXISTS", chosen) == 1 then
  rcall("RENAME", chosen, stalled)
end
return { moved, already_done, vanished, left_out, more and 1 or 0 }

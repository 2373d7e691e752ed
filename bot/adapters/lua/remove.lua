--[[
  Removes jobs by BullMQ's own script, each only while it is in that state with that score, and
  only where nothing but the job itself goes.

  KEYS[1], ARGV[1..4] as lua/guard.lua says
  ARGV[5] the state, ARGV[6] the set of the batch by its suffix, or "": what is removed is entered
  there too, ARGV[7] for how long that lasts, in ms. Then of each job its id and its score; in a list
  the score is not looked at.
  Where the batch is closed, nothing is done, and all is changed.
  Returns { a verdict for each (untouched: ask again), what went wrong or nil }.
]]
--- @include "guard"
--- @include "verdicts"
--- @include "job_states"
--- @include "list_places"
--- @include "batch"
--- @package "removeJob-2.lua" as remove_job
local refusal = guard(ALL_KEYS) or open_batch(ARGV[FIRST + 1], ARGV[FIRST + 2])
if refusal then
  return refusal
end
local state = ARGV[FIRST]
local in_list = LISTS[state] == true

local function is_there(id, expected)
  if in_list then
    return place_in(base .. state, id) ~= nil
  end
  local score = rcall("ZSCORE", base .. state, id)
  return score and tonumber(score) == tonumber(expected)
end

-- The next run of a scheduler or a repeatable job: without it there would be no more. BullMQ 3 and
-- 4 make its id of a digest, later ones of the name; it ends with the time in both.
local function is_next_run(id, repeats)
  local score = repeats and rcall("ZSCORE", base .. "repeat", repeats)
  return score and string.sub(id, -#score - 1) == ":" .. score
end

-- Whether a flow hangs on it: its parent still waits for it, or it for children. BullMQ removes or
-- starts such a parent when the child goes.
local function is_tied(id, parent)
  if not is(base .. id .. ":dependencies", "set") then
    return true
  end
  if rcall("SCARD", base .. id .. ":dependencies") > 0 then
    return true
  end
  if not parent or parent == "" then
    return false
  end
  return not is(parent .. ":dependencies", "set")
    or rcall("SISMEMBER", parent .. ":dependencies", base .. id) == 1
end

-- Whether its deduplication key cannot be taken along: another job waits behind it, or it is none.
local function holds_another(id, deduplication)
  if not deduplication then
    return false
  end
  local key = base .. "de:" .. deduplication
  return not is(key, "string")
    or (rcall("EXISTS", base .. "dn:" .. deduplication) == 1 and rcall("GET", key) == id)
end

local function look(id, expected)
  if already(id) then
    return ALREADY
  elseif batch_is_closed() or not is_there(id, expected) then
    return CHANGED
  end
  local kind = rcall("TYPE", base .. id)["ok"]
  if kind ~= "hash" or base .. id == KEYS[1] then
    return kind == "none" and VANISHED or LEFT_OUT
  end
  local fields = rcall("HMGET", base .. id, "parentKey", "rjk", "deid")
  local alone = rcall("EXISTS", base .. id .. ":lock") == 0
    and not set_of(base, id, state)
    and not is_next_run(id, fields[2])
    and not is_tied(id, fields[1])
    and not holds_another(id, fields[3])
  return alone and DONE or LEFT_OUT
end

local ids, verdicts = {}, {}
for place = FIRST + 3, #ARGV, 2 do
  ids[#ids + 1] = ARGV[place]
  verdicts[#ids] = UNTOUCHED
  if #ids == 1 or not exhausted() then
    verdicts[#ids] = look(ARGV[place], ARGV[place + 1])
  end
end
local has_priorities = in_list and rcall("TYPE", base .. "priority")["ok"] == "zset"
local function remove(id)
  local removed = remove_job({ base .. id, base .. "repeat" }, { id, "0", base }) == 1
  if removed and has_priorities then
    rcall("ZREM", base .. "priority", id)
  end
  return removed
end

return carry_out(ids, verdicts, function(id)
  return with_batch(id, remove)
end)

--[[
  What becomes of each job of a call (an include, after guard.lua): the jobs are judged first, one
  letter each, and then those that may be are changed.
]]
-- Python reads them in bullmq_guarded.py.
local DONE, ALREADY, CHANGED, VANISHED, LEFT_OUT, UNTOUCHED = "d", "a", "c", "v", "l", "-"

-- Whether this operation has changed each of these jobs (at most 500) before: a list of 1 and 0, or
-- none where it has changed nothing yet.
local function all_already(ids)
  if not remembers or #ids == 0 then
    return {}
  end
  local answers = redis.pcall("SMISMEMBER", done_set, unpack(ids)) -- since Redis 6.2
  if answers.err then
    answers = {}
    for place, id in ipairs(ids) do
      answers[place] = rcall("SISMEMBER", done_set, id)
    end
  end
  return answers
end

-- Change the jobs whose verdict is DONE by `change(id, place)`, which says whether it did. An error
-- of it ends the call: the rest are not touched, and it is in the answer if a job has been changed.
-- Returns the answer to Python.
local function carry_out(ids, verdicts, change)
  local fit = {}
  for place, verdict in ipairs(verdicts) do
    if verdict == DONE then
      fit[#fit + 1] = ids[place]
    end
  end
  remember(fit)
  local changed, problem = 0, nil
  for place, verdict in ipairs(verdicts) do
    if verdict == DONE and not problem then
      local went, did = pcall(change, ids[place], place)
      problem = not went and did or nil
      verdicts[place] = problem and UNTOUCHED or did and DONE or CHANGED
      changed = changed + (did and not problem and 1 or 0)
    elseif verdict == DONE then
      verdicts[place] = UNTOUCHED
    end
    if verdict == DONE and verdicts[place] ~= DONE then
      unremember(ids[place])
    end
  end
  problem = type(problem) == "table" and problem.err or problem -- Redis and Valkey differ in it
  if problem and changed == 0 then
    return redis.error_reply(problem)
  end
  return { table.concat(verdicts), problem }
end

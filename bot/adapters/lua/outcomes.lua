--[[
  How jobs that were moved stand now; nothing is written.
  KEYS[1] `prefix:queue:meta`, ARGV ids (at most 500)
  Returns JSON: a list with "c" (completed), ["f", code] (failed), "g" (no hash) or "w" (neither).
]]
--- @include "failure_code"
--- @include "job_fields"
local rcall = redis.call
local base = string.sub(KEYS[1], 1, -5)
local found = {}
for place, id in ipairs(ARGV) do
  if rcall("ZSCORE", base .. "completed", id) then
    found[place] = "c"
  elseif rcall("ZSCORE", base .. "failed", id) then
    local job = job_fields(base .. id, "failedReason")
    found[place] = { "f", failure_code(job and job[1] or "") }
  else
    found[place] = rcall("EXISTS", base .. id) == 1 and "w" or "g"
  end
end
return cjson.encode(found)

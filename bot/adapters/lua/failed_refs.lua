--[[
  What is in the failed set of the given ids.
  KEYS[1] `prefix:queue:failed`, ARGV ids (at most 500).
  Returns JSON: a list with [id, name, score, reason, code, attempts made], or false where the id
  is not in the set, or its hash is gone or no hash.
]]
--- @include "failure_code"
--- @include "job_fields"
local rcall = redis.call
local base = string.sub(KEYS[1], 1, -7)
local found = {}
for place, id in ipairs(ARGV) do
  found[place] = false
  local score = rcall("ZSCORE", KEYS[1], id)
  if score then
    local job = job_fields(base .. id, "name", "failedReason", "atm", "attemptsMade")
    if job and (job[1] or rcall("EXISTS", base .. id) == 1) then
      local reason = job[2] or ""
      found[place] = { id, job[1] or "", score, cut_bytes(reason, 2000), failure_code(reason), job[3] or job[4] or "0" }
    end
  end
end
return cjson.encode(found)

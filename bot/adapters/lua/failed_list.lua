--[[
  One step of listing failed jobs. Arguments: see failed_walk, and
  ARGV[9] how many matching ones to step over first, ARGV[10] how many to list.
  Returns JSON: {j: [[id, name, score, reason, code, attempts made], ...], s: still to step over, p, d}.
]]
--- @include "failed_walk"
local skip, want, jobs = tonumber(ARGV[9]), tonumber(ARGV[10]), {}
local done, at = walk(function(place, reason, name, code)
  if skip > 0 then
    skip = skip - 1
    return false
  end
  local id, score = member(place)
  local made = rcall("HMGET", base .. id, "atm", "attemptsMade")
  jobs[#jobs + 1] = { id, name, score, cut_bytes(reason, 2000), code, made[1] or made[2] or "0" }
  return #jobs >= want
end, false, true)
return cjson.encode({ j = jobs, s = skip, p = at, d = done })

--[[
  The final events of jobs after an entry of the events stream; nothing is written.
  KEYS[1] `prefix:queue:events`, ARGV[1] the entry's id, ARGV[2] how many entries to look at (at most 1000)
  Returns JSON: [the last id looked at or "", [job's id, failure code or false when completed], ...].
]]
--- @include "failure_code"
local found, last = { "" }, ""
for _, entry in ipairs(redis.call("XRANGE", KEYS[1], "(" .. ARGV[1], "+", "COUNT", ARGV[2])) do
  local fields = entry[2]
  local event, job, reason
  for place = 1, #fields, 2 do
    if fields[place] == "event" then
      event = fields[place + 1]
    elseif fields[place] == "jobId" then
      job = fields[place + 1]
    elseif fields[place] == "failedReason" then
      reason = fields[place + 1]
    end
  end
  if job and event == "completed" then
    found[#found + 1] = { job, false }
  elseif job and event == "failed" then
    found[#found + 1] = { job, failure_code(reason or "") }
  end
  last = entry[1]
end
found[1] = last
return cjson.encode(found)

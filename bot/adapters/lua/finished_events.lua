--[[
  The final events of jobs after an entry of the events stream; nothing is written. It looks at some
  entries at a time, and no further once they were large: they hold what jobs have returned.
  KEYS[1] `prefix:queue:events`, ARGV[1] the entry's id, ARGV[2] how many entries to look at (at most 1000)
  Returns JSON: [the last id looked at or "", [job's id, failure code or false when completed], ...].
]]
--- @include "failure_code"
local PAGE, MOST_BYTES = 20, 262144
local found, last, from, bytes = { "" }, "", ARGV[1], 0

-- Notes an entry, and returns its size.
local function look_at(fields)
  local event, job, reason
  local size = 0
  for place = 1, #fields, 2 do
    local name, value = fields[place], fields[place + 1]
    size = size + #value
    if name == "event" then
      event = value
    elseif name == "jobId" then
      job = value
    elseif name == "failedReason" then
      reason = value
    end
  end
  if job and event == "completed" then
    found[#found + 1] = { job, false }
  elseif job and event == "failed" then
    found[#found + 1] = { job, failure_code(reason or "") }
  end
  return size
end

for _ = 1, tonumber(ARGV[2]), PAGE do
  local page = redis.call("XRANGE", KEYS[1], "(" .. from, "+", "COUNT", PAGE)
  for _, entry in ipairs(page) do
    bytes = bytes + look_at(entry[2])
    from, last = entry[1], entry[1]
  end
  if #page < PAGE or bytes > MOST_BYTES then
    break
  end
end
found[1] = last
return cjson.encode(found)

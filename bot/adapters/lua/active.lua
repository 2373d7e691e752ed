--[[
  The jobs that workers have taken, those that began first first; nothing is written.
  KEYS[1] `prefix:queue:meta`, ARGV[1] how many
  Returns { how many there are in all, a list for each, ... }: name,
  processedOn, attemptsMade, atm, ats (nil where it has none), 1 if its lock is there, id, for how many ms its lock lasts.
]]
local rcall = redis.call
local base = string.sub(KEYS[1], 1, -5)

-- workers put what they take at the head; BullMQ 3 and 4 leave a marker there now and then
local answer, most = { rcall("LLEN", base .. "active") }, tonumber(ARGV[1])
local ids = rcall("LRANGE", base .. "active", -most, -1)
for place = #ids, 1, -1 do
  local id = ids[place]
  if string.sub(id, 1, 2) == "0:" then
    answer[1] = answer[1] - 1
  else
    local fields = redis.pcall("HMGET", base .. id, "name", "processedOn", "attemptsMade", "atm", "ats")
    if fields.err then
      fields = { false, false, false, false, false }
    end
    fields[6], fields[7] = rcall("EXISTS", base .. id .. ":lock"), id
    fields[8] = rcall("PTTL", base .. id .. ":lock")
    answer[#answer + 1] = fields
  end
end
return answer

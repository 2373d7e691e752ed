--[[
  One step back through an events stream in search of a job's last final failure.
  KEYS[1] `prefix:queue:events`, ARGV[1] where to go on ("+" or "(" and an id), ARGV[2] the job's id
  Returns [its time in ms or "", where to go on or ""].
]]
local PAGE, PAGES, MOST_BYTES = 100, 5, 262144
local upto, bytes = ARGV[1], 0
for _ = 1, PAGES do
  local page = redis.call("XREVRANGE", KEYS[1], upto, "-", "COUNT", PAGE)
  for _, entry in ipairs(page) do
    local fields = entry[2]
    if fields[2] == "failed" and fields[4] == ARGV[2] then
      return { string.match(entry[1], "^%d+"), "" }
    end
    bytes = bytes + #(fields[6] or "") + #(fields[8] or "")
  end
  if #page < PAGE then
    return { "", "" }
  end
  upto = "(" .. page[#page][1]
  if bytes > MOST_BYTES then
    break
  end
end
return { "", upto }

--[[
  One step of counting failed jobs by code. Arguments: see failed_walk.
  Returns JSON: {g: {code: [count, first, last, id of the last, its reason]}, v, p, d}.
]]
--- @include "failed_walk"
local groups = {}
local done, at, vanished = walk(function(id, score, reason, _, code)
  local group = groups[code]
  if not group then
    group = { 0, score }
    groups[code] = group
  end
  group[1] = group[1] + 1
  group[3], group[4], group[5] = score, id, reason
end)
for _, group in pairs(groups) do
  group[5] = cut_bytes(group[5], 1000)
end
return cjson.encode({ g = groups, v = vanished, p = at, d = done })

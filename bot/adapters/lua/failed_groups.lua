--[[
  One step of counting failed jobs by code. Arguments: see failed_walk.
  Returns JSON: {g: {code: [count, first, last, id of the last, its reason]}, v, p, d}.
]]
--- @include "failed_walk"
local groups = {}
local done, at, vanished = walk(function(place, reason, _, code)
  local group = groups[code]
  if not group then
    group = { 0, place }
    groups[code] = group
  end
  group[1] = group[1] + 1
  group[3], group[5] = place, reason
end)
for _, group in pairs(groups) do
  local _, earliest = member(group[2])
  local id, latest = member(group[3])
  group[2], group[3], group[4], group[5] = earliest, latest, id, cut_bytes(group[5], 1000)
end
return cjson.encode({ g = groups, v = vanished, p = at, d = done })

--[[
  One step of collecting the ids of failed jobs. Arguments: see failed_walk.
  Returns JSON: {i: [id, score, id, score, ...], p, d}.
]]
--- @include "failed_walk"
local found = {}
local done, at = walk(function(place)
  local id, score = member(place)
  found[#found + 1] = id
  found[#found + 1] = score
end, true)
return cjson.encode({ i = found, p = at, d = done })

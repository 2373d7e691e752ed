--[[
  One step of summing up what is to be known of failed jobs. Arguments: see failed_walk, and
  ARGV[9], ARGV[10] dotted paths in the data whose values are to be told, or "".
  Returns JSON: the sums of plan_fact, their keys are explained where they are read, and v, w, d:
  the vanished, the place, and whether it is done.
]]
--- @include "failed_walk"
--- @include "plan_fact"
for place = 9, 10 do
  if ARGV[place] ~= "" then
    fact_paths[#fact_paths + 1] = split_path(ARGV[place])
  end
end
local done, at, vanished = walk(function(place)
  local id, score = member(place)
  fact(id, score)
  return sums.b > 131072
end)
local told = facts()
told.v, told.w, told.d = vanished, at, done
return cjson.encode(told)

--[[
  As plan_facts, of failed jobs by their ids; those that are not failed or have no hash are passed over.
  KEYS[1] `prefix:queue:failed`, ARGV[1], ARGV[2] dotted paths or "", ARGV[3...] ids (at most 250).
  Returns JSON: the sums of plan_fact, and i: how many of the ids were looked at.
]]
local base = string.sub(KEYS[1], 1, -7)
--- @include "plan_fact"
for place = 1, 2 do
  if ARGV[place] ~= "" then
    fact_paths[#fact_paths + 1] = split_path(ARGV[place])
  end
end
local looked = 0
for place = 3, #ARGV do
  local id = ARGV[place]
  local score = redis.call("ZSCORE", KEYS[1], id)
  if score and redis.call("TYPE", base .. id)["ok"] == "hash" then
    fact(id, score)
  end
  looked = looked + 1
  if sums.b > 131072 then
    break
  end
end
local told = facts()
told.i = looked
return cjson.encode(told)

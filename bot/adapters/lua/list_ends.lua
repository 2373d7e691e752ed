--[[
  The ends of lists (an include, after job_states.lua): whoever has read a list knows all of it but
  what came since, and that lies near an end. `base` is `prefix:queue:`.
]]
local NEAR = 1000

local function is_near_an_end(base, id)
  for name in pairs(LISTS) do
    local list = base .. name
    if
      redis.call("LPOS", list, id, "MAXLEN", NEAR)
      or redis.call("LPOS", list, id, "RANK", -1, "MAXLEN", NEAR)
    then
      return true
    end
  end
  return false
end

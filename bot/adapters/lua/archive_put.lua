-- Puts a batch in. ARGV: id, most bytes of all, the batch, how many jobs, the number it replaces or
-- "". Returns its number and its origin, or -1: there is no such archive, -2: it is full, -3: what it
-- replaces is settled or gone.
--- @include "archive"
prune()
local id, replaces = ARGV[1], ARGV[5]
local ends = rcall("HGET", facts, "expires_at")
if not ends then
  return { -1, 0 }
end
if replaces == "" and tonumber(rcall("GET", total) or 0) + #ARGV[3] > tonumber(ARGV[2]) then
  return { -2, 0 }
end
if replaces ~= "" and rcall("SREM", open, replaces) == 0 then
  return { -3, 0 }
end
local number = rcall("HINCRBY", facts, "next", 1)
local origin = number
if replaces ~= "" then
  origin = rcall("HGET", facts, "origin:" .. replaces) or replaces
  take_off(id, replaces)
  rcall("HDEL", facts, "origin:" .. replaces)
  rcall("HSET", facts, "origin:" .. number, origin)
end
put_on(id, number, ARGV[3], tonumber(ARGV[4]))
rcall("SADD", open, number)
rcall("PEXPIREAT", batches, ends)
rcall("PEXPIREAT", open, ends)
return { number, tonumber(origin) }

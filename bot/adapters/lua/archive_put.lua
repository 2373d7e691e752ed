-- Puts a batch in, and lets the archive last for so long from now on. ARGV: id, most bytes of all,
-- the batch, how many jobs, the number it replaces or "", how long it is kept in ms.
-- Returns its number and its origin, or -1: there is no such archive, -2: it is full, -3: what it
-- replaces is settled or gone.
--- @include "archive"
prune()
local id, replaces = ARGV[1], ARGV[5]
if not rcall("HGET", facts, "expires_at") then
  return { -1, 0 }
end
if replaces == "" and tonumber(rcall("GET", total) or 0) + #ARGV[3] > tonumber(ARGV[2]) then
  return { -2, 0 }
end
if replaces ~= "" and rcall("SREM", open, replaces) == 0 then
  return { -3, 0 }
end
-- A number is a time in µs: what a failover takes back is never given again to another batch.
local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
local last = tonumber(rcall("HGET", facts, "next")) or 0
local number = string.format("%.0f", math.max(last + 1, micros))
rcall("HSET", facts, "next", number)
local origin = number
if replaces ~= "" then
  origin = rcall("HGET", facts, "origin:" .. replaces) or replaces
  take_off(id, replaces)
  rcall("HDEL", facts, "origin:" .. replaces)
  rcall("HSET", facts, "origin:" .. number, origin, "replaced:" .. replaces, number)
end
put_on(id, number, ARGV[3], tonumber(ARGV[4]))
rcall("SADD", open, number)
prolong(id, now + tonumber(ARGV[6]))
return { number, origin }

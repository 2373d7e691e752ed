-- Puts other jobs into a batch. ARGV: id, the batch's number, the SHA-1 of what it holds, "1" to
-- settle it, how many jobs, what it is to hold ("" to take it away, "=" as it is), for how many ms
-- the archive lasts from now on at least.
-- Returns 1; 0 where it holds something else by now: look again. To settle it also 2 where another
-- has replaced it, or it is settled already; 3 where it is not there, as after a failover.
--- @include "archive"
local id, number = ARGV[1], ARGV[2]
if ARGV[4] == "1" and rcall("SISMEMBER", open, number) == 0 then
  local known = rcall("HSTRLEN", facts, "replaced:" .. number) + rcall("HSTRLEN", batches, number)
  return known > 0 and 2 or 3
end
if redis.sha1hex(rcall("HGET", batches, number) or "") ~= ARGV[3] then
  return 0
end
if ARGV[6] ~= "=" then
  take_off(id, number)
  if ARGV[6] ~= "" then
    put_on(id, number, ARGV[6], tonumber(ARGV[5]))
  end
  prolong(id, now + tonumber(ARGV[7]))
end
if ARGV[4] == "1" or ARGV[6] == "" then
  rcall("SREM", open, number)
  rcall("HDEL", facts, "origin:" .. number)
end
return 1

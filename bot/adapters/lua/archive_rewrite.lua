-- Puts other jobs into a batch. ARGV: id, the batch's number, which of its states was looked at (how
-- often it was written over, ":", its bytes; "" for any in which it has as many jobs), "1" to settle
-- it, how many jobs, what it is to hold ("" to take it away, "=" as it is), for how many ms the archive
-- lasts from now on at least.
-- Returns 1; 0 where it holds something else by now: look again. To settle it also 2 where another
-- has replaced it, or it is settled already; 3 where it is not there, as after a failover.
--- @include "archive"
local id, number = ARGV[1], ARGV[2]
local size = rcall("HSTRLEN", batches, number)
if ARGV[4] == "1" and rcall("SISMEMBER", open, number) == 0 then
  return rcall("HSTRLEN", facts, "replaced:" .. number) + size > 0 and 2 or 3
end
-- Not a digest of it, which takes 2 ms a megabyte. The bytes are for versions that do not count.
local written = rcall("HGET", facts, "written:" .. number) or "0"
if ARGV[3] == "" then
  if size == 0 or rcall("HGET", facts, "count:" .. number) ~= ARGV[5] then
    return 0
  end
elseif ARGV[3] ~= written .. ":" .. size then
  return 0
end
if ARGV[6] ~= "=" then
  take_off(id, number)
  if ARGV[6] ~= "" then
    put_on(id, number, ARGV[6], tonumber(ARGV[5]))
    rcall("HSET", facts, "written:" .. number, string.format("%.0f", tonumber(written) + 1))
  end
  prolong(id, now + tonumber(ARGV[7]))
end
if ARGV[4] == "1" or ARGV[6] == "" then
  rcall("SREM", open, number)
  rcall("HDEL", facts, "origin:" .. number)
end
return 1

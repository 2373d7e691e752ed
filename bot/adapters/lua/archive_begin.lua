-- Makes an archive unless it is there. ARGV: id, how long it is kept in ms, fields and values.
--- @include "archive"
prune()
if rcall("EXISTS", facts) == 1 then
  return 0
end
local ends = now + tonumber(ARGV[2])
rcall("HSET", facts, "at", now, "expires_at", ends, "jobs", 0, unpack(ARGV, 3))
rcall("PEXPIREAT", facts, ends)
rcall("ZADD", archives, ends, ARGV[1])
rcall("HSETNX", sizes, ARGV[1], 0)
return 1

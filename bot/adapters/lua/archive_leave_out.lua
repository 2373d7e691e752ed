-- Notes how many of an archive's jobs an undo has left out. ARGV: its id, that. Returns 1, or 0 where
-- there is none.
--- @include "archive"
prune()
if rcall("EXISTS", facts) == 0 then
  return 0
end
rcall("HSET", facts, "left_out", ARGV[2])
return 1

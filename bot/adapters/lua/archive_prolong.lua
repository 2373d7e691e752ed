-- Lets an archive last for ARGV[2] ms from now on at least. ARGV: its id, that. Returns 1, or 0 where
-- there is none.
--- @include "archive"
prune()
if not rcall("HGET", facts, "expires_at") then
  return 0
end
prolong(ARGV[1], now + tonumber(ARGV[2]))
return 1

-- Forgets an archive (ARGV[1], "" for none) and those that have expired; returns the sum of sizes.
--- @include "archive"
prune()
if ARGV[1] ~= "" then
  forget(ARGV[1])
end
return tonumber(rcall("GET", total) or 0)
